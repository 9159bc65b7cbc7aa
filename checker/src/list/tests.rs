//! Lists against a brute force, and that every conflict stands by itself and is minimal.

use super::*;
use crate::cross_check::{Judged, Random, brute_force, spans};

/// An operation with what it read written out.
#[derive(Clone, Debug, PartialEq)]
enum Played {
    Append(u32),
    Read(Vec<u32>),
}

fn step(list: &Vec<u32>, op: &Played) -> Vec<Vec<u32>> {
    match op {
        Played::Append(element) => vec![[list.as_slice(), &[*element]].concat()],
        Played::Read(found) if found == list => vec![list.clone()],
        Played::Read(_) => vec![],
    }
}

/// A run of a real list, with now and then a lost append or a read that went wrong.
fn generate(random: &mut Random) -> Vec<Timed<Played>> {
    let spans = {
        let count = 1 + random.below(8);
        spans(random, count)
    };
    let wrong_percent = random.pick(&[0, 10, 25, 50]);
    let mut operations: Vec<Timed<Played>> = (0..)
        .zip(&spans.spans)
        .map(|(index, &(invoked, returned))| {
            let append = random.chance(50);
            let op = if append { Played::Append(index) } else { Played::Read(vec![]) };
            Timed { op, invoked, returned }
        })
        .collect();
    let mut list = Vec::new();
    for &index in &spans.effects {
        let lost = random.chance(wrong_percent / 4);
        let indeterminate = random.chance(15);
        let operation = &mut operations[index];
        match &mut operation.op {
            Played::Append(element) if !(lost || indeterminate && random.chance(50)) => {
                list.push(*element);
            }
            Played::Append(_) => {}
            Played::Read(found) => {
                found.clone_from(&list);
                if random.chance(wrong_percent) {
                    spoil(found, random);
                }
            }
        }
        if indeterminate {
            operation.returned = NEVER;
        }
    }
    operations
}

fn spoil(found: &mut Vec<u32>, random: &mut Random) {
    let length = found.len() as u32;
    match random.below(8) {
        0..4 => found.truncate(random.below(length + 1) as usize),
        4 if length > 1 => {
            let place = random.below(length - 1) as usize;
            found.swap(place, place + 1);
        }
        5 if length > 0 => {
            found.remove(random.below(length) as usize);
        }
        6 if length > 0 => found.push(found[random.below(length) as usize]),
        _ => found.insert(random.below(length + 1) as usize, random.below(9)),
    }
}

/// Gives the operations to `work` as the procedure takes them, with elements below 10.
///
/// Every other history stores lists within each other where it can.
fn with_history<T>(operations: &[Timed<Played>], work: impl FnOnce(&ListHistory<'_>) -> T) -> T {
    let mut texts: Vec<&Vec<u32>> = Vec::new();
    for operation in operations {
        if let Played::Read(found) = &operation.op
            && !texts.contains(&found)
        {
            texts.push(found);
        }
    }
    let mut arena: Vec<u32> = Vec::new();
    let mut lists: Vec<Range<u32>> = Vec::new();
    for text in &texts {
        let length = text.len() as u32;
        let shares = |list: &&Range<u32>| {
            operations.len().is_multiple_of(2)
                && arena[list.start as usize..list.end as usize].starts_with(text)
        };
        let start = lists.iter().find(shares).map_or(arena.len() as u32, |list| list.start);
        if start as usize == arena.len() {
            arena.extend(*text);
        }
        lists.push(start..start + length);
    }
    let timed: Vec<Timed<ListOp>> = operations
        .iter()
        .map(|operation| {
            let op = match &operation.op {
                Played::Append(element) => ListOp::Append(*element),
                Played::Read(found) => {
                    let id = texts.iter().position(|text| *text == found).unwrap();
                    ListOp::Read(ListId(id as u32))
                }
            };
            Timed { op, invoked: operation.invoked, returned: operation.returned }
        })
        .collect();
    work(&ListHistory { operations: &timed, lists: &lists, arena: &arena, elements: 10 })
}

/// Whether some operations have a legal order, reads restricted to the elements they append.
fn legal_by_themselves(operations: &[Timed<Played>]) -> bool {
    let appended =
        |element: &u32| operations.iter().any(|operation| operation.op == Played::Append(*element));
    let restricted: Vec<Timed<Played>> = operations
        .iter()
        .cloned()
        .map(|mut operation| {
            if let Played::Read(found) = &mut operation.op {
                found.retain(appended);
            }
            operation
        })
        .collect();
    brute_force(&restricted, &vec![], &step)
}

/// Panics unless the operations of a conflict contradict each other, each being needed.
fn assert_minimal(operations: &[Timed<Played>], conflict: &Conflict) {
    let named: Vec<Timed<Played>> =
        conflict.operations.iter().map(|&index| operations[index as usize].clone()).collect();
    if conflict.kind == Contradiction::NeverWritten {
        let Played::Read(found) = &named[0].op else { panic!("not a read: {conflict:?}") };
        let appended = |element: &u32| {
            operations.iter().any(|operation| operation.op == Played::Append(*element))
        };
        assert!(named.len() == 1 && !found.iter().all(appended), "{conflict:?}");
        return;
    }
    assert!(!legal_by_themselves(&named), "{conflict:?} proves nothing: {operations:#?}");
    for spare in 0..named.len() {
        let mut rest = named.clone();
        rest.remove(spare);
        assert!(legal_by_themselves(&rest), "{conflict:?} is not minimal: {operations:#?}");
    }
}

fn decide_played(operations: &[Timed<Played>]) -> Decision {
    let decision = with_history(operations, decide);
    if let Decision::Violation(conflict) = &decision {
        assert_minimal(operations, conflict);
    }
    decision
}

fn judged() -> Judged<'static, Played, Vec<u32>> {
    Judged { generate: &generate, decide: &decide_played, initial: vec![], step: &step }
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
    for _ in 0..20_000 {
        let operations = generate(&mut random);
        if let Decision::Violation(Conflict { kind, operations }) = decide_played(&operations)
            && !kinds.contains(&(kind, operations.len()))
        {
            kinds.push((kind, operations.len()));
        }
    }
    for expected in [
        (Contradiction::NeverWritten, 1),
        (Contradiction::RepeatedElement, 2),
        (Contradiction::ReadBeforeWrite, 2),
        (Contradiction::OutOfOrder, 2),
        (Contradiction::OutOfOrder, 3),
        (Contradiction::DivergentReads, 4),
    ] {
        assert!(kinds.contains(&expected), "no {expected:?} in {kinds:?}");
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[test]
fn faults_are_caught() {
    let faults = [
        "list: elements may repeat",
        "list: only lengths count",
        "list: unseen appends are forgotten",
        "list: appends after their reads",
        "rank: equal ranks conflict",
        "rank: a tie is an order",
        "rank: equals in any order",
    ];
    assert_eq!(judged().survivors(&faults, 20_000, 2), Vec::<&str>::new());
}

#[test]
fn what_it_cannot_judge_it_says() {
    let append = |element, invoked| Timed { op: ListOp::Append(element), invoked, returned: 9 };
    let operations = [append(0, 1), append(0, 2)];
    let history =
        |operations, elements| ListHistory { operations, lists: &[], arena: &[], elements };
    let twice = Decision::NotApplicable("an element was appended twice");
    assert_eq!(decide(&history(&operations, 1)), twice);
    let above = Decision::NotApplicable("an element is above the bound given");
    assert_eq!(decide(&history(&operations, 0)), above);
    assert_eq!(decide(&history(&[], 0)), Decision::Linearizable(vec![]));
}
