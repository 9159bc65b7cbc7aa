//! Counters: amounts added and counts read.

use super::{Part, Subject};
use crate::check::error::CheckError;
use crate::check::objects::Object;
use crate::check::unread::{Misshapen, Unread};
use crate::counter::{self, CounterOp};
use crate::history::{History, Name, Outcome, Recorded, View};
use crate::model::{AmountCounter, AmountOp, ModelName};
use crate::procedure::{Conflict, Decision};
use crate::timed::Timed;
use crate::verdict::{Contradiction, OperationId};

/// A counter that is 0 at first.
pub(in crate::check) enum CounterSubject {
    /// Every operation that adds adds this amount, which is not 0, and every read found a
    /// multiple of it: what counts is how often it was added.
    Steps { amount: i128, part: Part<CounterOp> },
    /// Every operation that adds adds the same, but the read at this position found no
    /// multiple of that.
    Between { read: u32, part: Part<AmountOp> },
    /// Amounts that differ, or nothing is ever added but 0.
    Amounts(Part<AmountOp>),
}

/// The functions by their handles.
struct Functions {
    read: Option<Name>,
    add: Option<Name>,
    increment: Option<Name>,
}

impl Functions {
    fn of(history: &History) -> Self {
        let find = |f| history.names.find(f);
        Self { read: find("read"), add: find("add"), increment: find("increment") }
    }

    /// What an operation that did not fail does; nothing if it is a read nobody received.
    fn op(
        &self,
        id: OperationId,
        recorded: Recorded<'_>,
        model: ModelName,
    ) -> Result<Option<AmountOp>, Unread> {
        let f = Some(recorded.f);
        if f == self.increment {
            return Ok(Some(AmountOp::Add(1)));
        }
        if f == self.add {
            return match recorded.argument() {
                View::Integer(amount) => Ok(Some(AmountOp::Add(amount))),
                _ => Err(CheckError::argument(id, recorded, "a whole number").into()),
            };
        }
        if f != self.read {
            return Err(CheckError::unknown_function(id, recorded, model).into());
        }
        if recorded.outcome == Outcome::Info {
            return Ok(None);
        }
        match recorded.result() {
            View::Integer(count) => Ok(Some(AmountOp::Read(count))),
            View::Null => Ok(Some(AmountOp::Read(0))),
            _ => Err(Misshapen::new(id, recorded, "a whole number or null").into()),
        }
    }
}

/// What the operations add and find.
#[derive(Clone, Copy)]
enum Amount {
    /// This each time; every count so far is a multiple of it.
    Common(i128),
    /// Not the same each time, or only 0.
    None,
}

/// The amount that all operations add: 1 if none adds anything.
fn common_amount(
    functions: &Functions,
    history: &History,
    model: ModelName,
    object: &Object,
) -> Result<Amount, Unread> {
    let mut common = None;
    for &id in &object.members {
        let recorded = history.get(id);
        if recorded.outcome == Outcome::Fail || Some(recorded.f) == functions.read {
            continue;
        }
        if let Some(AmountOp::Add(amount)) = functions.op(id, recorded, model)?
            && (amount == 0 || *common.get_or_insert(amount) != amount)
        {
            return Ok(Amount::None);
        }
    }
    Ok(Amount::Common(common.unwrap_or(1)))
}

impl Subject for CounterSubject {
    type Model = AmountCounter;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let functions = Functions::of(history);
        let collect = || -> Result<Part<AmountOp>, Unread> {
            let mut part = Part::with_room_for(object);
            for &id in &object.members {
                let recorded = history.get(id);
                if recorded.outcome != Outcome::Fail {
                    part.take(id, recorded, functions.op(id, recorded, model))?;
                }
            }
            Ok(part.sorted()?)
        };
        let Amount::Common(amount) = common_amount(&functions, history, model, object)? else {
            return Ok(Self::Amounts(collect()?));
        };
        let mut part = Part::with_room_for(object);
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail {
                continue;
            }
            let op = match part.held_back.pass(functions.op(id, recorded, model))?.flatten() {
                None => continue,
                Some(AmountOp::Add(_)) => CounterOp::Increment,
                Some(AmountOp::Read(sum)) if sum % amount != 0 => {
                    let part = collect()?;
                    let position = part.ids.iter().position(|other| *other == id);
                    let read = position.expect("what takes part was collected") as u32;
                    return Ok(Self::Between { read, part });
                }
                // No history has so many operations that what is cut off here could be
                // reached.
                Some(AmountOp::Read(sum)) => {
                    let count = (sum / amount).clamp(i64::MIN.into(), i64::MAX.into());
                    CounterOp::Read(count as i64)
                }
            };
            part.push(id, recorded, op);
        }
        Ok(Self::Steps { amount, part: part.sorted()? })
    }

    fn ids(&self) -> &[OperationId] {
        match self {
            Self::Steps { part, .. } => &part.ids,
            Self::Between { part, .. } | Self::Amounts(part) => &part.ids,
        }
    }

    fn procedure(&self) -> &'static str {
        "counter"
    }

    fn decide(&self) -> Decision {
        match self {
            Self::Steps { part, .. } => counter::decide(&part.operations),
            Self::Between { read, .. } => {
                Decision::Violation(Conflict::new(Contradiction::NeverWritten, [*read]))
            }
            Self::Amounts(_) => Decision::NotApplicable("the amounts added differ or are 0"),
        }
    }

    fn model(&self) -> &AmountCounter {
        &AmountCounter
    }

    fn operations(&self) -> Vec<Timed<AmountOp>> {
        match self {
            Self::Between { part, .. } | Self::Amounts(part) => part.operations.clone(),
            Self::Steps { amount, part } => {
                let whole = |op| match op {
                    CounterOp::Increment => AmountOp::Add(*amount),
                    CounterOp::Read(count) => AmountOp::Read(i128::from(count) * amount),
                };
                let timed = |&Timed { op, invoked, returned }: &Timed<CounterOp>| Timed {
                    op: whole(op),
                    invoked,
                    returned,
                };
                part.operations.iter().map(timed).collect()
            }
        }
    }
}
