//! Transactions on lists and on registers.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use squall_checker::certificate::Certificate;
use squall_checker::model::ModelName;
use squall_checker::verdict::{Conclusion, Contradiction, Verdict};
use squall_checker::{CheckOptions, check, verify};

use crate::trials::{Deed, End, Played, Random, Tally, accepted, examine, history, record};

/// Each key by what is in it.
type Store = BTreeMap<String, Vec<Json>>;

/// The state after a transaction; a write that is of registers replaces.
fn step(store: &Store, deed: &Deed) -> Option<Store> {
    let mut store = store.clone();
    let known = deed.end == End::Ok;
    let micros = if known { &deed.result } else { &deed.argument };
    for micro in micros.as_array().expect("a list") {
        let held = store.entry(micro[1].to_string()).or_default();
        match micro[0].as_str().expect("a function") {
            "append" => held.push(micro[2].clone()),
            "w" if micro[2].is_null() => held.clear(),
            "w" => *held = vec![micro[2].clone()],
            _ if !known => {}
            _ => {
                let found = match &micro[2] {
                    Json::Null => Vec::new(),
                    Json::Array(list) => list.clone(),
                    value => vec![value.clone()],
                };
                if *held != found {
                    return None;
                }
            }
        }
    }
    Some(store)
}

/// A legal run, most of which are then spoilt.
pub(crate) fn generate(random: &mut Random, write: &'static str) -> Vec<Played> {
    let keys = [json!("x"), json!(7), json!("y")];
    let keys = &keys[..1 + random.below(3)];
    let mut store = Store::new();
    let mut elements = 0;
    let repeats = random.chance(10);
    let count = 2 + random.below(5);
    let mut played = record(random, count, |random| {
        let mut argument = Vec::new();
        let mut result = Vec::new();
        let mut after = store.clone();
        for _ in 0..=random.below(3) {
            let key = &keys[random.below(keys.len())];
            let held = after.entry(key.to_string()).or_default();
            if random.chance(50) {
                elements += 1;
                let value = match random.below(3) {
                    0 if repeats => json!(1),
                    1 if repeats && write == "w" => Json::Null,
                    _ => json!(elements),
                };
                argument.push(json!([write, key, value]));
                result.push(json!([write, key, value]));
                if write == "w" {
                    held.clear();
                }
                if write != "w" || !value.is_null() {
                    held.push(value);
                }
            } else {
                let found = match (write, held.is_empty()) {
                    ("w", _) => held.first().cloned().unwrap_or(Json::Null),
                    (_, true) if random.chance(50) => Json::Null,
                    _ => json!(held),
                };
                argument.push(json!(["r", key, null]));
                result.push(json!(["r", key, found]));
            }
        }
        let end = match random.below(100) {
            0..75 => End::Ok,
            75..90 => End::Info,
            _ => End::Fail,
        };
        if end == End::Ok || end == End::Info && random.chance(50) {
            store = after;
        }
        let result = if end == End::Ok { json!(result) } else { Json::Null };
        Deed { end, ..Deed::ok("txn", json!(argument), result) }
    });
    if random.chance(75) {
        for _ in 0..2 + random.below(4) {
            spoil(random, &mut played, elements);
        }
    }
    played
}

/// Changes what one read found.
fn spoil(random: &mut Random, played: &mut [Played], elements: usize) {
    let at = random.below(played.len());
    let Some(micros) = played[at].deed.result.as_array_mut() else { return };
    let at = random.below(micros.len());
    let micro = &mut micros[at];
    if micro[0] != "r" {
        return;
    }
    let any = json!(1 + random.below(elements + 1));
    match &mut micro[2] {
        Json::Array(list) => match random.below(5) {
            0 | 1 => {
                list.pop();
            }
            2 if list.len() > 1 => list.swap(0, 1),
            3 if !list.is_empty() => {
                list.remove(0);
            }
            _ => list.push(any),
        },
        value if random.chance(40) => *value = Json::Null,
        value if *value != Json::Null => *value = any,
        _ => {}
    }
}

fn agree(model: ModelName, write: &'static str, seed: u64) -> Tally {
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    for _ in 0..20_000 {
        let played = generate(&mut random, write);
        examine(&played, model, &Store::new(), &step, &mut random, &mut tally);
    }
    assert!(tally.linearizable > 4000 && tally.violations > 4000, "{tally:#?}");
    assert_eq!(tally.procedures.len(), 2, "{tally:#?}");
    assert!(tally.longest.chars().count() <= 320, "{}", tally.longest);
    tally
}

#[test]
fn transactions_on_lists_agree_with_brute_force() {
    let tally = agree(ModelName::TxnAppend, "append", 1);
    for kind in [
        Contradiction::G1a,
        Contradiction::G1b,
        Contradiction::G1c,
        Contradiction::GSingle,
        Contradiction::G2,
        Contradiction::Internal,
        Contradiction::LostUpdate,
        Contradiction::DivergentReads,
        Contradiction::RepeatedElement,
        Contradiction::NeverWritten,
        Contradiction::NoOrder,
    ] {
        assert!(tally.kinds.contains(&kind), "no {kind}: {tally:#?}");
    }
}

#[test]
fn transactions_on_registers_agree_with_brute_force() {
    let tally = agree(ModelName::TxnRegister, "w", 2);
    for kind in [
        Contradiction::G1a,
        Contradiction::G1b,
        Contradiction::G1c,
        Contradiction::GSingle,
        Contradiction::G2,
        Contradiction::Internal,
        Contradiction::LostUpdate,
        Contradiction::NeverWritten,
        Contradiction::NoOrder,
    ] {
        assert!(tally.kinds.contains(&kind), "no {kind}: {tally:#?}");
    }
}

#[test]
fn a_cycle_is_claimed_as_it_is() {
    let cycles = [Contradiction::G0, Contradiction::G1c, Contradiction::GSingle, Contradiction::G2];
    let mut random = Random::new(3);
    let mut spoilt = 0;
    for round in 0..20_000 {
        let (model, write) = match round % 2 {
            0 => (ModelName::TxnAppend, "append"),
            _ => (ModelName::TxnRegister, "w"),
        };
        let history = history(&generate(&mut random, write));
        let options = CheckOptions { model: Some(model), ..Default::default() };
        let analysis = check(&history, &options).expect("transactions");
        if analysis.verdict != Verdict::Violation {
            continue;
        }
        verify(&history, &Certificate::of(&analysis)).expect("a proof");
        let Conclusion::Violation(found) = &analysis.keys[0].conclusion else { continue };
        if found.edges.is_empty() {
            continue;
        }
        for kind in cycles.into_iter().filter(|kind| *kind != found.kind) {
            if found.kind == Contradiction::LostUpdate && kind == Contradiction::G2 {
                // Two missed writes are both.
                continue;
            }
            let mut other = found.clone();
            other.kind = kind;
            assert!(!accepted(&history, &analysis, Conclusion::Violation(other)), "{found:#?}");
        }
        let mut torn = found.clone();
        torn.edges.pop();
        assert!(!accepted(&history, &analysis, Conclusion::Violation(torn)), "{found:#?}");
        spoilt += 1;
    }
    assert!(spoilt > 400, "only {spoilt} cycles");
}
