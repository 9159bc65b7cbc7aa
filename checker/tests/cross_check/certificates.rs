//! Spoilt certificates are refused unless, by the definition, they are still right.

use squall_checker::certificate::Certificate;
use squall_checker::verdict::{Conclusion, Contradiction, Counterexample, OperationId, Verdict};
use squall_checker::{CheckOptions, VerifyError, check, verify};

use crate::agreement::condemns;
use crate::generate::{Random, Values, as_history, history};
use crate::oracle::{Small, is_linearization, linearizable};

const HISTORIES: u64 = 4_000;

#[test]
fn spoilt_orders_are_refused_unless_still_right() {
    let mut refused = 0;
    let mut right = 0;
    for (operations, order, certificate, mut random) in linearizable_ones() {
        let history = as_history(&operations);
        for spoilt in spoilt_orders(&order, &mut random) {
            let indices: Vec<usize> = spoilt.iter().map(|id| id.0 as usize).collect();
            let mut certificate = certificate.clone();
            certificate.keys[0].conclusion = Conclusion::Linearizable { order: spoilt };
            let truth = is_linearization(&operations, &indices);
            assert_eq!(
                verify(&history, &certificate).is_ok(),
                truth,
                "{operations:#?}\n{indices:?}"
            );
            *(if truth { &mut right } else { &mut refused }) += 1;
        }
    }
    assert!(refused > 5_000 && right > 500, "{refused} refused, {right} still right");
}

#[test]
fn no_part_of_a_linearizable_history_condemns_it() {
    for (operations, _, certificate, mut random) in linearizable_ones() {
        let history = as_history(&operations);
        let analysis = check(&history, &CheckOptions::default()).expect("a register");
        for _ in 0..4 {
            let part = (0..operations.len() as u32).map(OperationId);
            let part: Vec<OperationId> = part.filter(|_| random.percent(70)).collect();
            assert!(!condemns(&history, &analysis, part));
        }
        let mut certificate = certificate;
        certificate.verdict = Verdict::Violation;
        let error = verify(&history, &certificate).expect_err("no key is violated");
        assert!(matches!(error, VerifyError::Verdict { .. }), "{error}");
    }
}

#[test]
fn a_violated_history_has_no_other_verdict() {
    for seed in 0..HISTORIES {
        let operations = history(&mut Random::new(seed), Values::Unique, 6);
        if linearizable(&operations) {
            continue;
        }
        let history = as_history(&operations);
        let analysis = check(&history, &CheckOptions::default()).expect("a register");
        let mut certificate = Certificate::of(&analysis);
        certificate.verdict = Verdict::Linearizable;
        assert!(verify(&history, &certificate).is_err());
        let order = (0..operations.len() as u32).map(OperationId).collect();
        certificate.keys[0].conclusion = Conclusion::Linearizable { order };
        assert!(verify(&history, &certificate).is_err());
        certificate.keys.clear();
        assert!(verify(&history, &certificate).is_err());
    }
}

/// Linearizable histories with their certificates.
fn linearizable_ones() -> impl Iterator<Item = (Vec<Small>, Vec<OperationId>, Certificate, Random)>
{
    (0..HISTORIES).filter_map(|seed| {
        let mut random = Random::new(seed);
        let values = [Values::Unique, Values::Repeated, Values::WithCas][seed as usize % 3];
        let operations = history(&mut random, values, 7);
        let analysis = check(&as_history(&operations), &CheckOptions::default());
        let certificate = Certificate::of(&analysis.expect("a register"));
        match &certificate.keys[0].conclusion {
            Conclusion::Linearizable { order } => {
                Some((operations, order.clone(), certificate, random))
            }
            _ => None,
        }
    })
}

fn spoilt_orders(order: &[OperationId], random: &mut Random) -> Vec<Vec<OperationId>> {
    let mut foreign = order.to_vec();
    foreign.push(OperationId(1000));
    let mut spoilt = vec![order.iter().rev().copied().collect(), foreign];
    if order.is_empty() {
        return spoilt;
    }
    let place = random.below(order.len() as u64) as usize;
    let other = random.below(order.len() as u64) as usize;
    let mut swapped = order.to_vec();
    swapped.swap(place, other);
    let mut dropped = order.to_vec();
    dropped.remove(place);
    let mut repeated = order.to_vec();
    repeated.insert(other, order[place]);
    let mut moved = dropped.clone();
    moved.insert(other.min(moved.len()), order[place]);
    let mut replaced = order.to_vec();
    replaced[place] = OperationId(order[place].0 ^ 1);
    spoilt.extend([swapped, dropped, repeated, moved, replaced]);
    spoilt
}

#[test]
fn a_counterexample_is_of_one_kind_and_its_edges_go_one_way() {
    let kinds =
        [Contradiction::NeverWritten, Contradiction::ReadBeforeWrite, Contradiction::ValueReturned];
    let mut turned = 0;
    for seed in 0..HISTORIES {
        let mut random = Random::new(seed);
        let values = [Values::Unique, Values::Repeated, Values::WithCas][seed as usize % 3];
        let history = as_history(&history(&mut random, values, 7));
        let analysis = check(&history, &CheckOptions::default()).expect("a register");
        let Conclusion::Violation(right) = &analysis.keys[0].conclusion else { continue };
        let mut certificate = Certificate::of(&analysis);
        let mut accepts = |counterexample| {
            certificate.keys[0].conclusion = Conclusion::Violation(counterexample);
            verify(&history, &certificate).is_ok()
        };
        for kind in kinds {
            let claimed = accepts(Counterexample { kind, ..right.clone() });
            // Where repeated values keep a procedure from naming it, blocks that
            // compare-and-sets link may still be seen to return.
            let with_cas = right.operations.iter().any(|id| history.get(*id).f() == "cas");
            let expected = kind == right.kind;
            assert!(claimed == expected || (with_cas && claimed), "{kind} for {right:?}");
        }
        for index in 0..right.edges.len() {
            let mut spoilt = right.clone();
            let edge = &mut spoilt.edges[index];
            std::mem::swap(&mut edge.from, &mut edge.to);
            assert!(!accepts(spoilt), "edge {index} turned around in {right:?}");
            turned += 1;
        }
    }
    assert!(turned > 500, "only {turned} edges");
}

#[test]
fn a_certificate_survives_its_json() {
    for seed in 0..300 {
        let operations = history(&mut Random::new(seed), Values::Unique, 6);
        let history = as_history(&operations);
        let analysis = check(&history, &CheckOptions::default()).expect("a register");
        let certificate = Certificate::of(&analysis);
        let mut json = Vec::new();
        certificate.write_json(&mut json).expect("memory takes all");
        let read = Certificate::read_json(json.as_slice()).expect("what was written");
        assert_eq!(read, certificate);
    }
}
