//! Registers against the brute force, with faults, and their contradictions against the
//! rule that makes them proofs.

use super::decide;
use crate::cross_check::{Judged, Random, brute_force, spans};
use crate::model::{Model, Register, RegisterOp, ValueId};
use crate::procedure::Decision;
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// Values of a history: each operation may store one.
const VALUES: u32 = 12;

/// What the random operations are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mix {
    ReadsAndWrites,
    WithSwaps,
    WithRefusals,
}

/// A small legal run, sometimes with a lie or two in what it returned.
fn generate(random: &mut Random, mix: Mix) -> Vec<Timed<RegisterOp>> {
    let count = random.below(10);
    let layout = spans(random, count);
    let lies = random.chance(70);
    let mut ops = vec![RegisterOp::Read(ValueId::INITIAL); count as usize];
    let mut indeterminate = vec![false; count as usize];
    let (mut current, mut last) = (0, 0);
    for index in layout.effects {
        let lie = lies && random.chance(35);
        let seen = ValueId(if lie { random.below(last + 2) } else { current });
        let kinds = match mix {
            Mix::ReadsAndWrites => 2,
            Mix::WithSwaps => 3,
            Mix::WithRefusals => 4,
        };
        let kind = random.below(kinds);
        let mut stored = None;
        ops[index] = match kind {
            0 => RegisterOp::Read(seen),
            1 | 2 => {
                last += 1;
                stored = Some(last);
                let new = ValueId(last);
                if kind == 1 {
                    RegisterOp::Write(new)
                } else {
                    RegisterOp::Cas { expected: seen, new }
                }
            }
            _ if lie => RegisterOp::Refused(seen),
            _ => RegisterOp::Refused(ValueId((current + random.pick(&[1, 2])) % (last + 3))),
        };
        indeterminate[index] = stored.is_some() && random.chance(25);
        if let Some(stored) = stored
            && !(indeterminate[index] && random.chance(50))
        {
            current = stored;
        }
    }
    let timed = layout.spans.iter().zip(ops).zip(indeterminate);
    timed
        .map(|((&(invoked, end), op), indeterminate)| Timed {
            op,
            invoked,
            returned: if indeterminate { NEVER } else { end },
        })
        .collect()
}

fn step(state: &ValueId, op: &RegisterOp) -> Vec<ValueId> {
    Register.step(state, op).into_iter().collect()
}

fn judged(
    generate: &dyn Fn(&mut Random) -> Vec<Timed<RegisterOp>>,
) -> Judged<'_, RegisterOp, ValueId> {
    Judged {
        generate,
        decide: &|operations| decide(operations, VALUES),
        initial: ValueId::INITIAL,
        step: &step,
    }
}

#[test]
fn it_agrees_with_the_brute_force() {
    for (mix, seed) in [(Mix::ReadsAndWrites, 1), (Mix::WithSwaps, 2)] {
        let tally = judged(&|random| generate(random, mix)).run(200_000, seed).unwrap();
        assert!(tally.linearizable > 50_000, "{tally:?}");
        assert!(tally.violations > 40_000, "{tally:?}");
        assert!(tally.with_indeterminate > 50_000, "{tally:?}");
        assert_eq!(tally.not_applicable, 0);
    }
    let tally = judged(&|random| generate(random, Mix::WithRefusals)).run(200_000, 3).unwrap();
    assert!(tally.linearizable > 50_000, "{tally:?}");
    assert!(tally.violations > 40_000, "{tally:?}");
    assert!(tally.not_applicable < 6_000, "{tally:?}");
}

#[test]
fn every_fault_is_caught() {
    let faults = [
        "register: chains are not swept",
        "register: a value is replaced twice",
        "register: unread predecessors stay out",
        "register: circles are not seen",
        "register: the initial value may return",
        "register: stores may come before their chain",
        "register: reads may come before their chain",
        "register: equal chains in the wrong order",
        "register: refused ones overtake each other",
        "register: refused ones come too late",
        "register: refused ones fit anywhere",
    ];
    let with_refusals = |random: &mut Random| generate(random, Mix::WithRefusals);
    let survivors = judged(&with_refusals).survivors(&faults, 100_000, 4);
    assert!(survivors.is_empty(), "{survivors:?}");
}

/// The part of a history that is left to a contradiction: without its operations' reads of
/// values stored elsewhere there is none, and compare-and-sets from such values are writes.
fn part(whole: &[Timed<RegisterOp>], named: &[u32]) -> Option<Vec<Timed<RegisterOp>>> {
    let stores = |operation: &Timed<RegisterOp>, sought: ValueId| match operation.op {
        RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } => value == sought,
        RegisterOp::Read(_) | RegisterOp::Refused(_) => false,
    };
    let mut part = Vec::new();
    for &index in named {
        let mut operation = whole[index as usize];
        let elsewhere = |sought: ValueId| {
            (0..).zip(whole).any(|(other, store)| stores(store, sought) && !named.contains(&other))
        };
        match operation.op {
            RegisterOp::Read(value) if elsewhere(value) => return None,
            RegisterOp::Cas { expected, new } if elsewhere(expected) => {
                operation.op = RegisterOp::Write(new);
            }
            _ => {}
        }
        part.push(operation);
    }
    Some(part)
}

#[test]
fn contradictions_stand_by_themselves_and_need_every_operation() {
    let mut random = Random::new(5);
    let mut kinds = std::collections::HashMap::new();
    for _ in 0..100_000 {
        let operations = generate(&mut random, Mix::WithRefusals);
        let Decision::Violation(conflict) = decide(&operations, VALUES) else { continue };
        *kinds.entry(conflict.kind).or_insert(0) += 1;
        let has_order = |named: &[u32]| {
            part(&operations, named).is_none_or(|part| brute_force(&part, &ValueId::INITIAL, &step))
        };
        let named = &conflict.operations;
        assert!(!has_order(named), "{conflict:?} proves nothing in {operations:#?}");
        for index in 0..named.len() {
            let mut without = named.clone();
            let removed = without.remove(index);
            // A refused operation is judged where the value is tied down, not by itself.
            let ties = conflict.kind == Contradiction::RefusedInVain
                && !matches!(operations[removed as usize].op, RegisterOp::Refused(_));
            assert!(
                ties || has_order(&without),
                "{conflict:?} does not need {removed} in {operations:#?}"
            );
        }
    }
    let expected = [
        Contradiction::NeverWritten,
        Contradiction::ReadBeforeWrite,
        Contradiction::ValueReturned,
        Contradiction::ReplacedTwice,
        Contradiction::ChainInverted,
        Contradiction::ChainClosed,
        Contradiction::RefusedInVain,
    ];
    for kind in expected {
        assert!(kinds.get(&kind).is_some_and(|count| *count > 50), "{kind}: {kinds:?}");
    }
}
