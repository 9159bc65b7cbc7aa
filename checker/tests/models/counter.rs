//! Counters.

use expect_test::expect;
use serde_json::{Value, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::bench::{Family, Presence, Random, Small, outcome, said, shape};

/// A run of a real counter, with now and then a wrong count.
pub(crate) fn generate(random: &mut Random) -> Vec<Small> {
    let amounts = random.pick(&[&[1_i64][..], &[1], &[3], &[-2], &[1, 2, -1], &[0], &[]]);
    let wrong_percent = random.pick(&[0, 30, 80]);
    let (spans, effects) = shape(random, 6);
    let mut operations: Vec<Option<Small>> = vec![None; spans.len()];
    let mut count = 0;
    for index in effects {
        let (begin, end) = spans[index];
        let outcome = outcome(random);
        let read = random.percent(50) || amounts.is_empty();
        let (f, argument, result) = if read {
            let wrong = if random.percent(wrong_percent) { random.below(7) as i64 - 3 } else { 0 };
            let found = count + wrong;
            let null = found == 0 && random.percent(30);
            ("read", Value::Null, if null { Value::Null } else { json!(found) })
        } else {
            let amount = random.pick(amounts);
            if outcome == Outcome::Ok || (outcome == Outcome::Info && random.percent(50)) {
                count += amount;
            }
            if amount == 1 && random.percent(70) {
                ("increment", Value::Null, Value::Null)
            } else {
                ("add", json!(amount), json!(amount))
            }
        };
        let result = if outcome == Outcome::Ok { result } else { Value::Null };
        operations[index] = Some(Small { f, argument, result, outcome, error: None, begin, end });
    }
    operations.into_iter().flatten().collect()
}

fn amount(operation: &Small) -> i64 {
    operation.argument.as_i64().unwrap_or(1)
}

fn step(count: &i64, operation: &Small) -> Vec<i64> {
    match operation.f {
        "read" if operation.result.as_i64().unwrap_or(0) == *count => vec![*count],
        "read" => vec![],
        _ => vec![count + amount(operation)],
    }
}

fn presence(operation: &Small) -> Presence {
    match operation.outcome {
        Outcome::Ok => Presence::Required,
        Outcome::Info if operation.f != "read" => Presence::Optional,
        Outcome::Info | Outcome::Fail => Presence::Absent,
    }
}

/// A read may be out of several bounds, which the whole history tells; and no count can
/// be both.
fn shows(kind: Contradiction, _: &[Small]) -> bool {
    matches!(kind, Contradiction::CountTooLow | Contradiction::CountTooHigh)
}

#[test]
fn counters_are_decided_and_proven() {
    let family = Family {
        model: ModelName::Counter,
        generate: &generate,
        initial: 0,
        step: &step,
        presence: &presence,
        shows: &shows,
    };
    let tally = family.run(40_000, 1);
    assert!(tally.linearizable > 12_000 && tally.violations > 6_000, "{tally:?}");
    assert!(tally.searched > 4_000 && tally.orders_refused > 20_000, "{tally:?}");
    assert!(tally.orders_still_right > 2_000 && tally.kinds.len() == 4, "{tally:?}");
}

#[test]
fn a_count_too_high_is_told() {
    let said = said(
        ModelName::Counter,
        &[
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"add","value":5}"#,
            r#"{"time":2000000,"process":1,"node":"n2","type":"invoke","f":"read","value":null}"#,
            r#"{"time":3000000,"process":1,"node":"n2","type":"ok","f":"read","value":10}"#,
        ],
    );
    expect![
        "count-too-high: n2 read 10, though only 1 addition of 5 had begun when that read ended"
    ]
    .assert_eq(&said);
}

#[test]
fn a_count_between_two_steps_is_told() {
    let said = said(
        ModelName::Counter,
        &[
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"add","value":5}"#,
            r#"{"time":2000000,"process":1,"node":"n2","type":"invoke","f":"read","value":null}"#,
            r#"{"time":3000000,"process":1,"node":"n2","type":"ok","f":"read","value":7}"#,
        ],
    );
    expect![
        "never-written: n2 read 7, which is no multiple of 5, and nobody ever added anything else"
    ]
    .assert_eq(&said);
}

#[test]
fn a_count_too_low_is_told() {
    let said = said(
        ModelName::Counter,
        &[
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"increment","value":null}"#,
            r#"{"time":1500000,"process":0,"node":"n1","type":"ok","f":"increment","value":null}"#,
            r#"{"time":2000000,"process":1,"node":"n2","type":"invoke","f":"read","value":null}"#,
            r#"{"time":3000000,"process":1,"node":"n2","type":"ok","f":"read","value":0}"#,
        ],
    );
    expect!["count-too-low: n2 read 0, though 1 addition of 1 had ended before that read began"]
        .assert_eq(&said);
}

#[test]
fn a_count_lower_than_before_is_told() {
    let said = said(
        ModelName::Counter,
        &[
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"increment","value":null}"#,
            r#"{"time":2000000,"process":1,"node":"n2","type":"invoke","f":"read","value":null}"#,
            r#"{"time":3000000,"process":1,"node":"n2","type":"ok","f":"read","value":1}"#,
            r#"{"time":3100000,"process":3,"node":"n3","type":"invoke","f":"increment","value":null}"#,
            r#"{"time":3200000,"process":3,"node":"n3","type":"ok","f":"increment","value":null}"#,
            r#"{"time":7200000,"process":1,"node":"n3","type":"invoke","f":"read","value":null}"#,
            r#"{"time":7900000,"process":1,"node":"n3","type":"ok","f":"read","value":1}"#,
        ],
    );
    expect!["count-too-low: n3 read 1, beginning 4.20 ms after n2 had read 1, and 1 addition of 1 had begun and ended in between"].assert_eq(&said);
}
