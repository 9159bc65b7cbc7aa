//! The state machine against an oracle that shares no code with it: plain JSON
//! values in a plain map, every outcome of every session kept in a list.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use squall_node::machine::{
    Action, Branch, Change, Command, Comparison, Expectation, Frozen, Held, Json, Key, Machine,
    Outcome, Presence, Refusal, Relation, Sequence, SessionId, Stamp, Step, StepResult,
    Transaction,
};
use squall_node::raft::LogIndex;

/// What the oracle knows of a key.
#[derive(Clone, Debug)]
struct Item {
    value: Value,
    revision: u64,
    created: u64,
    version: u64,
}

/// What the oracle knows of a session: the outcomes it has not been told to forget.
#[derive(Clone, Debug, Default)]
struct Known {
    lowest: u64,
    outcomes: Vec<(u64, Outcome)>,
}

type Map = BTreeMap<String, Item>;

#[derive(Default)]
struct Oracle {
    map: Map,
    sessions: BTreeMap<u64, Known>,
}

impl Oracle {
    fn apply(&mut self, index: u64, command: &Command) -> Outcome {
        match command {
            Command::RegisterSession => {
                self.sessions.insert(index, Known::default());
                Outcome::Registered(SessionId(index))
            }
            Command::Plain(action) => act(&mut self.map, index, action),
            Command::Stamped(stamp, action) => {
                let Some(known) = self.sessions.get_mut(&stamp.session.0) else {
                    return Outcome::SessionUnknown;
                };
                known.lowest = known.lowest.max(stamp.lowest_outstanding.0);
                known.outcomes.retain(|(sequence, _)| *sequence >= known.lowest);
                let sequence = stamp.sequence.0;
                if sequence < known.lowest {
                    return Outcome::OutcomeForgotten;
                }
                if let Some((_, before)) = known.outcomes.iter().find(|(it, _)| *it == sequence) {
                    return before.clone();
                }
                let outcome = act(&mut self.map, index, action);
                known.outcomes.push((sequence, outcome.clone()));
                outcome
            }
        }
    }
}

fn act(map: &mut Map, index: u64, action: &Action) -> Outcome {
    match action {
        Action::Change(key, change) => match alter(map, index, key, change) {
            Ok(sum) => Outcome::Written { revision: LogIndex(index), sum },
            Err(refusal) => Outcome::Refused(refusal),
        },
        Action::Cas { key, expect, value } => {
            let item = map.get(key.as_str());
            let actual = item.map_or(Value::Null, |item| item.value.clone());
            if actual != parse(expect) {
                let revision = item.map(|item| LogIndex(item.revision));
                return Outcome::Mismatch { actual: (&actual).into(), revision };
            }
            act(map, index, &Action::Change(key.clone(), Change::Put(value.clone())))
        }
        Action::Transaction(Transaction { compare, success, failure }) => {
            let all = compare.iter().all(|comparison| holds(map, comparison));
            let (branch, steps) =
                if all { (Branch::Success, success) } else { (Branch::Failure, failure) };
            // Whatever goes wrong happens to a copy.
            let mut copy = map.clone();
            let mut results = Vec::new();
            for step in steps {
                match take(&mut copy, index, step) {
                    Ok(result) => results.push(result),
                    Err(refusal) => return Outcome::Refused(refusal),
                }
            }
            *map = copy;
            Outcome::Transacted { branch, results, revision: LogIndex(index) }
        }
    }
}

fn alter(map: &mut Map, index: u64, key: &Key, change: &Change) -> Result<Option<i64>, Refusal> {
    let before = map.get(key.as_str());
    let held = before.map(|item| item.value.clone());
    let (value, sum) = match change {
        Change::Put(value) => (parse(value), None),
        Change::Delete => {
            map.remove(key.as_str());
            return Ok(None);
        }
        Change::Append(element) => match held.unwrap_or(json!([])) {
            Value::Array(mut elements) => {
                elements.push(parse(element));
                (Value::Array(elements), None)
            }
            _ => return Err(Refusal::NotAList(key.clone())),
        },
        Change::Add(delta) => {
            let number = held.unwrap_or(json!(0)).as_i64();
            let number = number.ok_or_else(|| Refusal::NotAnInteger(key.clone()))?;
            let sum = i128::from(number) + i128::from(*delta);
            let sum = i64::try_from(sum).map_err(|_| Refusal::Overflow(key.clone()))?;
            (json!(sum), Some(sum))
        }
    };
    let (created, version) = before.map_or((index, 0), |item| (item.created, item.version));
    let item = Item { value, revision: index, created, version: version + 1 };
    map.insert(key.as_str().to_owned(), item);
    Ok(sum)
}

