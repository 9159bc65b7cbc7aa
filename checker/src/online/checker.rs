//! A whole history while it grows: which keys, which monitors, the first violation.
//!
//! Sits beside a [`HistoryBuilder`](crate::history::HistoryBuilder), which validates and
//! pairs; this only needs to be shown what each event did. Keys are independent of each
//! other (Herlihy & Wing 1990, locality), and so are their monitors.
//!
//! Deliberately absent: any claim that a history is linearizable. Keys that their monitor
//! could not judge to the end are [named](OnlineChecker::unjudged), refused
//! compare-and-sets are not judged at all, and there is no proof: all that is the business
//! of [`check`](crate::check()) over the whole history. A violation, however, is one.

use rustc_hash::FxHashMap;

use super::register::{RegisterCall, RegisterMonitor, RegisterReply};
use super::{Completion, Halt, Slot, Watched};
use crate::history::{History, Moment, Name, Outcome, Pushed, Recorded, Value};
use crate::model::ModelName;
use crate::procedure::Conflict;
use crate::verdict::OperationId;

/// The first event after which a history has no legal order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstViolation {
    /// The operation whose completion it is.
    pub operation: OperationId,
    /// The key it is on.
    pub key: Option<Name>,
    /// What is still known of why. Operations are named by their [`OperationId`].
    pub conflict: Conflict,
}

/// Judges a history event by event.
///
/// ```
/// use squall_checker::history::{Event, EventType, HistoryBuilder, Process};
/// use squall_checker::online::OnlineChecker;
///
/// let event = |index, kind, f: &'static str, value: u64| Event {
///     index: Some(index),
///     time: 10 * index,
///     process: Process::Client(0),
///     node: None,
///     kind,
///     f: f.into(),
///     key: Some("x".into()),
///     value: value.into(),
///     error: None,
///     revision: None,
///     evidence: serde_json::Value::Null,
/// };
/// let mut builder = HistoryBuilder::default();
/// let mut online = OnlineChecker::new(None);
/// for (line, event) in [
///     event(0, EventType::Invoke, "write", 1),
///     event(1, EventType::Ok, "write", 1),
///     event(2, EventType::Invoke, "read", 0),
///     event(3, EventType::Ok, "read", 2),
/// ]
/// .into_iter()
/// .enumerate()
/// {
///     let pushed = builder.push(line + 1, event)?;
///     online.observe(builder.history(), pushed);
/// }
/// let violation = online.violation().expect("nobody wrote 2");
/// assert_eq!(violation.operation.0, 1);
/// # Ok::<(), squall_checker::history::HistoryError>(())
/// ```
pub struct OnlineChecker {
    model: Option<ModelName>,
    objects: Vec<(Option<Name>, Object)>,
    numbers: FxHashMap<Option<Name>, usize>,
    /// Operations in flight: on which object, and under which name there.
    in_flight: FxHashMap<OperationId, (usize, Slot)>,
    /// Of the latest event.
    position: u32,
    violation: Option<FirstViolation>,
}

enum Object {
    Register(Watched<RegisterMonitor<Value>>),
    /// Not any more, for the reason given.
    Unjudged(&'static str),
}

/// What a monitor of registers is told of an operation.
type Call = RegisterCall<Value>;

impl OnlineChecker {
    /// No event has been seen. Without a model the header decides, and without that
    /// whether a register knows the functions.
    pub fn new(model: Option<ModelName>) -> Self {
        Self {
            model,
            objects: Vec::new(),
            numbers: FxHashMap::default(),
            in_flight: FxHashMap::default(),
            position: 0,
            violation: None,
        }
    }

    /// Takes the event that `history` was last [pushed](crate::history::HistoryBuilder::push).
    ///
    /// Returns the violation if this is the first event after which there is one; nothing
    /// is judged after that.
    pub fn observe(&mut self, history: &History, pushed: Pushed) -> Option<&FirstViolation> {
        if self.violation.is_some() {
            return None;
        }
        match pushed {
            Pushed::Invoked(id) => self.invoke(id, history.get(id)),
            Pushed::Completed(id) => self.complete(id, history.get(id)),
            Pushed::Nemesis => {}
        }
        self.violation.as_ref()
    }

