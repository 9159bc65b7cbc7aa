//! Registers: values written, compared and read.

use super::{OpOf, Part, Subject, is_refusal};
use crate::check::Budget;
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::revisions::{self, Revisions};
use crate::check::unread::Unread;
use crate::history::{History, Name, Outcome, Recorded, Value};
use crate::model::{ModelName, Register, RegisterOp, ValueId};
use crate::procedure::Decision;
use crate::reduce::reduce;
use crate::register;
use crate::search::minimal;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// A register whose initial value is number 0.
pub(in crate::check) struct RegisterSubject {
    part: Part<RegisterOp>,
    values: u32,
}

/// The functions by their handles, so that each operation costs a comparison of numbers.
pub(super) struct Functions {
    read: Option<Name>,
    write: Option<Name>,
}

impl Functions {
    pub(super) fn of(history: &History) -> Self {
        let find = |f| history.names.find(f);
        Self { read: find("read"), write: find("write") }
    }

    /// What an operation does, if it takes part; values get their numbers.
    pub(super) fn op(
        &self,
        id: OperationId,
        recorded: Recorded<'_>,
        model: ModelName,
        numbers: &mut Numbers,
    ) -> Result<Option<RegisterOp>, CheckError> {
        let f = Some(recorded.f);
        let mut value = |value| ValueId(numbers.number(value));
        if f == self.read {
            let returned = recorded.outcome == Outcome::Ok;
            return Ok(returned.then(|| RegisterOp::Read(value(recorded.result))));
        }
        if f == self.write {
            return Ok(Some(RegisterOp::Write(value(recorded.argument))));
        }
        match (recorded.f(), model) {
            ("delete", _) => Ok(Some(RegisterOp::Write(ValueId::INITIAL))),
            ("cas", ModelName::CasRegister | ModelName::Kv) => {
                let pair = recorded.history().values.list(recorded.argument);
                let Some(&[expected, new]) = pair else {
                    return Err(CheckError::argument(id, recorded, "[expected, new]"));
                };
                let refused = recorded.outcome == Outcome::Fail;
                Ok(Some(match found(recorded) {
                    // A value reported may have been read after the refusal: what it expected
                    // says no more than that it was refused.
                    Some(found) if refused && found != expected => RegisterOp::Read(value(found)),
                    _ if refused => RegisterOp::Refused(value(expected)),
                    _ => RegisterOp::Cas { expected: value(expected), new: value(new) },
                }))
            }
            _ => Err(CheckError::unknown_function(id, recorded, model)),
        }
    }
}

/// What a failed compare-and-set says it found.
fn found(recorded: Recorded<'_>) -> Option<Value> {
    let value = recorded.result;
    (value != Value::NULL && value != recorded.argument).then_some(value)
}

impl Subject for RegisterSubject {
    type Model = Register;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let functions = Functions::of(history);
        let mut part = Part::with_room_for(object);
        let mut numbers = Numbers::beginning_with(Value::NULL);
        for id in history.fetched(&object.members) {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail && !is_refusal(recorded) {
                continue;
            }
            if let Some(op) = functions.op(id, recorded, model, &mut numbers)? {
                part.push(id, recorded, op);
            }
        }
        Ok(Self { part: part.sorted()?, values: numbers.count() })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "unique-register"
    }

    fn decide(&self) -> Decision {
        register::decide(&self.part.operations, self.values)
    }

    fn revisions(&self, history: &History) -> Option<Revisions> {
        revisions::decide(history, &self.part.ids, &self.part.operations, self.values)
    }

    fn model(&self) -> &Register {
        &Register
    }

    fn operations(&self) -> Vec<Timed<RegisterOp>> {
        self.part.operations.clone()
    }

    fn reduce(&self, operations: &[Timed<OpOf<Self>>], budget: &Budget<'_>) -> Option<Vec<u32>> {
        let few = reduce(operations, budget);
        let refusals = operations.iter().any(|timed| matches!(timed.op, RegisterOp::Refused(_)));
        if few.len() < operations.len() || !refusals {
            return Some(few);
        }
        // What rests on refusals is shown by the beginning of the history.
        Some(minimal(&Register, operations, budget).map_or(few, |minimal| minimal.operations))
    }
}
