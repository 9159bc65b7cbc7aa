//! Growing sets against a brute force, and that every conflict stands by itself and is
//! minimal.

use super::*;
use crate::cross_check::{Judged, Random, brute_force, spans};

/// Elements in these histories are below this.
const ELEMENTS: u32 = 5;

/// An operation with what it read written out, a bit for each element.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Played {
    Add(u32),
    Read(u32),
}

fn step(set: &u32, op: &Played) -> Vec<u32> {
    match *op {
        Played::Add(element) => vec![set | 1 << element],
        Played::Read(found) if found == *set => vec![*set],
        Played::Read(_) => vec![],
    }
}

/// A run of a real set, with now and then a lost add or a read that went wrong.
fn generate(random: &mut Random) -> Vec<Timed<Played>> {
    let count = 1 + random.below(8);
    let spans = spans(random, count);
    let wrong_percent = random.pick(&[0, 10, 25, 50]);
    let elements = random.pick(&[2, 3, ELEMENTS]);
    let mut operations: Vec<Timed<Played>> = spans
        .spans
        .iter()
        .map(|&(invoked, returned)| {
            let add = random.chance(55);
            let op = if add { Played::Add(random.below(elements)) } else { Played::Read(0) };
            Timed { op, invoked, returned }
        })
        .collect();
    let mut set = 0;
    for &index in &spans.effects {
        let indeterminate = random.chance(15);
        let lost = random.chance(wrong_percent / 4) || indeterminate && random.chance(50);
        let operation = &mut operations[index];
        match &mut operation.op {
            Played::Add(element) if !lost => set |= 1 << *element,
            Played::Add(_) => {}
            Played::Read(found) => {
                *found = set;
                if random.chance(wrong_percent) {
                    *found ^= 1 << random.below(elements);
                }
            }
        }
        if indeterminate {
            operation.returned = NEVER;
        }
    }
    operations
}

/// Gives the operations to the procedure as it takes them; every other history has its
/// sets stored once for each read.
fn decide_raw(operations: &[Timed<Played>]) -> Decision {
    let mut masks: Vec<u32> = Vec::new();
    let mut arena = Vec::new();
    let mut sets: Vec<Range<u32>> = Vec::new();
    let mut intern = |mask: u32| {
        let known = masks.iter().position(|known| *known == mask);
        let place = known.filter(|_| operations.len().is_multiple_of(2)).unwrap_or(masks.len());
        if place == masks.len() {
            let start = arena.len() as u32;
            arena.extend((0..ELEMENTS).filter(|element| mask >> element & 1 == 1));
            sets.push(start..arena.len() as u32);
            masks.push(mask);
        }
        SetId(place as u32)
    };
    let timed: Vec<Timed<GrowSetOp>> = operations
        .iter()
        .map(|operation| Timed {
            op: match operation.op {
                Played::Add(element) => GrowSetOp::Add(element),
                Played::Read(found) => GrowSetOp::Read(intern(found)),
            },
            invoked: operation.invoked,
            returned: operation.returned,
        })
        .collect();
    decide(&GrowSetHistory { operations: &timed, sets: &sets, arena: &arena, elements: ELEMENTS })
}

fn adds_of(operations: &[Timed<Played>], element: u32) -> usize {
    operations.iter().filter(|operation| operation.op == Played::Add(element)).count()
}

/// Whether some operations of a history have a legal order, reads and adds restricted to
/// the elements all of whose adds are among them.
fn legal_by_themselves(history: &[Timed<Played>], named: &[Timed<Played>]) -> bool {
    let complete = |element: &u32| adds_of(named, *element) == adds_of(history, *element);
    let kept: u32 = (0..ELEMENTS).filter(complete).map(|element| 1 << element).sum();
    let restricted: Vec<Timed<Played>> = named
        .iter()
        .filter_map(|operation| match operation.op {
            Played::Add(element) => (kept >> element & 1 == 1).then_some(*operation),
            Played::Read(found) => Some(Timed { op: Played::Read(found & kept), ..*operation }),
        })
        .collect();
    brute_force(&restricted, &0, &step)
}

