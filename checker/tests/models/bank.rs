//! Accounts between which money moves, from balances that only reads tell.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use squall_checker::model::ModelName;

use crate::trials::{Deed, End, Played, Random, Tally, examine, record};

/// What moved, and the first balances once a read told them.
type State = (BTreeMap<String, i64>, Option<BTreeMap<String, i64>>);

fn step((moved, first): &State, deed: &Deed) -> Option<State> {
    let (mut moved, first) = (moved.clone(), first.clone());
    if deed.f == "transfer" {
        let amount = deed.argument["amount"].as_i64().expect("a number");
        for (side, change) in [("from", -amount), ("to", amount)] {
            let account = deed.argument[side].as_str().expect("an account").to_owned();
            *moved.entry(account).or_default() += change;
        }
        return Some((moved, first));
    }
    let Some(read) = deed.result.as_object() else { return Some((moved, first)) };
    let mut told = BTreeMap::new();
    for (account, balance) in read {
        let balance = balance.as_i64().expect("a number");
        told.insert(account.clone(), balance - moved.get(account).unwrap_or(&0));
    }
    let strange = moved.iter().any(|(account, moved)| *moved != 0 && !told.contains_key(account));
    let agrees = first.is_none_or(|first| first == told);
    (agrees && !strange).then_some((moved, Some(told)))
}

pub(crate) fn generate(random: &mut Random) -> Vec<Played> {
    let names = ["0", "1", "2"];
    let mut balances: BTreeMap<&str, i64> = names.into_iter().zip([5, 5, 0]).collect();
    let wrong = [0, 10, 30][random.below(3)];
    let count = 1 + random.below(7);
    let mut played = record(random, count, |random| {
        if random.chance(50) {
            let mut deed = Deed::ok("read", Json::Null, json!(balances));
            if random.chance(10) {
                deed.end = End::Info;
                deed.result = Json::Null;
            }
            return deed;
        }
        let (from, to) = (names[random.below(3)], names[random.below(3)]);
        let amount = 1 + random.below(2) as i64;
        let argument = json!({"from": from, "to": to, "amount": amount});
        let mut deed = Deed::ok("transfer", argument, Json::Null);
        if random.chance(20) {
            deed.end = if random.chance(60) { End::Info } else { End::Fail };
        }
        if deed.end == End::Ok || deed.end == End::Info && random.chance(50) {
            *balances.entry(from).or_default() -= amount;
            *balances.entry(to).or_default() += amount;
        }
        deed
    });
    for one in &mut played {
        if let Some(read) = one.deed.result.as_object_mut()
            && random.chance(wrong)
        {
            let account = names[random.below(3)];
            if random.chance(15) {
                read.remove(account);
            } else if let Some(balance) = read.get_mut(account) {
                *balance = json!(balance.as_i64().expect("a number") + 1);
            }
        }
    }
    played
}

#[test]
fn transfers_agree_with_brute_force() {
    let mut random = Random::new(5);
    let mut tally = Tally::default();
    for _ in 0..20_000 {
        let played = generate(&mut random);
        let initial = State::default();
        examine(&played, ModelName::Bank, &initial, &step, &mut random, &mut tally);
    }
    assert!(tally.linearizable > 4000 && tally.violations > 2000, "{tally:#?}");
    assert!(tally.longest.chars().count() <= 320, "{}", tally.longest);
}
