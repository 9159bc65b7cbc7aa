//! A whole history while it grows: which objects, which judges, the first violation.
//!
//! Sits beside a [`HistoryBuilder`](crate::history::HistoryBuilder), which validates and
//! pairs; this only needs to be shown what each event did. Keys are independent of each
//! other (Herlihy & Wing 1990, locality), and so are their judges.
//!
//! Beside what the judges keep, 4 bytes for each operation of an object that is judged: what
//! it takes to judge it anew where its monitor turns out not to apply.
//!
//! Deliberately absent: any claim that a history is linearizable. Keys that could not be
//! judged to the end are [named](OnlineChecker::unjudged), compare-and-sets refused are
//! judged only where a register is searched, and there is no proof: all that is the business
//! of [`check`](crate::check()) over the whole history. A violation, however, is one.

use rustc_hash::FxHashMap;

use super::choice::Choice;
use super::live::Live;
use super::objects::{Judge, Stop, monitor};
use super::rechecked::Rechecked;
use crate::history::{History, Moment, Name, Pushed, Recorded};
use crate::model::ModelName;
use crate::procedure::Conflict;
use crate::verdict::OperationId;

/// The first event after which a history has no legal order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstViolation {
    /// The operation whose completion it is. Where an object is searched this is judged with
    /// hindsight, once the results are known that operations then in flight returned: it may
    /// be earlier than the event at which the violation is told, which is always one.
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
    choice: Choice,
    objects: Vec<Object>,
    numbers: FxHashMap<Option<Name>, usize>,
    /// Operations in flight, and on which object.
    in_flight: FxHashMap<OperationId, usize>,
    /// Of the latest event.
    position: u32,
    violation: Option<FirstViolation>,
}

struct Object {
    key: Option<Name>,
    /// Its operations, while they may have to be judged anew.
    members: Vec<OperationId>,
    stage: Stage,
}

/// What became of an object so far.
enum Stage {
    /// Nobody knows its model yet.
    Held,
    /// The monitor of its model judges it.
    Monitored(Box<dyn Judge>),
    /// Search judges it.
    Searched(Box<dyn Judge>),
    /// Nobody does any more, for the reason given.
    Unjudged(&'static str),
}

/// An event of an operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Begins,
    Ends,
}

