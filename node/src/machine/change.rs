//! What each operation makes of the values.
//!
//! Everything here is a function of what is held and what is asked: no clock, no
//! chance, so that all nodes come to the same.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::command::{
    Action, Change, Comparison, Expectation, Presence, Relation, Step, Transaction,
};
use super::json::Json;
use super::key::Key;
use super::outcome::{Branch, Held, Outcome, Refusal, StepResult};
use super::state::State;
use crate::raft::LogIndex;

/// The longest value, in bytes of its compact text.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// The most a transaction may answer, in bytes of the values it reads.
pub const RESULTS_BYTES_MAX: usize = 4 << 20;

/// Carries out an action as the entry at `index`.
pub(super) fn act(state: &mut State, index: LogIndex, action: Action) -> Outcome {
    let outcome = match action {
        Action::Change(key, change) => change_key(state, index, key, change),
        Action::Cas { key, expect, value } => match mismatch(state, &key, &expect) {
            Some(mismatch) => Ok(mismatch),
            None => change_key(state, index, key, Change::Put(value)),
        },
        Action::Transaction(transaction) => transact(state, index, transaction),
    };
    outcome.unwrap_or_else(Outcome::Refused)
}

/// Returns the outcome of a comparison that fails, or nothing if the key reads as
/// expected.
pub(super) fn mismatch(state: &State, key: &Key, expect: &Json) -> Option<Outcome> {
    let held = state.get(key);
    let actual = held.map_or_else(Json::null, |held| held.value.clone());
    let revision = held.map(|held| held.revision);
    (!actual.is_same_as(expect)).then_some(Outcome::Mismatch { actual, revision })
}

fn change_key(
    state: &mut State,
    index: LogIndex,
    key: Key,
    change: Change,
) -> Result<Outcome, Refusal> {
    let Changed { value, sum } = changed(state.get(&key), &key, change)?;
    let held = value.map(|value| succeed(state.get(&key), value, index));
    state.set(key, held);
    Ok(Outcome::Written { revision: index, sum })
}

/// What a key is to hold, and what an addition came to.
struct Changed {
    value: Option<Json>,
    sum: Option<i64>,
}

fn changed(held: Option<&Held>, key: &Key, change: Change) -> Result<Changed, Refusal> {
    let mut sum = None;
    let value = match change {
        Change::Put(value) => Some(value),
        Change::Delete => None,
        Change::Append(element) => {
            let list = held.map_or_else(Json::empty_list, |held| held.value.clone());
            let longer = list.with_appended(&element);
            let longer = longer.ok_or_else(|| Refusal::NotAList(key.clone()))?;
            if longer.as_str().len() > VALUE_BYTES_MAX {
                return Err(Refusal::ValueTooLong(key.clone()));
            }
            Some(longer)
        }
        Change::Add(delta) => {
            let before = match held {
                Some(held) => held.value.as_integer(),
                None => Some(0),
            };
            let before = before.ok_or_else(|| Refusal::NotAnInteger(key.clone()))?;
            let after = before.checked_add(delta).ok_or_else(|| Refusal::Overflow(key.clone()))?;
            sum = Some(after);
            Some(Json::integer(after))
        }
    };
    Ok(Changed { value, sum })
}

/// Returns what a key holds after a change to `value` by the entry at `revision`.
fn succeed(held: Option<&Held>, value: Json, revision: LogIndex) -> Held {
    match held {
        Some(held) => Held { value, revision, created: held.created, version: held.version + 1 },
        None => Held { value, revision, created: revision, version: 1 },
    }
}

/// The map as the steps of a transaction see it: what they have changed so far is
/// kept apart until all have been carried out.
struct Draft<'a> {
    state: &'a State,
    changed: BTreeMap<Key, Option<Held>>,
}