/// Panics unless the operations of a conflict contradict each other, each being needed.
fn assert_minimal(operations: &[Timed<Played>], conflict: &Conflict) {
    let named: Vec<Timed<Played>> =
        conflict.operations.iter().map(|&index| operations[index as usize]).collect();
    if conflict.kind == Contradiction::NeverWritten {
        let Played::Read(found) = named[0].op else { panic!("not a read: {conflict:?}") };
        let never_added = |element| found >> element & 1 == 1 && adds_of(operations, element) == 0;
        assert!(named.len() == 1 && (0..ELEMENTS).any(never_added), "{conflict:?}");
        return;
    }
    assert!(
        !legal_by_themselves(operations, &named),
        "{conflict:?} proves nothing: {operations:#?}"
    );
    for spare in 0..named.len() {
        let mut rest = named.clone();
        rest.remove(spare);
        assert!(
            legal_by_themselves(operations, &rest),
            "{conflict:?} is not minimal: {operations:#?}"
        );
    }
}

fn decide_played(operations: &[Timed<Played>]) -> Decision {
    let decision = decide_raw(operations);
    if let Decision::Violation(conflict) = &decision {
        assert_minimal(operations, conflict);
    }
    decision
}

fn judged() -> Judged<'static, Played, u32> {
    Judged { generate: &generate, decide: &decide_played, initial: 0, step: &step }
}

#[test]
fn agrees_with_brute_force() {
    let tally = judged().run(150_000, 1).unwrap();
    assert!(tally.linearizable > 30_000 && tally.violations > 25_000, "{tally:?}");
    assert!(tally.with_indeterminate > 50_000 && tally.not_applicable == 0, "{tally:?}");
}

#[test]
fn shows_every_kind_of_conflict() {
    let mut random = Random::new(3);
    let mut kinds: Vec<(Contradiction, usize)> = Vec::new();
    for _ in 0..50_000 {
        let operations = generate(&mut random);
        if let Decision::Violation(Conflict { kind, operations }) = decide_played(&operations)
            && !kinds.contains(&(kind, operations.len()))
        {
            kinds.push((kind, operations.len()));
        }
    }
    for expected in [
        (Contradiction::NeverWritten, 1),
        (Contradiction::ReadBeforeWrite, 2),
        (Contradiction::ReadBeforeWrite, 3),
        (Contradiction::OutOfOrder, 2),
        (Contradiction::OutOfOrder, 3),
        (Contradiction::DivergentReads, 4),
    ] {
        assert!(kinds.contains(&expected), "no {expected:?} in {kinds:?}");
    }
}

#[test]
fn faults_are_caught() {
    let faults = [
        "grow set: only sizes count",
        "grow set: every add is the first",
        "grow set: no add need be first",
        "grow set: unseen adds are forgotten",
        "rank: equal ranks conflict",
        "rank: a tie is an order",
        "rank: predecessors raise nothing",
        "rank: equals in any order",
    ];
    let judged = Judged { decide: &decide_raw, ..judged() };
    assert_eq!(judged.survivors(&faults, 20_000, 2), Vec::<&str>::new());
}

#[test]
fn what_it_cannot_judge_it_says() {
    let read = |at| Timed { op: GrowSetOp::Read(SetId(0)), invoked: at, returned: at };
    let add = |element| Timed { op: GrowSetOp::Add(element), invoked: 0, returned: 1 };
    let decide_with = |operations: &[Timed<GrowSetOp>], arena: &[u32]| {
        let whole = 0..arena.len() as u32;
        let sets = std::slice::from_ref(&whole);
        decide(&GrowSetHistory { operations, sets, arena, elements: 2 })
    };
    let falling = Decision::NotApplicable("the elements of a set do not rise");
    let both = [add(0), add(1), read(2)];
    assert_eq!(decide_with(&both, &[1, 0]), falling);
    assert_eq!(decide_with(&both, &[0, 0]), falling);
    assert_eq!(decide_with(&both, &[0, 1, 2]), Decision::NotApplicable(ABOVE));
    assert_eq!(decide_with(&[add(2)], &[]), Decision::NotApplicable(ABOVE));
    assert_eq!(decide_with(&both, &[0, 1]), Decision::Linearizable(vec![0, 1, 2]));
    assert_eq!(decide_with(&[], &[]), Decision::Linearizable(vec![]));
}
