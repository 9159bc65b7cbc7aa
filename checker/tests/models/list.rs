//! Lists that are appended to and read whole.

use expect_test::expect;
use serde_json::{Value, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::bench::{Family, Presence, Random, Small, outcome, said, shape};

/// A run of a real list, with now and then a wrong read.
pub(crate) fn generate(random: &mut Random) -> Vec<Small> {
    let repeats = random.percent(25);
    let wrong_percent = random.pick(&[0, 30, 80]);
    let (spans, effects) = shape(random, 7);
    let mut operations: Vec<Option<Small>> = vec![None; spans.len()];
    let mut list: Vec<usize> = Vec::new();
    for index in effects {
        let (begin, end) = spans[index];
        let outcome = outcome(random);
        let (f, argument, result) = if random.percent(50) {
            let mut found = list.clone();
            if random.percent(wrong_percent) {
                spoil(random, &mut found);
            }
            let null = found.is_empty() && random.percent(50);
            ("read", Value::Null, if null { Value::Null } else { json!(found) })
        } else {
            let element = if repeats { random.below(3) } else { index + 1 };
            if outcome == Outcome::Ok || (outcome == Outcome::Info && random.percent(50)) {
                list.push(element);
            }
            ("append", json!(element), json!(element))
        };
        let result = if outcome == Outcome::Ok { result } else { Value::Null };
        operations[index] = Some(Small { f, argument, result, outcome, error: None, begin, end });
    }
    operations.into_iter().flatten().collect()
}

fn spoil(random: &mut Random, found: &mut Vec<usize>) {
    let place = random.below(found.len() + 1);
    match random.below(12) {
        0 if random.percent(30) => found.insert(place, 77),
        1 => found.insert(place, 1 + random.below(7)),
        2..=6 => found.truncate(place),
        7..=9 if place < found.len() => found.swap(place, 0),
        _ if place < found.len() => drop(found.remove(place)),
        _ => found.reverse(),
    }
}

fn step(list: &Vec<Value>, operation: &Small) -> Vec<Vec<Value>> {
    if operation.f == "append" {
        return vec![list.iter().chain([&operation.argument]).cloned().collect()];
    }
    let found = operation.result.as_array().cloned().unwrap_or_default();
    if found == *list { vec![found] } else { vec![] }
}

fn presence(operation: &Small) -> Presence {
    match operation.outcome {
        Outcome::Ok => Presence::Required,
        Outcome::Info if operation.f != "read" => Presence::Optional,
        Outcome::Info | Outcome::Fail => Presence::Absent,
    }
}

/// Whether some of these operations, which contradict each other, have the shape of a kind.
fn shows(kind: Contradiction, operations: &[Small]) -> bool {
    let precedes = |one: &Small, other: &Small| one.outcome == Outcome::Ok && one.end < other.begin;
    let found = |read: &Small| match (read.f, read.result.as_array()) {
        ("read", Some(elements)) => elements.clone(),
        _ => Vec::new(),
    };
    let pair = |shows: &dyn Fn(&Small, &Small) -> bool| {
        operations.iter().any(|one| operations.iter().any(|other| shows(one, other)))
    };
    match kind {
        Contradiction::OutOfOrder => pair(&precedes),
        Contradiction::ReadBeforeWrite => pair(&|read, append| {
            append.f == "append" && found(read).contains(&append.argument) && precedes(read, append)
        }),
        Contradiction::DivergentReads => pair(&|one, other| {
            let (one, other) = (found(one), found(other));
            !one.starts_with(&other) && !other.starts_with(&one)
        }),
        Contradiction::RepeatedElement => operations.iter().any(|read| {
            let found = found(read);
            (1..found.len()).any(|place| found[..place].contains(&found[place]))
        }),
        // What the whole history tells.
        Contradiction::NeverWritten => operations.len() == 1,
        _ => false,
    }
}

#[test]
fn lists_are_decided_and_proven() {
    let family = Family {
        model: ModelName::ListAppend,
        generate: &generate,
        initial: Vec::new(),
        step: &step,
        presence: &presence,
        shows: &shows,
    };
    let tally = family.run(40_000, 3);
    assert!(tally.linearizable > 12_000 && tally.violations > 4_000, "{tally:?}");
    assert!(tally.searched > 2_000 && tally.orders_refused > 20_000, "{tally:?}");
    assert!(tally.orders_still_right > 2_000 && tally.kinds.len() == 6, "{tally:?}");
}

/// A line of a history: when, by whom and where, what happened, and with which value.
macro_rules! event {
    ($ms:literal, $process:literal, $node:literal, $kind:literal, $f:literal, $value:literal) => {
        concat!(
            "{\"time\":",
            $ms,
            "00000,\"process\":",
            $process,
            ",\"node\":\"",
            $node,
            "\",\"type\":\"",
            $kind,
            "\",\"f\":\"",
            $f,
            "\",\"value\":",
            $value,
            "}"
        )
    };
}

#[test]
fn an_element_nobody_appended_is_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(10, 0, "n1", "invoke", "append", "4"),
            event!(15, 0, "n1", "fail", "append", "4"),
            event!(20, 1, "n2", "invoke", "read", "null"),
            event!(30, 1, "n2", "ok", "read", "[4]"),
        ],
    );
    expect![
        "never-written: n2 read a list with 4, though every append of 4 had failed, the first on n1"
    ]
    .assert_eq(&said);
}

