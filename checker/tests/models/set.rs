//! Sets that only grow, elements that nobody reads together, and all that needs search.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::small::{Random, Rules, Small, Tally, play};

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
struct Offer {
    /// In so many of a hundred cases the whole set is read.
    reads: u32,
    /// Elements can be removed and looked for.
    removes: bool,
    /// In so many of a hundred cases adds and removes do not say whether they did anything.
    silent: u32,
}

/// A run of a real set; then perhaps some results are altered.
fn generate(random: &mut Random, offer: Offer) -> Vec<Small> {
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