impl OnlineChecker {
    /// No event has been seen. Without a model the header decides, and without that
    /// the functions, as soon as they fit one model only.
    pub fn new(model: Option<ModelName>) -> Self {
        Self {
            choice: Choice::new(model),
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

    /// No event follows: what is in flight stays indeterminate.
    ///
    /// Returns the violation if what waited for operations in flight shows one.
    pub fn finish(&mut self, history: &History) -> Option<&FirstViolation> {
        if self.violation.is_some() {
            return None;
        }
        let mut in_flight: Vec<(OperationId, usize)> = self.in_flight.drain().collect();
        in_flight.sort_unstable_by_key(|(id, _)| id.0);
        for (id, number) in in_flight {
            self.step(number, Step::Ends, history.get(id), id);
            if self.violation.is_some() {
                break;
            }
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
        self.objects.iter().filter_map(|object| match object.stage {
            Stage::Held => Some((object.key, "its operations fit several models so far")),
            Stage::Unjudged(why) => Some((object.key, why)),
            Stage::Monitored(_) | Stage::Searched(_) => None,
        })
    }

    /// How many keys were seen.
    pub fn keys(&self) -> usize {
        self.objects.len()
    }

    fn invoke(&mut self, id: OperationId, operation: Recorded<'_>) {
        let held = self.choice.model().is_none();
        self.choice.see_invocation(operation);
        let number = self.number(operation);
        if !self.advance(operation.invoked.position()) {
            return;
        }
        let object = &mut self.objects[number];
        if matches!(object.stage, Stage::Held | Stage::Monitored(_)) {
            object.members.push(id);
        }
        self.in_flight.insert(id, number);
        if let Some(why) = self.choice.foreign(operation) {
            self.give_all_up(why);
        } else if held && self.choice.model().is_some() {
            self.begin_all(operation.history());
        } else {
            self.step(number, Step::Begins, operation, id);
        }
    }

    fn complete(&mut self, id: OperationId, operation: Recorded<'_>) {
        let Some(number) = self.in_flight.remove(&id) else { return };
        if !self.advance(operation.completed.map_or(self.position, Moment::position)) {
            return;
        }
        let held = self.choice.model().is_none();
        self.choice.see_completion(operation);
        if held && self.choice.model().is_some() {
            self.begin_all(operation.history());
        } else {
            self.step(number, Step::Ends, operation, id);
        }
    }

    /// Tells the judge of an object of an event, and another judge if that one stops.
    fn step(&mut self, number: usize, step: Step, operation: Recorded<'_>, id: OperationId) {
        let told = match &mut self.objects[number].stage {
            Stage::Held | Stage::Unjudged(_) => return,
            Stage::Monitored(judge) | Stage::Searched(judge) => {
                tell(&mut **judge, step, operation, id)
            }
        };
        match (told, &self.objects[number].stage) {
            (Ok(()), _) => {}
            (Err(Stop::Violation { operation, conflict }), _) => {
                self.found(number, operation, conflict);
            }
            (Err(Stop::Unjudged(why)), Stage::Monitored(_)) => {
                let search = self.model_of(number, operation.history()).and_then(Live::new);
                self.judge_anew(number, operation.history(), search.map(search_stage), why);
            }
            (Err(Stop::Unjudged(why)), _) => self.objects[number].give_up(why),
        }
    }

    /// Judges an object from its first event on.
    fn judge_anew(
        &mut self,
        number: usize,
        history: &History,
        stage: Option<Stage>,
        otherwise: &'static str,
    ) {
        let object = &mut self.objects[number];
        let Some(stage) = stage else {
            object.give_up(otherwise);
            return;
        };
        object.stage = stage;
        let mut events: Vec<(u32, Step, OperationId)> = Vec::new();
        for &id in &object.members {
            let operation = history.get(id);
            events.push((operation.invoked.position(), Step::Begins, id));
            events.extend(operation.completed.map(|end| (end.position(), Step::Ends, id)));
        }
        events.sort_unstable_by_key(|&(position, step, id)| (position, step, id.0));
        let searched = matches!(object.stage, Stage::Searched(_));
        if searched {
            // Nobody takes over from search.
            object.members = Vec::new();
        }
        for (_, step, id) in events {
            self.step(number, step, history.get(id), id);
            let goes_on = match self.objects[number].stage {
                Stage::Searched(_) => searched,
                // Where another judge took over, it was told all there is.
                Stage::Monitored(_) => !searched,
                Stage::Held | Stage::Unjudged(_) => false,
            };
            if self.violation.is_some() || !goes_on {
                return;
            }
        }
    }

    /// Begins to judge what was held back until the model was known.
    fn begin_all(&mut self, history: &History) {
        for number in 0..self.objects.len() {
            let stage = self.first_stage(self.model_of(number, history));
            self.judge_anew(number, history, Some(stage), WHOLE);
            if self.violation.is_some() {
                return;
            }
        }
    }

    fn give_all_up(&mut self, why: &'static str) {
        for object in &mut self.objects {
            object.give_up(why);
        }
    }

    fn found(&mut self, number: usize, operation: OperationId, conflict: Conflict) {
        let key = self.objects[number].key;
        self.violation.get_or_insert(FirstViolation { operation, key, conflict });
    }

    /// Goes on to the position of an event.
    ///
    /// Without indices, events at one stamp are concurrent whatever their order in the
    /// file, and stamps may fall: then nothing is judged any more.
    fn advance(&mut self, position: u32) -> bool {
        let rises = position > self.position;
        self.position = position;
        if !rises {
            let why = "events without indices are not in their final order";
            self.choice.give_up(why);
            self.give_all_up(why);
        }
        rises
    }

    /// What judges an object, once it is known.
    fn model_of(&self, number: usize, history: &History) -> Option<ModelName> {
        self.choice.model_of(self.objects[number].key.map(|key| history.names.get(key)))
    }

    fn number(&mut self, operation: Recorded<'_>) -> usize {
        let key = operation.key;
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.objects.len();
        let stage = self.first_stage(self.choice.model_of(operation.key()));
        self.objects.push(Object { key, members: Vec::new(), stage });
        self.numbers.insert(key, number);
        number
    }

    fn first_stage(&self, model: Option<ModelName>) -> Stage {
        if let Some(why) = self.choice.given_up() {
            return Stage::Unjudged(why);
        }
        let Some(model) = model else { return Stage::Held };
        if let Some(monitor) = monitor(model) {
            return Stage::Monitored(monitor);
        }
        if let Some(live) = Live::new(model) {
            return search_stage(live);
        }
        match Rechecked::new(model) {
            Some(rechecked) => Stage::Searched(Box::new(rechecked)),
            None => Stage::Unjudged(WHOLE),
        }
    }
}

/// Why accounts are not judged here.
const WHOLE: &str = "its model is judged only as a whole";

fn search_stage(live: Live) -> Stage {
    Stage::Searched(Box::new(live))
}

fn tell(
    judge: &mut dyn Judge,
    step: Step,
    operation: Recorded<'_>,
    id: OperationId,
) -> Result<(), Stop> {
    match step {
        Step::Begins => judge.invoke(id, operation),
        Step::Ends => judge.complete(id, operation),
    }
}

impl Object {
    fn give_up(&mut self, why: &'static str) {
        self.members = Vec::new();
        if !matches!(self.stage, Stage::Unjudged(_)) {
            self.stage = Stage::Unjudged(why);
        }
    }
}

#[cfg(test)]
mod tests;
