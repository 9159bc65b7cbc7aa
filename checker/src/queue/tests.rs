//! Queues and bags against a brute force, with planted faults, and what contradictions name.

use std::collections::VecDeque;

use super::*;
use crate::cross_check::{Judged, Random, brute_force, spans};

/// What is in the queue, first in first.
type Contents = Vec<u32>;

fn timed(op: QueueOp, invoked: u32, returned: u32) -> Timed<QueueOp> {
    Timed { op, invoked, returned }
}

fn fifo(contents: &Contents, op: &QueueOp) -> Vec<Contents> {
    match op {
        QueueOp::Enqueue(element) => vec![[contents.as_slice(), &[*element]].concat()],
        QueueOp::Dequeue(element) if contents.first() == Some(element) => {
            vec![contents[1..].to_vec()]
        }
        QueueOp::DequeueUnknown if !contents.is_empty() => vec![contents[1..].to_vec()],
        QueueOp::Empty if contents.is_empty() => vec![Vec::new()],
        QueueOp::Dequeue(_) | QueueOp::DequeueUnknown | QueueOp::Empty => Vec::new(),
    }
}

fn bag(contents: &Contents, op: &QueueOp) -> Vec<Contents> {
    let without = |place: usize| [&contents[..place], &contents[place + 1..]].concat();
    match op {
        QueueOp::Enqueue(element) => {
            let mut contents = [contents.as_slice(), &[*element]].concat();
            contents.sort_unstable();
            vec![contents]
        }
        QueueOp::Dequeue(element) => {
            contents.iter().position(|other| other == element).map(without).into_iter().collect()
        }
        QueueOp::DequeueUnknown => (0..contents.len()).map(without).collect(),
        QueueOp::Empty if contents.is_empty() => vec![Vec::new()],
        QueueOp::Empty => Vec::new(),
    }
}

/// A run of a real queue of either kind; then perhaps two results are exchanged or altered.
fn generate(random: &mut Random) -> Vec<Timed<QueueOp>> {
    let count = 1 + random.below(10);
    let run = spans(random, count);
    let mut operations: Vec<Timed<QueueOp>> =
        run.spans.iter().map(|&(begin, end)| timed(QueueOp::Empty, begin, end)).collect();
    let mut contents = VecDeque::new();
    let mut elements = 0;
    let puts = 30 + random.below(40);
    let lost = random.below(50);
    let any = random.chance(40);
    for index in run.effects {
        let operation = &mut operations[index];
        let is_lost = random.chance(lost);
        let happens = !is_lost || random.chance(50);
        if random.chance(puts) {
            operation.op = QueueOp::Enqueue(elements);
            if happens {
                contents.push_back(elements);
            }
            elements += 1;
        } else {
            let nth = if any { random.below(1 + contents.len() as u32) as usize } else { 0 };
            let taken =
                if happens { contents.remove(nth).or_else(|| contents.pop_front()) } else { None };
            operation.op = match taken {
                _ if is_lost => QueueOp::DequeueUnknown,
                Some(element) => QueueOp::Dequeue(element),
                None => QueueOp::Empty,
            };
        }
        if is_lost {
            operation.returned = NEVER;
        }
    }
    for _ in 0..random.pick(&[0, 0, 1, 1, 2]) {
        alter(random, &mut operations, elements);
    }
    operations
}

fn alter(random: &mut Random, operations: &mut [Timed<QueueOp>], elements: u32) {
    let count = operations.len() as u32;
    let (one, other) = (random.below(count) as usize, random.below(count) as usize);
    let takes = |op| matches!(op, QueueOp::Dequeue(_) | QueueOp::Empty);
    if takes(operations[one].op) && takes(operations[other].op) {
        let op = operations[one].op;
        operations[one].op = operations[other].op;
        operations[other].op = op;
    }
    if takes(operations[one].op) && random.chance(40) {
        let altered = if random.chance(50) {
            QueueOp::Empty
        } else {
            QueueOp::Dequeue(random.below(elements + 1))
        };
        operations[one].op = altered;
    }
    if random.chance(2)
        && let QueueOp::Enqueue(_) = operations[one].op
    {
        operations[one].op = QueueOp::Enqueue(random.below(elements));
    }
}