fn take(map: &mut Map, index: u64, step: &Step) -> Result<StepResult, Refusal> {
    match step {
        Step::Get(key) => Ok(match map.get(key.as_str()) {
            Some(item) => StepResult::Found(held(item)),
            None => StepResult::Missing,
        }),
        Step::Change(key, change) => {
            let sum = alter(map, index, key, change)?;
            Ok(StepResult::Written { revision: LogIndex(index), sum })
        }
    }
}

fn holds(map: &Map, comparison: &Comparison) -> bool {
    let item = map.get(comparison.key.as_str());
    let number = |relation: &Relation, this: u64, that: u64| match relation {
        Relation::Equal => this == that,
        Relation::NotEqual => this != that,
        Relation::Less => this < that,
        Relation::Greater => this > that,
    };
    match &comparison.expectation {
        Expectation::Presence(presence) => item.is_some() == (*presence == Presence::Present),
        Expectation::Revision(relation, revision) => {
            number(relation, item.map_or(0, |item| item.revision), revision.0)
        }
        Expectation::Version(relation, version) => {
            number(relation, item.map_or(0, |item| item.version), *version)
        }
        Expectation::Value(relation, expected) => {
            let (this, that) =
                (item.map_or(Value::Null, |item| item.value.clone()), parse(expected));
            match (relation, &this, &that) {
                (Relation::Equal, ..) => this == that,
                (Relation::NotEqual, ..) => this != that,
                (Relation::Less, Value::String(this), Value::String(that)) => this < that,
                (Relation::Greater, Value::String(this), Value::String(that)) => this > that,
                (Relation::Less, ..) => this.as_f64() < that.as_f64() && both(&this, &that),
                (Relation::Greater, ..) => this.as_f64() > that.as_f64() && both(&this, &that),
            }
        }
    }
}

/// Returns whether both are numbers.
fn both(this: &Value, that: &Value) -> bool {
    this.is_number() && that.is_number()
}

fn held(item: &Item) -> Held {
    Held {
        value: (&item.value).into(),
        revision: LogIndex(item.revision),
        created: LogIndex(item.created),
        version: item.version,
    }
}

fn parse(json: &Json) -> Value {
    serde_json::from_str(json.as_str()).unwrap()
}

fn keys() -> impl Strategy<Value = Key> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(|name| name.parse().unwrap())
}

fn values() -> impl Strategy<Value = Json> {
    let values = vec![
        json!(null),
        json!(0),
        json!(1),
        json!(2.5),
        json!(i64::MAX),
        json!("x"),
        json!("y"),
        json!([]),
        json!([1]),
        json!({"m": [1], "n": "]"}),
    ];
    prop::sample::select(values).prop_map(|value| Json::from(&value))
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        values().prop_map(Change::Put),
        Just(Change::Delete),
        values().prop_map(Change::Append),
        prop::sample::select(vec![-1, 1, 7, i64::MAX]).prop_map(Change::Add),
    ]
}