    /// The first violation, if there was one.
    pub fn violation(&self) -> Option<&FirstViolation> {
        self.violation.as_ref()
    }

    /// The keys that cannot be judged to the end, and why (clauses that complete
    /// "because ...").
    pub fn unjudged(&self) -> impl Iterator<Item = (Option<Name>, &'static str)> {
        self.objects.iter().filter_map(|(key, object)| match object {
            Object::Unjudged(why) => Some((*key, *why)),
            Object::Register(_) => None,
        })
    }

    /// How many keys were seen.
    pub fn keys(&self) -> usize {
        self.objects.len()
    }

    fn invoke(&mut self, id: OperationId, operation: Recorded<'_>) {
        let number = self.number(operation.key);
        let position = operation.invoked.position();
        if !self.advance(position) {
            return;
        }
        let call = self.call(operation);
        let (_, object) = &mut self.objects[number];
        let Object::Register(register) = object else { return };
        match call
            .and_then(|call| register.invoke(id, call, position).map_err(|halt| reason(&halt)))
        {
            Ok(slot) => {
                self.in_flight.insert(id, (number, slot));
            }
            Err(why) => *object = Object::Unjudged(why),
        }
    }

    fn complete(&mut self, id: OperationId, operation: Recorded<'_>) {
        let Some((number, slot)) = self.in_flight.remove(&id) else { return };
        let position = operation.completed.map_or(self.position, Moment::position);
        if !self.advance(position) {
            return;
        }
        let (key, object) = &mut self.objects[number];
        let Object::Register(register) = object else { return };
        let completion = match (operation.outcome, operation.f()) {
            (Outcome::Ok, "read") => Completion::Ok(RegisterReply::Found(operation.result)),
            (Outcome::Ok, _) => Completion::Ok(RegisterReply::Done),
            (Outcome::Fail, _) => Completion::Fail,
            (Outcome::Info, _) => Completion::Info,
        };
        match register.complete(slot, completion, position) {
            Ok(()) => {}
            Err(Halt::Violation(conflict)) => {
                self.violation = Some(FirstViolation { operation: id, key: *key, conflict });
            }
            Err(Halt::NotApplicable(why)) => *object = Object::Unjudged(why),
        }
    }

    /// Goes on to the position of an event.
    ///
    /// Without indices, events at one stamp are concurrent whatever their order in the
    /// file, and stamps may fall: then nothing is judged any more.
    fn advance(&mut self, position: u32) -> bool {
        let rises = position > self.position;
        self.position = position;
        if !rises {
            for (_, object) in &mut self.objects {
                *object = Object::Unjudged("events without indices are not in their final order");
            }
        }
        rises
    }

    fn number(&mut self, key: Option<Name>) -> usize {
        *self.numbers.entry(key).or_insert_with(|| {
            let register = Watched::new(RegisterMonitor::new(Value::NULL));
            self.objects.push((key, Object::Register(register)));
            self.objects.len() - 1
        })
    }

