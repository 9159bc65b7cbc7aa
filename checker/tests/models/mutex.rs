//! Locks, with owners and without.

use expect_test::expect;
use serde_json::{Value as Json, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::{Contradiction, Verdict};
use squall_checker::{CheckOptions, check, verify};

use crate::small::{Random, Rules, Small, Tally, play, recorded, told};

/// Who holds the lock, if anybody.
type Holder = Option<String>;

fn lock(holder: &Holder, small: &Small) -> Vec<Holder> {
    let owner = small.argument.to_string();
    match (small.f, holder) {
        ("acquire", None) => vec![Some(owner)],
        ("release", Some(holder)) if *holder == owner => vec![None],
        _ => Vec::new(),
    }
}

/// Clients that acquire and release in turn; what a real lock would refuse often fails.
pub(crate) fn generate(random: &mut Random, owners: bool) -> Vec<Small> {
    let count = 1 + random.below(8);
    let mut holder = None;
    let wrong = *random.pick(&[0, 0, 10, 40]);
    play(random, count, |random, process, outcome| {
        let owner = if owners { process % 3 } else { 0 };
        let argument = if owners { json!(owner) } else { Json::Null };
        let wrongly = random.percent(wrong);
        let release = (holder == Some(owner)) != wrongly;
        let happens = outcome == Outcome::Ok || outcome == Outcome::Info && random.percent(50);
        if happens {
            holder = (!release).then_some(owner);
        }
        (if release { "release" } else { "acquire" }, argument, Json::Null)
    })
}

#[test]
fn locks_are_decided_as_by_brute_force() {
    let rules = Rules {
        model: ModelName::Mutex,
        initial: None,
        step: &lock,
        takes_part: &|_| true,
        foreign: &[Contradiction::NeverWritten, Contradiction::Overtaken],
    };
    for owners in [false, true] {
        let mut random = Random::new(41);
        let mut tally = Tally::default();
        for _ in 0..20_000 {
            let operations = generate(&mut random, owners);
            rules.judge(&mut random, &operations, &mut tally);
        }
        assert!(tally.linearizable > 2_000 && tally.violations > 2_000, "{tally:?}");
        // With owners, only what an owner lost of both sorts is searched.
        let most = if owners { 8_000 } else { 0 };
        assert!(tally.searched <= most, "{tally:?}");
    }
}

#[test]
fn a_contradiction_after_many_lost_releases_is_proven() {
    let small = |process, f, outcome, begin, end| Small {
        process,
        f,
        argument: Json::Null,
        result: Json::Null,
        outcome,
        begin,
        end,
    };
    // Each acquire needs one more of the releases that were lost, and the last has none.
    let lost = 400;
    let mut operations: Vec<Small> =
        (0..lost).map(|number| small(number, "release", Outcome::Info, 1, 0)).collect();
    for number in 0..=lost as u32 + 1 {
        let begin = 2 + 2 * number;
        operations.push(small(lost, "acquire", Outcome::Ok, begin, begin + 1));
    }
    let history = recorded(&operations);
    let options = CheckOptions { model: Some(ModelName::Mutex), ..CheckOptions::default() };
    let analysis = check(&history, &options).expect("operations of the model");
    assert_eq!(analysis.verdict, Verdict::Violation);
    verify(&history, &Certificate::of(&analysis)).expect("a proof");
}

#[test]
fn contradictions_are_told_in_words() {
    let told = [
        "0 acquire null null 1 2, 1 acquire null null 5 6",
        "0 release null null 1 2",
        "0 acquire 0 null 1 2, 1 acquire 1 null 5 6, 0 release 0 null 8 9",
        "0 acquire 0 null 1 2, 0 release 0 null 3 4, 0 release 0 null 5 6",
    ]
    .map(|operations| told(ModelName::Mutex, operations));
    expect![[r#"
        no-order [0, 1]: key k: n2 acquired the lock, beginning 3.00 ms after n1 had, with no release that could have come between
        no-order [0]: key k: n1 released the lock, which nobody can have held
        held-twice [0, 1, 2]: key k: n2 acquired the lock for 1, beginning 3.00 ms after n1 had acquired it for 0, which had not begun to release it when that ended
        not-held [2]: key k: n1 released the lock for 0, which did not hold it
    "#]].assert_eq(&told.concat());
}
