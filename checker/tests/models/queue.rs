//! Queues and bags, with elements that are unique and with elements that are repeated.

use std::collections::VecDeque;

use expect_test::expect;
use serde_json::{Value as Json, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::small::{Random, Rules, Small, Tally, play, told};

/// What is in the queue: in order, or sorted in a bag.
type Contents = Vec<String>;

fn fifo(contents: &Contents, small: &Small) -> Vec<Contents> {
    let without_first = || contents.get(1..).unwrap_or_default().to_vec();
    match (small.f, small.outcome) {
        ("enqueue", _) => vec![[&contents[..], &[small.argument.to_string()]].concat()],
        (_, Outcome::Info) => vec![without_first()],
        _ if small.result.is_null() && contents.is_empty() => vec![Vec::new()],
        _ if contents.first() == Some(&small.result.to_string()) => vec![without_first()],
        _ => Vec::new(),
    }
}

fn bag(contents: &Contents, small: &Small) -> Vec<Contents> {
    let without = |place: usize| [&contents[..place], &contents[place + 1..]].concat();
    match (small.f, small.outcome) {
        ("enqueue", _) => {
            let mut contents = [&contents[..], &[small.argument.to_string()]].concat();
            contents.sort_unstable();
            vec![contents]
        }
        _ if contents.is_empty() && small.result.is_null() => vec![Vec::new()],
        (_, Outcome::Info) => (0..contents.len()).map(without).collect(),
        _ => {
            let element = small.result.to_string();
            let found = contents.iter().position(|other| *other == element);
            found.map(without).into_iter().collect()
        }
    }
}

/// A run of a real queue of either kind; then perhaps some results are exchanged or altered.
pub(crate) fn generate(random: &mut Random, repeats: u32) -> Vec<Small> {
    let count = 1 + random.below(9);
    let mut contents: VecDeque<Json> = VecDeque::new();
    let (puts, any) = (30 + random.below(40), random.percent(40));
    let mut element = 0;
    let mut operations = play(random, count, |random, _, outcome| {
        let happens = match outcome {
            Outcome::Ok => true,
            Outcome::Info => random.percent(50),
            Outcome::Fail => false,
        };
        if random.percent(puts) {
            element += 1;
            let number = if random.percent(repeats) { 1 + random.below(element) } else { element };
            let value = if number % 4 == 3 { json!(format!("e{number}")) } else { json!(number) };
            if happens {
                contents.push_back(value.clone());
            }
            return ("enqueue", value.clone(), value);
        }
        let nth = if any { random.below(1 + contents.len() as u32) as usize } else { 0 };
        let taken = || contents.remove(nth).or_else(|| contents.pop_front());
        ("dequeue", Json::Null, happens.then(taken).flatten().unwrap_or(Json::Null))
    });
    for _ in 0..*random.pick(&[0, 1, 2, 3, 4]) {
        alter(random, &mut operations);
    }
    operations
}

fn alter(random: &mut Random, operations: &mut [Small]) {
    let count = operations.len() as u32;
    let (one, other) = (random.below(count) as usize, random.below(count) as usize);
    let took = |small: &Small| small.f == "dequeue" && small.outcome == Outcome::Ok;
    if !took(&operations[one]) {
        return;
    }
    if took(&operations[other]) {
        let result = operations[one].result.clone();
        operations[one].result = operations[other].result.clone();
        operations[other].result = result;
    } else if random.percent(40) {
        let enqueued = operations[other].argument.clone();
        operations[one].result = if random.percent(50) { Json::Null } else { enqueued };
    }
}

fn rules(model: ModelName) -> Rules<'static, Contents> {
    Rules {
        model,
        initial: Vec::new(),
        step: if model == ModelName::Bag { &bag } else { &fifo },
        takes_part: &|_| true,
        foreign: &[
            Contradiction::NeverWritten,
            Contradiction::ValueReturned,
            Contradiction::HeldTwice,
            Contradiction::CountTooLow,
        ],
    }
}

#[test]
fn unique_elements_are_decided_as_by_brute_force() {
    for (model, seed) in [(ModelName::Queue, 31), (ModelName::Bag, 32)] {
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        for _ in 0..30_000 {
            let operations = generate(&mut random, 0);
            rules(model).judge(&mut random, &operations, &mut tally);
        }
        assert!(tally.linearizable > 8_000 && tally.violations > 1_500, "{tally:?}");
        assert!(tally.spoilt > 20_000 && tally.searched == 0, "{tally:?}");
    }
}