fn relations() -> impl Strategy<Value = Relation> {
    use Relation::{Equal, Greater, Less, NotEqual};
    prop::sample::select(vec![Equal, NotEqual, Less, Greater])
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    let presences = prop::sample::select(vec![Presence::Present, Presence::Missing]);
    let expectations = prop_oneof![
        (relations(), values()).prop_map(|(relation, value)| Expectation::Value(relation, value)),
        (relations(), 0..40_u64).prop_map(|(relation, revision)| {
            Expectation::Revision(relation, LogIndex(revision))
        }),
        (relations(), 0..4_u64).prop_map(|(relation, n)| Expectation::Version(relation, n)),
        presences.prop_map(Expectation::Presence),
    ];
    (keys(), expectations).prop_map(|(key, expectation)| Comparison { key, expectation })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        keys().prop_map(Step::Get),
        (keys(), changes()).prop_map(|(key, change)| Step::Change(key, change)),
    ];
    prop::collection::vec(step, 0..5)
}

fn actions() -> impl Strategy<Value = Action> {
    let transactions = (prop::collection::vec(comparisons(), 0..2), steps(), steps())
        .prop_map(|(compare, success, failure)| Transaction { compare, success, failure });
    prop_oneof![
        3 => (keys(), changes()).prop_map(|(key, change)| Action::Change(key, change)),
        2 => (keys(), values(), values())
            .prop_map(|(key, expect, value)| Action::Cas { key, expect, value }),
        2 => transactions.prop_map(Action::Transaction),
    ]
}

/// Stamps of the sessions that entries 1 to 4 begin, if they do.
fn stamps() -> impl Strategy<Value = Stamp> {
    (1..5_u64, 0..6_u64, 0..3_u64).prop_map(|(session, sequence, behind)| Stamp {
        session: SessionId(session),
        sequence: Sequence(sequence),
        lowest_outstanding: Sequence(sequence.saturating_sub(behind)),
    })
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => Just(Command::RegisterSession),
        3 => actions().prop_map(Command::Plain),
        6 => (stamps(), actions()).prop_map(|(stamp, action)| Command::Stamped(stamp, action)),
    ]
}

/// What else happens after a command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Nothing,
    /// The machine starts anew from a snapshot.
    Restart,
    /// A snapshot is begun, to be written at the end.
    Freeze,
}

fn thens() -> impl Strategy<Value = Then> {
    prop_oneof![
        4 => Just(Then::Nothing),
        1 => Just(Then::Restart),
        1 => Just(Then::Freeze),
    ]
}

fn bytes(frozen: &Frozen) -> Vec<u8> {
    let mut bytes = Vec::new();
    frozen.write_to(&mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn outcomes_and_values_are_those_of_the_oracle_whatever_is_restarted(
        registered in 0..5_u64,
        script in prop::collection::vec((commands(), thens()), 1..60),
    ) {
        let (mut machine, mut undisturbed) = (Machine::new(None), Machine::new(None));
        let mut oracle = Oracle::default();
        let mut frozen = Vec::new();
        let begin = (0..registered).map(|_| (Command::RegisterSession, Then::Nothing));
        for (index, (command, then)) in (1..).zip(begin.chain(script)) {
            let stands_in_log = Command::decode(&command.encode()).unwrap();
            let outcome = machine.apply(LogIndex(index), stands_in_log);
            prop_assert_eq!(&outcome, &oracle.apply(index, &command));
            prop_assert_eq!(&outcome, &undisturbed.apply(LogIndex(index), command));
            match then {
                Then::Nothing => {}
                Then::Restart => {
                    let snapshot = bytes(&machine.freeze());
                    machine = Machine::restore(&snapshot, None).unwrap();
                }
                Then::Freeze => {
                    let frozen_now = machine.freeze();
                    let written_now = bytes(&frozen_now);
                    frozen.push((frozen_now, written_now));
                }
            }
            prop_assert_eq!(machine.digest(), undisturbed.digest());
        }
        for name in ["a", "b", "c"] {
            let key: Key = name.parse().unwrap();
            let expected = oracle.map.get(name).map(held);
            prop_assert_eq!(machine.get(&key), expected.as_ref());
        }
        prop_assert_eq!(machine.keys(), oracle.map.len());
        prop_assert_eq!(machine.sessions(), oracle.sessions.len());
        prop_assert_eq!(bytes(&machine.freeze()), bytes(&undisturbed.freeze()));
        for (frozen, written_then) in frozen {
            prop_assert_eq!(bytes(&frozen), written_then);
        }
    }
}
