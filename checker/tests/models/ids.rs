//! Numbers and ids handed out.

use expect_test::expect;
use serde_json::{Value, json};
use squall_checker::history::Outcome;
use squall_checker::model::ModelName;
use squall_checker::verdict::Contradiction;

use crate::bench::{Family, Presence, Random, Small, outcome, said, shape};

/// A run of a real counter among ids, with now and then a wrong number.
pub(crate) fn generate(random: &mut Random) -> Vec<Small> {
    let generate_percent = random.pick(&[0, 0, 50, 100]);
    let wrong_percent = random.pick(&[0, 30, 80]);
    let (spans, effects) = shape(random, 7);
    let mut operations: Vec<Option<Small>> = vec![None; spans.len()];
    let mut next = 0;
    for index in effects {
        let (begin, end) = spans[index];
        let outcome = outcome(random);
        let (f, result) = if random.percent(generate_percent) {
            let id = random.below(30);
            ("generate", if random.percent(50) { json!(id) } else { json!(format!("id{id}")) })
        } else {
            let number =
                if random.percent(wrong_percent) { random.below(8) as i64 - 1 } else { next };
            next += i64::from(
                outcome == Outcome::Ok || (outcome == Outcome::Info && random.percent(50)),
            );
            ("fetch-increment", json!(number))
        };
        let result = if outcome == Outcome::Ok { result } else { Value::Null };
        operations[index] =
            Some(Small { f, argument: Value::Null, result, outcome, error: None, begin, end });
    }
    operations.into_iter().flatten().collect()
}

type State = (Vec<String>, i64);

fn step((given, next): &State, operation: &Small) -> Vec<State> {
    if operation.f == "fetch-increment" {
        let legal = operation.outcome == Outcome::Info || operation.result == json!(*next);
        return if legal { vec![(given.clone(), next + 1)] } else { vec![] };
    }
    let id = operation.result.to_string();
    if given.contains(&id) {
        return vec![];
    }
    let mut given = given.clone();
    given.push(id);
    given.sort_unstable();
    vec![(given, *next)]
}

fn presence(operation: &Small) -> Presence {
    match operation.outcome {
        Outcome::Ok => Presence::Required,
        Outcome::Info if operation.f == "fetch-increment" => Presence::Optional,
        Outcome::Info | Outcome::Fail => Presence::Absent,
    }
}

/// No operations show two of the kinds, but that one of too large a number may be anything.
fn shows(kind: Contradiction, operations: &[Small]) -> bool {
    match (kind, operations) {
        (Contradiction::DuplicateId, [one, other]) => {
            one.f == other.f && one.result == other.result
        }
        _ => false,
    }
}

#[test]
fn ids_are_decided_and_proven() {
    let family = Family {
        model: ModelName::Ids,
        generate: &generate,
        initial: (Vec::new(), 0),
        step: &step,
        presence: &presence,
        shows: &shows,
    };
    let tally = family.run(40_000, 2);
    assert!(tally.linearizable > 12_000 && tally.violations > 6_000, "{tally:?}");
    assert!(tally.searched == 0 && tally.orders_refused > 20_000, "{tally:?}");
    assert!(tally.orders_still_right > 2_000 && tally.kinds.len() == 3, "{tally:?}");
}

#[test]
fn an_id_given_twice_is_told() {
    let said = said(
        ModelName::Ids,
        &[
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"generate","value":null}"#,
            r#"{"time":1500000,"process":0,"node":"n1","type":"ok","f":"generate","value":"a7"}"#,
            r#"{"time":2000000,"process":1,"node":"n2","type":"invoke","f":"generate","value":null}"#,
            r#"{"time":3000000,"process":1,"node":"n2","type":"ok","f":"generate","value":"a7"}"#,
        ],
    );
    expect![[
        r#"duplicate-id: n1 and n2 both gave out "a7", the second time 500 µs after the first"#
    ]]
    .assert_eq(&said);
}

#[test]
fn numbers_that_fall_are_told() {
    let said = said(
        ModelName::Ids,
        &[
            r#"{"time":100000,"process":3,"node":"n1","type":"invoke","f":"fetch-increment","value":null}"#,
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"fetch-increment","value":null}"#,
            r#"{"time":1500000,"process":0,"node":"n1","type":"ok","f":"fetch-increment","value":1}"#,
            r#"{"time":2000000,"process":1,"node":"n2","type":"invoke","f":"fetch-increment","value":null}"#,
            r#"{"time":3000000,"process":1,"node":"n2","type":"ok","f":"fetch-increment","value":0}"#,
        ],
    );
    expect![
        "out-of-order: n2 was given 0 by a request that began 500 µs after n1 had been given 1"
    ]
    .assert_eq(&said);
}

#[test]
fn a_number_out_of_reach_is_told() {
    let said = said(
        ModelName::Ids,
        &[
            r#"{"time":100000,"process":3,"node":"n1","type":"invoke","f":"fetch-increment","value":null}"#,
            r#"{"time":1000000,"process":0,"node":"n1","type":"invoke","f":"fetch-increment","value":null}"#,
            r#"{"time":1500000,"process":0,"node":"n1","type":"ok","f":"fetch-increment","value":2}"#,
        ],
    );
    expect!["missing-id: n1 was given 2, though at most 1 other request can have been before it when it ended"].assert_eq(&said);
}
