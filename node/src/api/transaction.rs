//! Transactions: comparisons, and what to do depending on them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::Api;
use super::extract::{OfSession, Parsed, bad_request, check_key, check_value, present};
use super::reply::Rejection;
use crate::machine::{
    Action, Change, Comparison, Expectation, Presence, Relation, Step, TRANSACTION_PARTS_MAX,
    Transaction,
};
use crate::raft::LogIndex;

/// The body of a transaction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransactionBody {
    #[serde(default)]
    compare: Vec<ComparisonBody>,
    #[serde(default)]
    success: Vec<StepBody>,
    #[serde(default)]
    failure: Vec<StepBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComparisonBody {
    key: String,
    target: Target,
    op: Operator,
    #[serde(deserialize_with = "present")]
    value: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    Value,
    Revision,
    Version,
    Exists,
}

#[derive(Clone, Copy, Deserialize)]
enum Operator {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = ">")]
    Greater,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum StepBody {
    Get {
        key: String,
    },
    Put {
        key: String,
        #[serde(deserialize_with = "present")]
        value: Value,
    },
    Delete {
        key: String,
    },
    Append {
        key: String,
        #[serde(deserialize_with = "present")]
        value: Value,
    },
    Add {
        key: String,
        delta: i64,
    },
}

/// `POST /txn`
pub(super) async fn transact(
    State(api): State<Arc<Api>>,
    OfSession(stamp): OfSession,
    Parsed(body, _): Parsed<TransactionBody>,
) -> Result<Response, Rejection> {
    let transaction = Transaction {
        compare: body.compare.iter().map(comparison).collect::<Result<_, _>>()?,
        success: body.success.iter().map(step).collect::<Result<_, _>>()?,
        failure: body.failure.iter().map(step).collect::<Result<_, _>>()?,
    };
    if transaction.parts() > TRANSACTION_PARTS_MAX {
        return Err(bad_request(format!(
            "a transaction has at most {TRANSACTION_PARTS_MAX} comparisons and steps in all"
        )));
    }
    Ok(api.write(Action::Transaction(transaction), stamp).await)
}

fn comparison(body: &ComparisonBody) -> Result<Comparison, Rejection> {
    let relation = match body.op {
        Operator::Equal => Relation::Equal,
        Operator::NotEqual => Relation::NotEqual,
        Operator::Less => Relation::Less,
        Operator::Greater => Relation::Greater,
    };
    let number = || {
        body.value.as_u64().ok_or_else(|| {
            bad_request(format!("a revision or version is a whole number, not {}", body.value))
        })
    };
    let expectation = match body.target {
        Target::Value => Expectation::Value(relation, check_value(&body.value)?),
        Target::Revision => Expectation::Revision(relation, LogIndex(number()?)),
        Target::Version => Expectation::Version(relation, number()?),
        Target::Exists => Expectation::Presence(match (relation, body.value.as_bool()) {
            (Relation::Equal, Some(true)) | (Relation::NotEqual, Some(false)) => Presence::Present,
            (Relation::Equal, Some(false)) | (Relation::NotEqual, Some(true)) => Presence::Missing,
            _ => {
                let why = "whether a key exists is == or != to true or false";
                return Err(bad_request(why.to_owned()));
            }
        }),
    };
    Ok(Comparison { key: check_key(&body.key)?, expectation })
}

fn step(body: &StepBody) -> Result<Step, Rejection> {
    let (key, change) = match body {
        StepBody::Get { key } => return Ok(Step::Get(check_key(key)?)),
        StepBody::Put { key, value } => (key, Change::Put(check_value(value)?)),
        StepBody::Delete { key } => (key, Change::Delete),
        StepBody::Append { key, value } => (key, Change::Append(check_value(value)?)),
        StepBody::Add { key, delta } => (key, Change::Add(*delta)),
    };
    Ok(Step::Change(check_key(key)?, change))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn existence_is_one_of_two_and_negation_turns_it_around() {
        let compare = |op: &str, value: Value| {
            let body = json!({"key": "k", "target": "exists", "op": op, "value": value});
            comparison(&serde_json::from_value(body).unwrap()).map(|made| made.expectation)
        };
        let (present, missing) = (Presence::Present, Presence::Missing);
        assert_eq!(compare("==", json!(true)).unwrap(), Expectation::Presence(present));
        assert_eq!(compare("!=", json!(true)).unwrap(), Expectation::Presence(missing));
        assert_eq!(compare("==", json!(false)).unwrap(), Expectation::Presence(missing));
        assert_eq!(compare("!=", json!(false)).unwrap(), Expectation::Presence(present));
        for (op, value) in [("<", json!(true)), ("==", json!(1)), ("!=", json!(null))] {
            assert!(compare(op, value).is_err());
        }
    }

    #[test]
    fn a_step_has_the_members_of_its_kind_and_no_others() {
        let read = |value: Value| serde_json::from_value::<StepBody>(value);
        assert!(read(json!({"op": "put", "key": "k", "value": null})).is_ok());
        for bad in [
            json!({"op": "put", "key": "k"}),
            json!({"op": "get", "key": "k", "value": 1}),
            json!({"op": "add", "key": "k", "delta": 1.5}),
            json!({"op": "swap", "key": "k"}),
            json!({"key": "k"}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
