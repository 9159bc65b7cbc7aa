use std::num::NonZeroU32;

use serde_json::{Value as Json, json};
use squall_checker::history::Moment;

use super::*;

/// Reads what was packed, as the page does.
struct Unpacking<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Unpacking<'_> {
    fn unsigned(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = *self.bytes.next().expect("the packed bytes end within a number");
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    fn signed(&mut self) -> i64 {
        let number = self.unsigned();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    fn value(&mut self, kind: u8, texts: &[String]) -> Json {
        match kind {
            0 => Json::Null,
            1 => json!(self.signed()),
            2 => json!([self.signed(), self.signed()]),
            _ => json!(texts[self.unsigned() as usize]),
        }
    }
}

/// An operation as the page sees it.
#[derive(Debug, PartialEq)]
struct Seen {
    id: u64,
    from_us: i64,
    took_us: u64,
    outcome: u8,
    open: bool,
    process: u64,
    names: Vec<Option<String>>,
    argument: Json,
    result: Json,
}

fn seen(operations: &Operations) -> Vec<Seen> {
    let bytes = STANDARD.decode(&operations.packed).expect("it is base64");
    let mut from = Unpacking { bytes: bytes.iter() };
    let (mut id, mut from_us) = (0, 0);
    let mut all = Vec::new();
    for _ in 0..operations.shown {
        id += from.unsigned();
        from_us += from.signed();
        let took_us = from.unsigned();
        let flags = *from.bytes.next().expect("flags follow the times");
        from.unsigned();
        let process = from.unsigned();
        let outcome = flags & 3;
        let named = if outcome == 0 { 3 } else { 4 };
        let names = (0..named)
            .map(|_| (from.unsigned() as usize).checked_sub(1))
            .map(|place| place.map(|place| operations.names[place].clone()))
            .collect();
        let argument = from.value(flags >> 2 & 3, &operations.texts);
        let result = from.value(flags >> 4 & 3, &operations.texts);
        let open = flags & 64 != 0;
        all.push(Seen { id, from_us, took_us, outcome, open, process, names, argument, result });
    }
    assert_eq!(from.bytes.len(), 0, "bytes are left over");
    all
}

fn moment(position: u32, us: u64) -> Moment {
    Moment::new(NonZeroU32::new(position).expect("from 1"), us * 1_000)
}

fn push(
    history: &mut History,
    op: (u64, &str, Json, Json, Outcome),
    from_us: u64,
    to_us: Option<u64>,
) {
    let (process, f, argument, result, outcome) = op;
    let position = history.operations.len() as u32 * 2 + 1;
    let History { operations, names, values, .. } = history;
    operations.push(Operation {
        process,
        node: Some(names.intern("n1")),
        f: names.intern(f),
        key: None,
        argument: values.intern(&argument),
        result: values.intern(&result),
        outcome,
        invoked: moment(position, from_us),
        completed: to_us.map(|us| moment(position + 1, us)),
        error: (outcome != Outcome::Ok).then(|| names.intern("reset")),
        revision: None,
    });
}

fn wanted(ids: &[OperationId]) -> Wanted<'_> {
    Wanted { nodes: &[], ids, near: None, is_closeup: false }
}

