//! Numbers handed out: each once, or each the next.

use super::{Part, Subject};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::unread::{Misshapen, Unread};
use crate::history::{History, Name, Outcome, Recorded, View};
use crate::ids::{self, IdOp};
use crate::model::{Ids, ModelName};
use crate::procedure::Decision;
use crate::timed::Timed;
use crate::verdict::OperationId;

/// `generate` and `fetch-increment`, which may share an object and know nothing of each
/// other.
pub(in crate::check) struct IdsSubject {
    part: Part<IdOp>,
    generated: u32,
}

/// The functions by their handles.
struct Functions {
    generate: Option<Name>,
    fetch_increment: Option<Name>,
}

impl Functions {
    fn of(history: &History) -> Self {
        let find = |f| history.names.find(f);
        Self { generate: find("generate"), fetch_increment: find("fetch-increment") }
    }

    /// What an operation that did not fail does; nothing if it is an id nobody received.
    fn op(
        &self,
        id: OperationId,
        recorded: Recorded<'_>,
        model: ModelName,
        numbers: &mut Numbers,
    ) -> Result<Option<IdOp>, Unread> {
        let f = Some(recorded.f);
        let indeterminate = recorded.outcome == Outcome::Info;
        if f == self.generate {
            if recorded.outcome == Outcome::Ok && recorded.result.is_null() {
                return Err(Misshapen::new(id, recorded, "anything but null").into());
            }
            let generated = || IdOp::Generated(numbers.number(recorded.result));
            return Ok((!indeterminate).then(generated));
        }
        if f != self.fetch_increment {
            return Err(CheckError::unknown_function(id, recorded, model).into());
        }
        if indeterminate {
            return Ok(Some(IdOp::Unknown));
        }
        match recorded.result() {
            // Numbers below 0 are as much out of reach as those too large.
            View::Integer(number) => {
                Ok(Some(IdOp::Given(u32::try_from(number).unwrap_or(u32::MAX))))
            }
            _ => Err(Misshapen::new(id, recorded, "a whole number").into()),
        }
    }
}

impl Subject for IdsSubject {
    type Model = Ids;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let functions = Functions::of(history);
        let mut part = Part::with_room_for(object);
        let mut numbers = Numbers::default();
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail {
                continue;
            }
            part.take(id, recorded, functions.op(id, recorded, model, &mut numbers))?;
        }
        Ok(Self { part: part.sorted()?, generated: numbers.count() })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "ids"
    }

    fn decide(&self) -> Decision {
        ids::decide(&self.part.operations, self.generated)
    }

    fn model(&self) -> &Ids {
        &Ids
    }

    fn operations(&self) -> Vec<Timed<IdOp>> {
        self.part.operations.clone()
    }
}