impl Draft<'_> {
    fn get(&self, key: &Key) -> Option<&Held> {
        match self.changed.get(key) {
            Some(held) => held.as_ref(),
            None => self.state.get(key),
        }
    }

    fn take(&mut self, step: Step, index: LogIndex) -> Result<StepResult, Refusal> {
        match step {
            Step::Get(key) => Ok(self
                .get(&key)
                .map_or(StepResult::Missing, |held| StepResult::Found(held.clone()))),
            Step::Change(key, change) => {
                let Changed { value, sum } = changed(self.get(&key), &key, change)?;
                let held = value.map(|value| succeed(self.get(&key), value, index));
                self.changed.insert(key, held);
                Ok(StepResult::Written { revision: index, sum })
            }
        }
    }
}

fn transact(
    state: &mut State,
    index: LogIndex,
    transaction: Transaction,
) -> Result<Outcome, Refusal> {
    let Transaction { compare, success, failure } = transaction;
    let (branch, steps) = if compare.iter().all(|comparison| holds(state, comparison)) {
        (Branch::Success, success)
    } else {
        (Branch::Failure, failure)
    };
    let mut draft = Draft { state, changed: BTreeMap::new() };
    let mut results = Vec::with_capacity(steps.len());
    let mut results_bytes = 0;
    for step in steps {
        let result = draft.take(step, index)?;
        results_bytes += result.len_bytes();
        if results_bytes > RESULTS_BYTES_MAX {
            return Err(Refusal::ResultsTooLong);
        }
        results.push(result);
    }
    for (key, held) in draft.changed {
        state.set(key, held);
    }
    Ok(Outcome::Transacted { branch, results, revision: index })
}

fn holds(state: &State, comparison: &Comparison) -> bool {
    let held = state.get(&comparison.key);
    match &comparison.expectation {
        Expectation::Value(relation, expected) => {
            let actual = held.map_or_else(Json::null, |held| held.value.clone());
            match relation {
                Relation::Equal => actual.is_same_as(expected),
                Relation::NotEqual => !actual.is_same_as(expected),
                Relation::Less => actual.order(expected) == Some(Ordering::Less),
                Relation::Greater => actual.order(expected) == Some(Ordering::Greater),
            }
        }
        Expectation::Revision(relation, expected) => {
            relates(*relation, held.map_or(LogIndex::ZERO, |held| held.revision).cmp(expected))
        }
        Expectation::Version(relation, expected) => {
            relates(*relation, held.map_or(0, |held| held.version).cmp(expected))
        }
        Expectation::Presence(Presence::Present) => held.is_some(),
        Expectation::Presence(Presence::Missing) => held.is_none(),
    }
}