fn decide_fifo(operations: &[Timed<QueueOp>]) -> Decision {
    linearize(operations, 12, Discipline::FirstInFirstOut)
}

fn decide_bag(operations: &[Timed<QueueOp>]) -> Decision {
    linearize(operations, 12, Discipline::Bag)
}

fn judged_fifo() -> Judged<'static, QueueOp, Contents> {
    Judged { generate: &generate, decide: &decide_fifo, initial: Vec::new(), step: &fifo }
}

fn judged_bag() -> Judged<'static, QueueOp, Contents> {
    Judged { generate: &generate, decide: &decide_bag, initial: Vec::new(), step: &bag }
}

#[test]
fn agrees_with_a_brute_force() {
    for judged in [judged_fifo(), judged_bag()] {
        let tally = judged.run(200_000, 21).unwrap();
        assert!(tally.linearizable > 40_000, "{tally:?}");
        assert!(tally.violations > 15_000, "{tally:?}");
        assert!(tally.with_indeterminate > 40_000, "{tally:?}");
        assert!((1..9_000).contains(&tally.not_applicable), "{tally:?}");
    }
}

#[test]
fn planted_faults_are_caught() {
    let shared = [
        "queue: twice is fine",
        "queue: unknown dequeues take the latest",
        "queue: touch",
        "queue: blocks let elements go",
    ];
    assert_eq!(judged_bag().survivors(&shared, 100_000, 22), Vec::<&str>::new());
    let faults = [&shared[..], &["queue: overtaking is fine"]].concat();
    assert_eq!(judged_fifo().survivors(&faults, 100_000, 23), Vec::<&str>::new());
}

/// The operations of `named`, and all unknown dequeues.
fn projected(operations: &[Timed<QueueOp>], named: &[u32]) -> Vec<Timed<QueueOp>> {
    let is_kept = |index: u32, op| op == QueueOp::DequeueUnknown || named.contains(&index);
    let operations = (0..).zip(operations);
    operations.filter(|(index, each)| is_kept(*index, each.op)).map(|(_, each)| *each).collect()
}

/// The element an operation is of; what found the queue empty stands for itself.
fn element(operations: &[Timed<QueueOp>], index: u32) -> (u32, u32) {
    match operations[index as usize].op {
        QueueOp::Enqueue(element) | QueueOp::Dequeue(element) => (0, element),
        QueueOp::Empty | QueueOp::DequeueUnknown => (1, index),
    }
}

#[test]
fn what_is_named_contradicts_itself_and_no_part_of_it_does() {
    for (seed, discipline) in [(24, Discipline::FirstInFirstOut), (25, Discipline::Bag)] {
        let step = if discipline == Discipline::Bag { bag } else { fifo };
        let mut random = Random::new(seed);
        let mut sizes = [0; 13];
        for _ in 0..100_000 {
            let operations = generate(&mut random);
            let decision = linearize(&operations, 12, discipline);
            let Decision::Violation(Conflict { operations: named, .. }) = decision else {
                continue;
            };
            sizes[named.len()] += 1;
            let legal =
                |named: &[u32]| brute_force(&projected(&operations, named), &Vec::new(), &step);
            assert!(!legal(&named), "{named:?} of {operations:#?}");
            for left_out in &named {
                let left_out = element(&operations, *left_out);
                let stays = |index: &u32| element(&operations, *index) != left_out;
                let rest: Vec<u32> = named.iter().copied().filter(stays).collect();
                assert!(legal(&rest), "{left_out:?} in {named:?} of {operations:#?}");
            }
        }
        assert!(sizes[1..4].iter().all(|&size| size > 500), "{sizes:?}");
        assert!(sizes[4..].iter().sum::<u32>() > 15, "{sizes:?}");
    }
}