#[test]
fn repeated_elements_are_decided_as_by_brute_force() {
    for (model, seed) in [(ModelName::Queue, 33), (ModelName::Bag, 34)] {
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        for _ in 0..20_000 {
            let operations = generate(&mut random, 50);
            rules(model).judge(&mut random, &operations, &mut tally);
        }
        assert!(tally.linearizable > 5_000 && tally.violations > 1_500, "{tally:?}");
        assert!(tally.searched > 4_000, "{tally:?}");
    }
}

#[test]
fn contradictions_are_told_in_words() {
    let told = [
        told(ModelName::Queue, "0 enqueue 5 5 1 2, 1 dequeue null 5 3 4, 2 dequeue null 5 8 9"),
        told(ModelName::Bag, "0 enqueue 5 5 1 2, 1 dequeue null 6 3 4"),
        told(ModelName::Bag, "1 dequeue null 6 3 4, 0 enqueue 6 6 7 8"),
        told(
            ModelName::Queue,
            "0 enqueue 12 12 1 2, 0 enqueue 31 31 5 6, 1 dequeue null 31 7 8, 1 dequeue null 12 9 10",
        ),
        told(ModelName::Queue, "0 enqueue 12 12 1 2, 0 enqueue 31 31 5 6, 1 dequeue null 31 7 8"),
        told(
            ModelName::Queue,
            "0 enqueue 12 12 1 2, 0 enqueue 13 13 3 4, 1 dequeue null null 3 -, 0 enqueue 31 31 5 6, 2 dequeue null 31 7 8",
        ),
        told(ModelName::Bag, "0 enqueue 12 12 1 2, 1 dequeue null null 6 8"),
        told(
            ModelName::Bag,
            "0 enqueue 12 12 1 2, 1 dequeue null null 6 8, 1 dequeue null 12 10 12",
        ),
        told(
            ModelName::Bag,
            "0 enqueue 12 12 1 2, 1 dequeue null null 3 7, 0 enqueue 13 13 3 4, 2 dequeue null 12 5 6, 2 dequeue null 13 8 9",
        ),
        told(
            ModelName::Bag,
            "0 enqueue 12 12 1 2, 2 dequeue null null 1 -, 0 enqueue 13 13 3 4, 1 dequeue null null 5 7",
        ),
        told(
            ModelName::Queue,
            "0 enqueue 12 12 1 2, 0 enqueue 12 12 3 4, 1 dequeue null 12 5 6, 1 dequeue null null 7 9",
        ),
    ];
    expect![[r#"
        dequeued-twice [0, 1, 2]: key k: n2 dequeued 5, which n3 dequeued as well, 5.00 ms later, though it was enqueued only once
        never-enqueued [1]: key k: n2 dequeued 6, which nobody had enqueued
        dequeued-before-enqueue [0, 1]: key k: n2 dequeued 6, and that ended 3.00 ms before the enqueue of it on n1 began
        overtaken [0, 1, 2, 3]: key k: n2 dequeued 31 before 12, though 12 had been enqueued 3.00 ms before 31
        overtaken [0, 1, 2]: key k: n2 dequeued 31 before anybody dequeued 12, though 12 had been enqueued 3.00 ms before 31
        overtaken [0, 1, 3, 4]: key k: n3 dequeued 31, though 12 had been enqueued 3.00 ms before 31; 12 and 1 more were still there, too many for the dequeues that never returned to have taken them all
        empty-not-empty [0, 1]: key k: n2 found the queue empty, but 12 had been enqueued 4.00 ms before and nothing had dequeued it
        empty-not-empty [0, 1, 2]: key k: n2 found the queue empty, but 12 had been enqueued 4.00 ms before, and its dequeue on n2 began only 2.00 ms after
        empty-not-empty [0, 1, 2, 3, 4]: key k: n2 found the queue empty, but 12 had been enqueued 1.00 ms before, and one of 2 elements was there at every moment until that ended
        empty-not-empty [0, 2, 3]: key k: n2 found the queue empty, but 12 had been enqueued 3.00 ms before, and 2 elements were too many for the dequeues that never returned to have taken them all
        no-order [0, 1, 2, 3]: key k: no order of 4 operations is legal: n1 enqueue 12 at +0 ns; n1 enqueue 12 at +2.00 ms; n2 dequeue -> 12 at +4.00 ms; n2 dequeue at +6.00 ms
    "#]].assert_eq(&told.concat());
}