fn relates(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Less => order.is_lt(),
        Relation::Greater => order.is_gt(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key(name: &str) -> Key {
        name.parse().unwrap()
    }

    fn json(value: &Value) -> Json {
        value.into()
    }

    fn change(state: &mut State, index: u64, name: &str, change: Change) -> Outcome {
        act(state, LogIndex(index), Action::Change(key(name), change))
    }

    fn put(value: &Value) -> Change {
        Change::Put(json(value))
    }

    fn append(value: &Value) -> Change {
        Change::Append(json(value))
    }

    fn written(index: u64) -> Outcome {
        Outcome::Written { revision: LogIndex(index), sum: None }
    }

    fn summed(index: u64, sum: i64) -> Outcome {
        Outcome::Written { revision: LogIndex(index), sum: Some(sum) }
    }

    /// Returns value, revision, index of creation and version.
    fn held(state: &State, name: &str) -> Option<(String, u64, u64, u64)> {
        let Held { value, revision, created, version } = state.get(&key(name))?;
        Some((value.as_str().to_owned(), revision.0, created.0, *version))
    }

    #[test]
    fn a_key_remembers_its_making_its_last_change_and_how_many_there_were() {
        let mut state = State::default();
        assert_eq!(change(&mut state, 3, "k", put(&json!(1))), written(3));
        assert_eq!(change(&mut state, 5, "k", put(&json!(1))), written(5));
        assert_eq!(held(&state, "k"), Some(("1".into(), 5, 3, 2)));
        assert_eq!(change(&mut state, 6, "k", Change::Delete), written(6));
        assert_eq!(held(&state, "k"), None);
        assert_eq!(change(&mut state, 7, "k", Change::Delete), written(7));
        assert_eq!(change(&mut state, 8, "k", Change::Add(2)), summed(8, 2));
        assert_eq!(held(&state, "k"), Some(("2".into(), 8, 8, 1)));
    }

    #[test]
    fn a_missing_key_can_be_expected_to_be_null() {
        let mut state = State::default();
        let mut cas = |index, expect: Value, value: Value| {
            let (expect, value) = (json(&expect), json(&value));
            act(&mut state, LogIndex(index), Action::Cas { key: key("k"), expect, value })
        };
        let refused = cas(3, json!(0), json!(1));
        assert_eq!(refused, Outcome::Mismatch { actual: Json::null(), revision: None });
        assert_eq!(cas(4, json!(null), json!(1)), written(4));
        let refused = cas(5, json!(null), json!(2));
        let actual = json(&json!(1));
        assert_eq!(refused, Outcome::Mismatch { actual, revision: Some(LogIndex(4)) });
    }

    #[test]
    fn lists_grow_and_other_values_refuse_to() {
        let mut state = State::default();
        assert_eq!(change(&mut state, 1, "l", append(&json!([1]))), written(1));
        assert_eq!(change(&mut state, 2, "l", append(&json!(null))), written(2));
        assert_eq!(held(&state, "l"), Some(("[[1],null]".into(), 2, 1, 2)));
        change(&mut state, 3, "s", put(&json!("[]")));
        let refused = change(&mut state, 4, "s", append(&json!(1)));
        assert_eq!(refused, Outcome::Refused(Refusal::NotAList(key("s"))));
        assert_eq!(held(&state, "s"), Some((r#""[]""#.into(), 3, 3, 1)));
    }

    #[test]
    fn a_list_becomes_as_long_as_a_value_may_be_and_no_longer() {
        let mut state = State::default();
        let half = json!("x".repeat(VALUE_BYTES_MAX / 2 - 10));
        for index in 1..=2 {
            assert_eq!(change(&mut state, index, "l", append(&half)), written(index));
        }
        let space = VALUE_BYTES_MAX - state.get(&key("l")).unwrap().value.as_str().len();
        let fills = json!("x".repeat(space - r#","""#.len()));
        let exceeds = json!("x".repeat(space - r#","""#.len() + 1));
        let refused = change(&mut state, 3, "l", append(&exceeds));
        assert_eq!(refused, Outcome::Refused(Refusal::ValueTooLong(key("l"))));
        assert_eq!(change(&mut state, 4, "l", append(&fills)), written(4));
        assert_eq!(state.get(&key("l")).unwrap().value.as_str().len(), VALUE_BYTES_MAX);
    }

    #[test]
    fn integers_add_up_within_64_bits_and_other_values_refuse_to() {
        let mut state = State::default();
        assert_eq!(change(&mut state, 1, "c", Change::Add(i64::MAX)), summed(1, i64::MAX));
        let refused = change(&mut state, 2, "c", Change::Add(1));
        assert_eq!(refused, Outcome::Refused(Refusal::Overflow(key("c"))));
        assert_eq!(change(&mut state, 3, "c", Change::Add(i64::MIN)), summed(3, -1));
        for value in [json!(1.0), json!("1"), json!(null), json!(u64::MAX)] {
            change(&mut state, 4, "c", put(&value));
            let refused = change(&mut state, 5, "c", Change::Add(0));
            assert_eq!(refused, Outcome::Refused(Refusal::NotAnInteger(key("c"))), "{value}");
        }
    }

    fn expect(name: &str, expectation: Expectation) -> Comparison {
        Comparison { key: key(name), expectation }
    }

    #[test]
    fn comparisons_see_values_revisions_versions_and_presence() {
        let mut state = State::default();
        change(&mut state, 4, "k", put(&json!(10)));
        change(&mut state, 6, "k", put(&json!(20)));
        let value = |relation, value: Value| Expectation::Value(relation, json(&value));
        let revision = |relation, number| Expectation::Revision(relation, LogIndex(number));
        let (present, missing) = (Presence::Present, Presence::Missing);
        use Relation::{Equal, Greater, Less, NotEqual};
        for (name, expectation, expected) in [
            ("k", value(Equal, json!(20)), true),
            ("k", value(NotEqual, json!(20)), false),
            ("k", value(Less, json!(100)), true),
            ("k", value(Greater, json!(100)), false),
            ("k", value(Greater, json!("1")), false),
            ("k", value(Less, json!("1")), false),
            ("m", value(Equal, json!(null)), true),
            ("k", revision(Equal, 6), true),
            ("k", revision(Less, 6), false),
            ("m", revision(Equal, 0), true),
            ("k", Expectation::Version(Greater, 1), true),
            ("m", Expectation::Version(NotEqual, 0), false),
            ("k", Expectation::Presence(present), true),
            ("k", Expectation::Presence(missing), false),
            ("m", Expectation::Presence(missing), true),
            ("m", Expectation::Presence(present), false),
        ] {
            let comparison = expect(name, expectation);
            assert_eq!(holds(&state, &comparison), expected, "{comparison:?}");
        }
    }

    #[test]
    fn the_steps_of_a_transaction_see_those_before_them() {
        let mut state = State::default();
        change(&mut state, 1, "a", put(&json!(1)));
        let get = |name| Step::Get(key(name));
        let step = |name, change| Step::Change(key(name), change);
        let transaction = Transaction {
            compare: vec![expect("a", Expectation::Presence(Presence::Present))],
            success: vec![
                get("a"),
                step("a", Change::Add(4)),
                get("a"),
                step("a", Change::Delete),
                get("a"),
                step("a", append(&json!(7))),
                get("a"),
                get("b"),
            ],
            failure: vec![step("b", put(&json!(0)))],
        };
        let outcome = act(&mut state, LogIndex(2), Action::Transaction(transaction.clone()));
        let found = |value, revision, created, version| {
            let (revision, created) = (LogIndex(revision), LogIndex(created));
            StepResult::Found(Held { value: json(&value), revision, created, version })
        };
        let changed = |sum| StepResult::Written { revision: LogIndex(2), sum };
        let results = vec![
            found(json!(1), 1, 1, 1),
            changed(Some(5)),
            found(json!(5), 2, 1, 2),
            changed(None),
            StepResult::Missing,
            changed(None),
            found(json!([7]), 2, 2, 1),
            StepResult::Missing,
        ];
        let revision = LogIndex(2);
        assert_eq!(outcome, Outcome::Transacted { branch: Branch::Success, results, revision });
        assert_eq!(held(&state, "a"), Some(("[7]".into(), 2, 2, 1)));

        change(&mut state, 3, "a", Change::Delete);
        let outcome = act(&mut state, LogIndex(4), Action::Transaction(transaction));
        assert!(matches!(outcome, Outcome::Transacted { branch: Branch::Failure, .. }));
        assert_eq!(held(&state, "b"), Some(("0".into(), 4, 4, 1)));
    }

    #[test]
    fn a_transaction_with_a_step_that_is_refused_does_nothing() {
        let mut state = State::default();
        change(&mut state, 1, "a", put(&json!(true)));
        let before = state.digest();
        let steps =
            vec![Step::Change(key("b"), put(&json!(1))), Step::Change(key("a"), Change::Add(1))];
        let transaction = Transaction { success: steps, ..Transaction::default() };
        let outcome = act(&mut state, LogIndex(2), Action::Transaction(transaction));
        assert_eq!(outcome, Outcome::Refused(Refusal::NotAnInteger(key("a"))));
        let long = put(&json!("x".repeat(VALUE_BYTES_MAX - 2)));
        let mut steps = vec![Step::Change(key("c"), long)];
        steps.extend((0..RESULTS_BYTES_MAX / VALUE_BYTES_MAX).map(|_| Step::Get(key("c"))));
        let transaction = Transaction { success: steps, ..Transaction::default() };
        let outcome = act(&mut state, LogIndex(3), Action::Transaction(transaction));
        assert_eq!(outcome, Outcome::Refused(Refusal::ResultsTooLong));
        assert_eq!(state.digest(), before);
    }
}