#[test]
fn an_element_read_twice_is_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(10, 0, "n1", "invoke", "append", "4"),
            event!(15, 0, "n1", "ok", "append", "4"),
            event!(20, 1, "n2", "invoke", "read", "null"),
            event!(30, 1, "n2", "ok", "read", "[4,4]"),
        ],
    );
    expect!["repeated-element: n2 read a list with 4 at places 0 and 1, but only n1 ever appended it, once"].assert_eq(&said);
}

#[test]
fn a_read_before_the_append_is_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(20, 1, "n2", "invoke", "read", "null"),
            event!(30, 1, "n2", "ok", "read", "[4]"),
            event!(71, 0, "n1", "invoke", "append", "4"),
            event!(75, 0, "n1", "ok", "append", "4"),
        ],
    );
    expect!["read-before-write: n2 read a list with 4, and that ended 4.10 ms before the append of 4 on n1 began"].assert_eq(&said);
}

#[test]
fn divergent_reads_are_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(10, 0, "n1", "invoke", "append", "4"),
            event!(11, 1, "n1", "invoke", "append", "5"),
            event!(20, 2, "n2", "invoke", "read", "null"),
            event!(21, 3, "n3", "invoke", "read", "null"),
            event!(30, 2, "n2", "ok", "read", "[4,5]"),
            event!(31, 3, "n3", "ok", "read", "[5]"),
        ],
    );
    expect!["divergent-reads: n2 read a list with 4 at place 0, n3 one with 5 there: neither list continues the other"].assert_eq(&said);
}

#[test]
fn a_lost_append_is_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(10, 0, "n1", "invoke", "append", "4"),
            event!(15, 0, "n1", "ok", "append", "4"),
            event!(56, 1, "n2", "invoke", "read", "null"),
            event!(70, 1, "n2", "ok", "read", "[]"),
        ],
    );
    expect!["out-of-order: n2 read a list without 4 that began 4.10 ms after the append of 4 on n1 was acknowledged"].assert_eq(&said);
}

#[test]
fn a_list_that_shrinks_is_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(10, 0, "n1", "invoke", "append", "4"),
            event!(15, 1, "n2", "invoke", "read", "null"),
            event!(16, 1, "n2", "ok", "read", "[4]"),
            event!(56, 1, "n3", "invoke", "read", "null"),
            event!(70, 1, "n3", "ok", "read", "null"),
        ],
    );
    expect![
        "out-of-order: n3 read a list without 4 that began 4.00 ms after n2 had read one with 4"
    ]
    .assert_eq(&said);
}

#[test]
fn appends_in_the_wrong_order_are_told() {
    let said = said(
        ModelName::ListAppend,
        &[
            event!(10, 0, "n1", "invoke", "append", "4"),
            event!(11, 2, "n2", "invoke", "read", "null"),
            event!(15, 0, "n1", "ok", "append", "4"),
            event!(17, 1, "n3", "invoke", "append", "5"),
            event!(56, 1, "n3", "ok", "append", "5"),
            event!(70, 2, "n2", "ok", "read", "[5,4]"),
        ],
    );
    expect!["out-of-order: n2 read a list with 5 before 4, though the append of 4 had ended 200 µs before that of 5 began"].assert_eq(&said);
}