#[test]
fn what_is_packed_is_what_the_page_reads() {
    let mut history = History::default();
    let huge = i64::MAX;
    push(&mut history, (7, "write", json!(-3), json!(-3), Outcome::Ok), 5, Some(9));
    push(&mut history, (300, "cas", json!([1, 1_u64 << 40]), json!(null), Outcome::Info), 4, None);
    push(&mut history, (7, "read", json!(null), json!("a\u{0}<b>"), Outcome::Ok), 20, Some(20));
    push(
        &mut history,
        (8, "txn", json!([["r", "x", null]]), json!(huge), Outcome::Fail),
        21,
        Some(99),
    );
    let operations = Operations::of(&history, 100, &wanted(&[]));
    let names = |f: &str, error: bool| {
        let mut names = vec![Some(f.to_owned()), Some("n1".to_owned()), None];
        names.extend(error.then(|| Some("reset".to_owned())));
        names
    };
    let text = |text: &str| json!(text);
    let expected = [
        (0, 5, 4, 0, false, 7, names("write", false), json!(-3), Json::Null),
        (1, 4, 96, 2, true, 300, names("cas", true), json!([1, 1_u64 << 40]), Json::Null),
        (2, 20, 0, 0, false, 7, names("read", false), Json::Null, text("a\u{0}<b>")),
        (
            3,
            21,
            78,
            1,
            false,
            8,
            names("txn", true),
            text(r#"[["r","x",null]]"#),
            text(&huge.to_string()),
        ),
    ];
    for (seen, expected) in seen(&operations).iter().zip(expected) {
        let (id, from_us, took_us, outcome, open, process, names, argument, result) = expected;
        let expected =
            Seen { id, from_us, took_us, outcome, open, process, names, argument, result };
        assert_eq!(*seen, expected);
    }
    assert_eq!((operations.shown, operations.total), (4, 4));
}

/// A million operations of fifty clients, one in a thousand indeterminate.
fn a_million() -> History {
    let mut history = History::default();
    for number in 0..1_000_000_u64 {
        let outcome = if number % 1_000 == 999 { Outcome::Info } else { Outcome::Ok };
        let to_us = number * 10 + 100 + number % 7;
        let op = (number % 50, "write", json!(number), json!(number), outcome);
        push(&mut history, op, number * 10, Some(to_us));
    }
    history
}

#[test]
fn of_a_million_those_are_shown_that_somebody_would_look_for() {
    let history = a_million();
    let of_contradiction = [OperationId(3), OperationId(500_000), OperationId(999_998)];
    let near = Window { start_ns: 4_000_000_000, end_ns: 4_100_000_000 };
    let wanted = Wanted { nodes: &[], ids: &of_contradiction, near: Some(near), is_closeup: false };
    let operations = Operations::of(&history, 10_000_100, &wanted);
    assert_eq!(operations.total, 1_000_000);
    assert!(operations.shown <= SHOWN_MAX && operations.shown > SHOWN_MAX / 2);
    let shown: std::collections::BTreeSet<u64> =
        seen(&operations).iter().map(|seen| seen.id).collect();
    assert!(of_contradiction.iter().all(|id| shown.contains(&id.0.into())));
    assert!((400_000..410_000).all(|id| shown.contains(&id)), "all of the stretch asked for");
    assert!(
        (999..1_000_000).step_by(1_000).all(|id| shown.contains(&id)),
        "all indeterminate ones"
    );
    // No hundredth of the run looks idle.
    for part in 0..100 {
        assert!(shown.range(part * 10_000..(part + 1) * 10_000).count() > 500, "part {part}");
    }
    assert!(operations.packed.len() + operations.texts.len() * 8 < 4_000_000);
}

#[test]
fn long_and_many_values_are_cut() {
    let mut history = History::default();
    let long: Vec<u64> = (0..10_000).collect();
    for number in 0..20_000_u64 {
        let value = json!([[number, long[..20]]]);
        push(&mut history, (0, "append", value, json!(null), Outcome::Ok), number, Some(number));
    }
    push(&mut history, (0, "read", json!(null), json!(long), Outcome::Ok), 30_000, Some(30_001));
    let operations = Operations::of(&history, 40_000, &wanted(&[]));
    let bytes: usize = operations.texts.iter().map(String::len).sum();
    assert!(bytes < TEXT_CHARS_MAX + 1_000, "{bytes}");
    assert_eq!(operations.texts.last().map(String::as_str), Some("…"));
}

#[test]
fn a_closeup_has_every_operation_of_its_stretch() {
    let history = a_million();
    // From half a second before the end of the first second on: a hundred thousand operations.
    let near = Window { start_ns: 500_000_000, end_ns: 1_500_000_000 };
    let wanted = Wanted { nodes: &[], ids: &[], near: Some(near), is_closeup: true };
    let operations = Operations::of(&history, 10_000_100, &wanted);
    assert_eq!(operations.near.shown, operations.near.total);
    assert!(operations.near.total >= 100_000, "{:?}", operations.near);
    assert!(operations.shown <= SHOWN_MAX);
}

#[test]
fn what_was_never_completed_is_under_way_ever_after() {
    let mut history = History::default();
    push(&mut history, (0, "write", json!(1), json!(null), Outcome::Info), 0, None);
    push(&mut history, (1, "write", json!(2), json!(2), Outcome::Ok), 1, Some(2));
    let late = Window { start_ns: 900_000, end_ns: 950_000 };
    assert_eq!(nearest(&history, late), [0]);
}

#[test]
fn names_without_measure_are_cut() {
    let mut history = History::default();
    for number in 0..20_000_u64 {
        push(&mut history, (0, "read", json!(null), json!(null), Outcome::Fail), number, None);
        let error = history.names.intern(&format!("{number}{}", "e".repeat(4_000)));
        history.operations.last_mut().expect("one was pushed").error = Some(error);
    }
    let operations = Operations::of(&history, 40_000, &wanted(&[]));
    let bytes: usize = operations.names.iter().map(String::len).sum();
    assert!(bytes < NAMES_CHARS_MAX + 100_000, "{bytes}");
    assert_eq!(operations.shown, 20_000);
}
