//! Queues and bags: elements enqueued and dequeued.

use super::{Part, Subject};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::unread::Unread;
use crate::history::{History, Name, Outcome, Recorded};
use crate::model::{self, ModelName};
use crate::procedure::Decision;
use crate::queue::{self, Discipline, QueueOp};
use crate::timed::Timed;
use crate::verdict::OperationId;

/// A queue or a bag, empty at first.
pub(in crate::check) struct QueueSubject {
    part: Part<QueueOp>,
    elements: u32,
    model: model::Queue,
}

/// The functions by their handles.
struct Functions {
    enqueue: Option<Name>,
    dequeue: Option<Name>,
}

impl Functions {
    fn of(history: &History) -> Self {
        let find = |f| history.names.find(f);
        Self { enqueue: find("enqueue"), dequeue: find("dequeue") }
    }

    fn op(
        &self,
        id: OperationId,
        recorded: Recorded<'_>,
        model: ModelName,
        numbers: &mut Numbers,
    ) -> Result<QueueOp, CheckError> {
        let f = Some(recorded.f);
        if f == self.enqueue {
            // Null is what a dequeue of an empty queue returns.
            if recorded.argument.is_null() {
                return Err(CheckError::argument(id, recorded, "an element that is not null"));
            }
            return Ok(QueueOp::Enqueue(numbers.number(recorded.argument)));
        }
        if f != self.dequeue {
            return Err(CheckError::unknown_function(id, recorded, model));
        }
        Ok(match recorded.outcome {
            Outcome::Info => QueueOp::DequeueUnknown,
            _ if recorded.result.is_null() => QueueOp::Empty,
            _ => QueueOp::Dequeue(numbers.number(recorded.result)),
        })
    }
}

impl Subject for QueueSubject {
    type Model = model::Queue;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let functions = Functions::of(history);
        let mut part = Part::with_room_for(object);
        let mut numbers = Numbers::default();
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome != Outcome::Fail {
                let op = functions.op(id, recorded, model, &mut numbers)?;
                part.push(id, recorded, op);
            }
        }
        let discipline = match model {
            ModelName::Bag => Discipline::Bag,
            _ => Discipline::FirstInFirstOut,
        };
        let model = model::Queue { discipline };
        Ok(Self { part: part.sorted()?, elements: numbers.count(), model })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        match self.model.discipline {
            Discipline::FirstInFirstOut => "unique-queue",
            Discipline::Bag => "unique-bag",
        }
    }

    fn decide(&self) -> Decision {
        queue::linearize(&self.part.operations, self.elements, self.model.discipline)
    }

    fn model(&self) -> &model::Queue {
        &self.model
    }

    fn operations(&self) -> Vec<Timed<QueueOp>> {
        self.part.operations.clone()
    }
}
