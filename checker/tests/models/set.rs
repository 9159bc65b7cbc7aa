//! Sets that only grow, elements that nobody reads together, and all that needs search.

use std::collections::BTreeSet;

use expect_test::expect;
use serde_json::{Value as Json, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::small::{Random, Rules, Small, Tally, play, told};

/// What is in the set.
type Contents = BTreeSet<String>;

fn step(contents: &Contents, small: &Small) -> Vec<Contents> {
    let element = small.argument.to_string();
    let there = contents.contains(&element);
    let told = small.result != small.argument || small.f == "contains";
    let said = small.result.as_bool().filter(|_| told && small.outcome == Outcome::Ok);
    let legal = match (small.f, said) {
        ("read", _) => {
            let found = small.result.as_array().cloned().unwrap_or_default();
            found.iter().map(Json::to_string).collect::<Contents>() == *contents
        }
        ("add", Some(changed)) => changed != there,
        ("contains" | "remove", Some(changed)) => changed == there,
        _ => true,
    };
    let mut contents = contents.clone();
    match small.f {
        "add" => {
            contents.insert(element);
        }
        "remove" => {
            contents.remove(&element);
        }
        _ => {}
    }
    if legal { vec![contents] } else { Vec::new() }
}

/// What a system offers, and what it says.
#[derive(Clone, Copy)]
pub(crate) struct Offer {
    /// In so many of a hundred cases the whole set is read.
    pub(crate) reads: u32,
    /// Elements can be removed and looked for.
    pub(crate) removes: bool,
    /// In so many of a hundred cases adds and removes do not say whether they did anything.
    pub(crate) silent: u32,
}

/// A run of a real set; then perhaps some results are altered.
pub(crate) fn generate(random: &mut Random, offer: Offer) -> Vec<Small> {
    let count = 1 + random.below(9);
    let elements = 1 + random.below(4);
    let mut contents: BTreeSet<u32> = BTreeSet::new();
    let mut operations = play(random, count, |random, _, outcome| {
        let happens = match outcome {
            Outcome::Ok => true,
            Outcome::Info => random.percent(50),
            Outcome::Fail => false,
        };
        if random.percent(offer.reads) {
            let mut found: Vec<Json> = contents.iter().map(|number| named(*number)).collect();
            if random.percent(30) {
                found.reverse();
                found.extend(found.first().cloned());
            }
            let nothing = found.is_empty() && random.percent(30);
            return ("read", Json::Null, if nothing { Json::Null } else { json!(found) });
        }
        let number = random.below(elements);
        let element = named(number);
        let quiet = if random.percent(50) { element.clone() } else { Json::Null };
        let silent = random.percent(offer.silent);
        let (f, changed) = match random.below(if offer.removes { 3 } else { 1 }) {
            0 => ("add", if happens { contents.insert(number) } else { false }),
            1 => ("remove", if happens { contents.remove(&number) } else { false }),
            _ => return ("contains", element, json!(contents.contains(&number))),
        };
        (f, element, if silent { quiet } else { json!(changed) })
    });
    for _ in 0..*random.pick(&[0, 0, 1, 2]) {
        alter(random, &mut operations);
    }
    operations
}

/// Numbers, texts, and one that is itself a truth value.
fn named(number: u32) -> Json {
    match number {
        2 => json!("e2"),
        3 => json!(true),
        number => json!(number),
    }
}

fn alter(random: &mut Random, operations: &mut [Small]) {
    let place = random.below(operations.len() as u32) as usize;
    let small = &mut operations[place];
    if small.outcome != Outcome::Ok {
        return;
    }
    match &mut small.result {
        Json::Bool(said) if small.f == "contains" || small.argument != json!(true) => {
            *said = !*said;
        }
        Json::Array(found) if !found.is_empty() && random.percent(50) => {
            found.remove(0);
        }
        Json::Array(found) => found.push(named(random.below(5))),
        _ => {}
    }
}

fn judge(seed: u64, offer: Offer) -> Tally {
    let rules = Rules {
        model: ModelName::Set,
        initial: Contents::new(),
        step: &step,
        takes_part: &|small| matches!(small.f, "add" | "remove"),
        foreign: &[
            Contradiction::ValueReturned,
            Contradiction::HeldTwice,
            Contradiction::Overtaken,
            Contradiction::CountTooLow,
        ],
    };
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    for _ in 0..25_000 {
        let operations = generate(&mut random, offer);
        rules.judge(&mut random, &operations, &mut tally);
    }
    tally
}

#[test]
fn sets_that_only_grow_are_decided_as_by_brute_force() {
    let tally = judge(51, Offer { reads: 50, removes: false, silent: 100 });
    assert!(tally.linearizable > 8_000 && tally.violations > 3_000, "{tally:?}");
    assert!(tally.spoilt > 20_000 && tally.searched == 0, "{tally:?}");
}

#[test]
fn elements_that_tell_of_changes_are_decided_as_by_brute_force() {
    let tally = judge(52, Offer { reads: 0, removes: true, silent: 0 });
    assert!(tally.linearizable > 8_000 && tally.violations > 3_000, "{tally:?}");
    assert!(tally.spoilt > 20_000, "{tally:?}");
}

#[test]
fn silent_changes_are_decided_as_by_brute_force() {
    let tally = judge(53, Offer { reads: 0, removes: true, silent: 60 });
    assert!(tally.linearizable > 8_000 && tally.violations > 2_000, "{tally:?}");
    assert!(tally.spoilt > 20_000 && tally.searched > 8_000, "{tally:?}");
}

#[test]
fn changes_among_reads_of_all_are_decided_as_by_brute_force() {
    for (seed, silent) in [(54, 0), (55, 50)] {
        let tally = judge(seed, Offer { reads: 30, removes: true, silent });
        assert!(tally.linearizable > 8_000 && tally.violations > 3_000, "{tally:?}");
        assert!(tally.spoilt > 20_000 && tally.searched > 8_000, "{tally:?}");
    }
}

#[test]
fn contradictions_are_told_in_words() {
    let told = [
        "0 add 7 7 1 2, 1 read null [8] 3 4",
        "1 read null [7] 1 2, 0 add 7 7 5 8",
        "0 add 7 7 1 9, 0 add 8 8 1 9, 1 read null [7] 2 4, 2 read null [8] 3 5",
        "0 add 7 7 1 2, 1 read null [] 5 6",
        "0 add 7 7 1 9, 1 read null [7] 2 3, 2 read null [] 5 6",
        "0 add 7 7 2 3, 0 add 8 8 5 6, 1 read null [8] 1 7",
        "0 add 7 true 1 2, 1 remove 7 true 3 4, 2 remove 7 true 7 8",
        "0 add 7 true 1 2, 1 contains 7 false 5 6",
        "0 add 8 true 1 2, 1 contains 7 true 5 6",
        "0 add 7 7 1 2, 1 contains 7 false 5 6",
    ]
    .map(|operations| told(ModelName::Set, operations));
    expect![[r#"
        never-written [1]: key k: n2 read a set with 8, but nobody ever added 8
        read-before-write [0, 1]: key k: n2 read a set with 7, and that ended 3.00 ms before the add of 7 on n1 began
        divergent-reads [0, 1, 2, 3]: key k: n2 read a set with 7 but without 8, n3 one with 8 but without 7: neither can have been read first
        out-of-order [0, 1]: key k: n2 read a set without 7 that began 3.00 ms after the add of 7 on n1 was acknowledged
        out-of-order [0, 1, 2]: key k: n3 read a set without 7 that began 2.00 ms after n2 had read one with 7
        out-of-order [0, 1, 2]: key k: n2 read a set with 8 but without 7, though the add of 7 had ended 2.00 ms before that of 8 began
        no-order [1, 2]: key k: n3 removed 7, though nobody can have added it since n2 removed it, 3.00 ms before
        no-order [0, 1]: key k: n2 missed 7, though nobody can have removed it since n1 added it, 3.00 ms before
        no-order [1]: key k: n2 found 7, though nobody can have added it by then
        no-order [0, 1]: key k: no order of 2 operations is legal: n1 add 7 at +0 ns; n2 contains 7 -> false at +4.00 ms
    "#]].assert_eq(&told.concat());
}
