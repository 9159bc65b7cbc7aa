//! Locks, with owners and without.

use serde_json::{Value as Json, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::small::{Random, Rules, Small, Tally, play};

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
fn generate(random: &mut Random, owners: bool) -> Vec<Small> {
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
        assert!(owners || tally.searched == 0, "{tally:?}");
    }
}