    fn call(&self, operation: Recorded<'_>) -> Result<Call, &'static str> {
        let history = operation.history();
        let header = history.header.as_ref().map(|header| header.model.as_str());
        let named = header.filter(|model| !model.is_empty());
        let model = match (self.model, named) {
            (Some(model), _) => Some(model),
            (None, Some(name)) => {
                Some(name.parse().map_err(|_| "the header names no known model")?)
            }
            (None, None) => None,
        };
        if !matches!(model, None | Some(ModelName::Register | ModelName::CasRegister)) {
            return Err("its model is judged only as a whole");
        }
        match (operation.f(), history.values.list(operation.argument)) {
            ("read", _) => Ok(RegisterCall::Read),
            ("write", _) => Ok(RegisterCall::Write(operation.argument)),
            ("cas", Some(&[expected, new])) if model != Some(ModelName::Register) => {
                Ok(RegisterCall::Cas { expected, new })
            }
            _ => Err("an operation on it is none of a register"),
        }
    }
}

/// Why a monitor does not go on after an invocation, which is never a violation.
fn reason(halt: &Halt) -> &'static str {
    match *halt {
        Halt::NotApplicable(why) => why,
        Halt::Violation(_) => "an invocation was judged a violation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Budget, CheckOptions, check};
    use crate::cross_check::Random;
    use crate::history::{Event, EventType, HistoryBuilder, Process};
    use crate::verdict::Verdict;
    use serde_json::{Value as Json, json};

    fn event(process: u64, kind: EventType, f: &'static str, key: usize, value: &Json) -> Event {
        Event {
            index: None,
            time: 0,
            process: Process::Client(process),
            node: None,
            kind,
            f: f.into(),
            key: Some(format!("k{key}").into()),
            value: value.clone(),
            error: None,
            revision: None,
            evidence: Json::Null,
        }
    }

    /// A few clients on two registers, with stale reads, failures and lost replies.
    fn events(random: &mut Random) -> Vec<Event> {
        type Sent = (&'static str, usize, Json, Option<(EventType, Json)>);
        let mut clients: Vec<(u64, Option<Sent>)> = (0..4).map(|client| (client, None)).collect();
        let (mut states, mut fresh, mut retired) = ([0; 2], [0; 2], 4);
        let lies = random.pick(&[0, 10, 20]);
        let mut events = Vec::new();
        let value = |value: u32| if value == 0 { Json::Null } else { json!(value) };
        for _ in 0..20 + random.below(60) {
            let client = random.below(4) as usize;
            let (process, sent) = &mut clients[client];
            match sent {
                None => {
                    let key = random.below(2) as usize;
                    let (f, argument) = match random.below(5) {
                        0..3 => ("read", Json::Null),
                        kind => {
                            fresh[key] += 1;
                            let new = fresh[key];
                            match kind {
                                3 => ("write", json!(new)),
                                _ => ("cas", json!([value(states[key]), new])),
                            }
                        }
                    };
                    events.push(event(*process, EventType::Invoke, f, key, &argument));
                    *sent = Some((f, key, argument, None));
                }
                Some((f, key, argument, done @ None)) => {
                    let state = &mut states[*key];
                    let old = value(random.below(fresh[*key] + 1));
                    let lie = random.chance(lies);
                    let reply = match *f {
                        "read" if lie => (EventType::Ok, old),
                        "read" => (EventType::Ok, value(*state)),
                        "write" => {
                            *state = argument.as_u64().unwrap() as u32;
                            (EventType::Ok, argument.clone())
                        }
                        _ if argument[0] == value(*state) || lie => {
                            *state = argument[1].as_u64().unwrap() as u32;
                            (EventType::Ok, argument.clone())
                        }
                        _ => (EventType::Fail, argument.clone()),
                    };
                    *done = Some(reply);
                }
                Some((f, key, argument, Some((kind, result)))) => {
                    let lost = random.chance(5);
                    let kind = if lost { EventType::Info } else { *kind };
                    let shown = if lost { argument } else { result };
                    events.push(event(*process, kind, f, *key, shown));
                    *sent = None;
                    if lost {
                        *process = retired;
                        retired += 1;
                    }
                }
            }
        }
        for (index, event) in events.iter_mut().enumerate() {
            event.index = Some(index as u64);
        }
        events
    }

    fn verdict(events: &[Event]) -> Verdict {
        let history = History::from_events(None, events.iter().cloned()).unwrap();
        let options = CheckOptions { model: None, budget: Budget::default() };
        check(&history, &options).unwrap().verdict
    }

    #[test]
    fn the_first_violation_is_where_checking_prefixes_finds_it() {
        let mut random = Random::new(5);
        let (mut violations, mut others) = (0, 0);
        for _ in 0..1_500 {
            let events = events(&mut random);
            let mut builder = HistoryBuilder::default();
            let mut online = OnlineChecker::new(None);
            let first = events.iter().position(|event| {
                let pushed = builder.push(1, event.clone()).unwrap();
                online.observe(builder.history(), pushed).is_some()
            });
            assert_eq!(online.unjudged().count(), 0);
            match first {
                None => {
                    assert_ne!(verdict(&events), Verdict::Violation);
                    others += 1;
                }
                Some(first) => {
                    assert_eq!(verdict(&events[..=first]), Verdict::Violation);
                    assert_ne!(verdict(&events[..first]), Verdict::Violation);
                    violations += 1;
                }
            }
        }
        assert!(violations > 200 && others > 200, "{violations}, {others}");
    }
}
