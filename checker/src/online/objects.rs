//! What judges one object: the monitor of its model where there is one, and search.
//!
//! A monitor tests its preconditions as operations come. Where one does not hold any more,
//! the object is judged anew by search from its first operation, of which the history still
//! knows all.

use rustc_hash::FxHashMap;

use super::bit::{BitCall, BitMonitor, BitReply};
use super::counter::{CounterCall, CounterMonitor, CounterReply};
use super::ids::IdsMonitor;
use super::register::{RegisterCall, RegisterMonitor, RegisterReply};
use super::{Completion, Halt, Monitor, Slot, Watched};
use crate::history::{Moment, Outcome, Recorded, Value, View};
use crate::model::ModelName;
use crate::procedure::Conflict;
use crate::verdict::OperationId;

/// Judges one object by what is recorded of its operations.
pub(super) trait Judge: Send {
    /// An operation begins; only its invocation is looked at.
    fn invoke(&mut self, id: OperationId, operation: Recorded<'_>) -> Result<(), Stop>;

    /// An operation ends, or will never be known to.
    fn complete(&mut self, id: OperationId, operation: Recorded<'_>) -> Result<(), Stop>;
}

/// Why an object is judged no further.
pub(super) enum Stop {
    /// There is no order past the completion of this operation.
    Violation { operation: OperationId, conflict: Conflict },
    /// This judge cannot go on, for the reason given.
    Unjudged(&'static str),
}

/// The monitor for objects of `model`, if there is one.
pub(super) fn monitor(model: ModelName) -> Option<Box<dyn Judge>> {
    match model {
        ModelName::Register | ModelName::CasRegister | ModelName::Kv => {
            Some(Box::new(Watching::new(Registers, RegisterMonitor::new(Value::NULL))))
        }
        ModelName::Counter => {
            Some(Box::new(Watching::new(Counters { amount: None }, CounterMonitor::new())))
        }
        ModelName::Mutex => Some(Box::new(Watching::new(Locks, BitMonitor::new(false)))),
        ModelName::Ids => Some(Box::new(Watching::new(Numbers, IdsMonitor::new(0)))),
        _ => None,
    }
}

/// How recorded operations are told to a monitor.
trait Words: Send {
    type Monitor: Monitor<Call: Send, Reply: Send, Pending: Send> + Send;

    fn call(&mut self, operation: Recorded<'_>) -> Result<CallOf<Self>, &'static str>;

    /// What a successful operation replied.
    fn reply(&self, operation: Recorded<'_>) -> Result<ReplyOf<Self>, &'static str>;
}

type CallOf<W> = <<W as Words>::Monitor as Monitor>::Call;
type ReplyOf<W> = <<W as Words>::Monitor as Monitor>::Reply;

/// A monitor and what is in flight.
struct Watching<W: Words> {
    words: W,
    watched: Watched<W::Monitor>,
    in_flight: FxHashMap<OperationId, Slot>,
    position: u32,
}

impl<W: Words> Watching<W> {
    fn new(words: W, monitor: W::Monitor) -> Self {
        let watched = Watched::new(monitor);
        Self { words, watched, in_flight: FxHashMap::default(), position: 0 }
    }
}

impl<W: Words> Judge for Watching<W> {
    fn invoke(&mut self, id: OperationId, operation: Recorded<'_>) -> Result<(), Stop> {
        self.position = operation.invoked.position();
        let call = self.words.call(operation).map_err(Stop::Unjudged)?;
        match self.watched.invoke(id, call, self.position) {
            Ok(slot) => {
                self.in_flight.insert(id, slot);
                Ok(())
            }
            Err(halt) => Err(stop(id, halt)),
        }
    }

    fn complete(&mut self, id: OperationId, operation: Recorded<'_>) -> Result<(), Stop> {
        self.position = operation.completed.map_or(self.position, Moment::position);
        let completion = match operation.outcome {
            Outcome::Ok => Completion::Ok(self.words.reply(operation).map_err(Stop::Unjudged)?),
            Outcome::Fail => Completion::Fail,
            Outcome::Info => Completion::Info,
        };
        let slot = self.in_flight.remove(&id).expect("it began and did not end");
        self.watched.complete(slot, completion, self.position).map_err(|halt| stop(id, halt))
    }
}

fn stop(operation: OperationId, halt: Halt) -> Stop {
    match halt {
        Halt::Violation(conflict) => Stop::Violation { operation, conflict },
        Halt::NotApplicable(why) => Stop::Unjudged(why),
    }
}

struct Registers;

impl Words for Registers {
    type Monitor = RegisterMonitor<Value>;

    fn call(&mut self, operation: Recorded<'_>) -> Result<RegisterCall<Value>, &'static str> {
        match (operation.f(), operation.history().values.list(operation.argument)) {
            ("read", _) => Ok(RegisterCall::Read),
            ("write", _) => Ok(RegisterCall::Write(operation.argument)),
            ("delete", _) => Ok(RegisterCall::Write(Value::NULL)),
            ("cas", Some(&[expected, new])) => Ok(RegisterCall::Cas { expected, new }),
            _ => Err("an operation on it is none of a register"),
        }
    }

    fn reply(&self, operation: Recorded<'_>) -> Result<RegisterReply<Value>, &'static str> {
        Ok(match operation.f() {
            "read" => RegisterReply::Found(operation.result),
            _ => RegisterReply::Done,
        })
    }
}

/// Counters that are only ever added one amount to count how often.
struct Counters {
    amount: Option<i128>,
}

impl Words for Counters {
    type Monitor = CounterMonitor;

    fn call(&mut self, operation: Recorded<'_>) -> Result<CounterCall, &'static str> {
        let amount = match (operation.f(), operation.argument()) {
            ("read", _) => return Ok(CounterCall::Read),
            ("increment", _) => 1,
            ("add", View::Integer(amount)) if amount != 0 => amount,
            _ => return Err("an operation on it does not count"),
        };
        match *self.amount.get_or_insert(amount) == amount {
            true => Ok(CounterCall::Increment),
            false => Err("different amounts are added"),
        }
    }

    fn reply(&self, operation: Recorded<'_>) -> Result<CounterReply, &'static str> {
        let sum = match (operation.f(), operation.result()) {
            ("read", View::Integer(sum)) => sum,
            ("read", View::Null) => 0,
            ("read", _) => return Err("a read returned no number"),
            _ => return Ok(CounterReply::Counted),
        };
        let amount = self.amount.unwrap_or(1);
        // What is no multiple is never reached, like a count beyond all operations.
        let count = (sum % amount == 0).then(|| u64::try_from(sum / amount).ok()).flatten();
        Ok(CounterReply::Count(count.unwrap_or(u64::MAX)))
    }
}

/// Locks without owners.
struct Locks;

impl Words for Locks {
    type Monitor = BitMonitor;

    fn call(&mut self, operation: Recorded<'_>) -> Result<BitCall, &'static str> {
        match (operation.f(), operation.argument.is_null()) {
            ("acquire", true) => Ok(BitCall::Change(true)),
            ("release", true) => Ok(BitCall::Change(false)),
            _ => Err("its lock has owners"),
        }
    }

    fn reply(&self, _operation: Recorded<'_>) -> Result<BitReply, &'static str> {
        Ok(BitReply::Changed)
    }
}

/// Numbers given out by fetch and increment.
struct Numbers;

impl Words for Numbers {
    type Monitor = IdsMonitor;

    fn call(&mut self, operation: Recorded<'_>) -> Result<(), &'static str> {
        match operation.f() {
            "fetch-increment" => Ok(()),
            _ => Err("an operation on it is no fetch and increment"),
        }
    }

    fn reply(&self, operation: Recorded<'_>) -> Result<u64, &'static str> {
        match operation.result() {
            // A negative one is never given, like one beyond all operations.
            View::Integer(number) => Ok(u64::try_from(number).unwrap_or(u64::MAX)),
            _ => Err("an operation returned no number"),
        }
    }
}
