//! The operations of one key, in the numbers the procedures work on.

use super::CheckError;
use super::values::Values;
use crate::history::{Moment, Outcome, Recorded, View};
use crate::model::{ModelName, RegisterOp, ValueId};
use crate::timed::{NEVER, Timed};
use crate::verdict::OperationId;

/// The operations of a key that may have taken effect, by beginnings, and whether the
/// linear procedure applies to them.
pub(super) struct KeyOperations {
    pub(super) ids: Vec<OperationId>,
    pub(super) operations: Vec<Timed<RegisterOp>>,
    pub(super) values: u32,
    pub(super) shape: Shape,
}

/// What the written values of a key allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Reads and writes; no value is written twice, and the initial one never, counting
    /// writes that failed.
    UniqueWrites,
    /// Anything else.
    Any,
}

/// The operations of one key while they are translated, one at a time in event order.
///
/// Failed operations and indeterminate reads are left out, the former only after their
/// values were counted. Everything the procedures need is gathered here, so that a history
/// is gone through once: its operations are far larger than what is kept of them.
pub(super) struct Translation {
    ids: Vec<OperationId>,
    ops: Vec<RegisterOp>,
    spans: Vec<Span>,
    values: Values,
    written: Written,
    shape: Shape,
}

/// Positions of the beginning and of the end, where there is one.
type Span = (u32, Option<u32>);

impl Translation {
    pub(super) fn new() -> Self {
        Self {
            ids: Vec::new(),
            ops: Vec::new(),
            spans: Vec::new(),
            values: Values::new(),
            written: Written::default(),
            shape: Shape::UniqueWrites,
        }
    }

    /// Takes the next operation of the key.
    pub(super) fn push(
        &mut self,
        id: OperationId,
        operation: Recorded<'_>,
        model: ModelName,
    ) -> Result<(), CheckError> {
        let op = translate_one(id, operation, model, &mut self.values)?;
        if let RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } = op
            && self.written.again(value)
        {
            self.shape = Shape::Any;
        }
        let is_read = matches!(op, RegisterOp::Read(_));
        let end = match operation.outcome {
            Outcome::Fail => return Ok(()),
            Outcome::Info if is_read => return Ok(()),
            Outcome::Info => None,
            Outcome::Ok => operation.completed.map(Moment::position),
        };
        if matches!(op, RegisterOp::Cas { .. }) {
            self.shape = Shape::Any;
        }
        self.ids.push(id);
        self.ops.push(op);
        self.spans.push((operation.invoked.position(), end));
        Ok(())
    }

    /// The operations taken, by beginnings.
    pub(super) fn finish(self) -> KeyOperations {
        let Self { ids, ops, spans, values, shape, .. } = self;
        let (ids, ops, spans) = by_beginning(ids, ops, spans);
        let operations = shorten(ops, &spans);
        KeyOperations { ids, operations, values: values.count(), shape }
    }
}

fn translate_one(
    id: OperationId,
    operation: Recorded<'_>,
    model: ModelName,
    values: &mut Values,
) -> Result<RegisterOp, CheckError> {
    match (operation.f(), model) {
        ("read", _) => Ok(RegisterOp::Read(values.number(operation.result))),
        ("write", _) => Ok(RegisterOp::Write(values.number(operation.argument))),
        ("cas", ModelName::CasRegister) => match operation.argument() {
            View::List(&[expected, new]) => {
                Ok(RegisterOp::Cas { expected: values.number(expected), new: values.number(new) })
            }
            _ => Err(CheckError::Value {
                operation: id,
                process: operation.process,
                f: operation.f().to_owned(),
                found: operation.history().values.show(operation.argument).to_string(),
                expected: "[expected, new]",
            }),
        },
        (f, _) => Err(CheckError::UnknownFunction {
            operation: id,
            process: operation.process,
            f: f.to_owned(),
            model,
        }),
    }
}

/// The values written so far.
#[derive(Default)]
struct Written(Vec<bool>);

impl Written {
    /// Records a write; whether the value was already there, as the initial value always is.
    fn again(&mut self, value: ValueId) -> bool {
        let slot = value.0 as usize;
        if slot >= self.0.len() {
            self.0.resize(slot + 1 + slot / 2, false);
        }
        std::mem::replace(&mut self.0[slot], true) || value == ValueId::INITIAL
    }
}

/// Maps the positions of operations that are sorted by beginnings to small ones from 1 on,
/// keeping order and ties.
fn shorten(ops: Vec<RegisterOp>, spans: &[Span]) -> Vec<Timed<RegisterOp>> {
    let first = spans.first().map_or(0, |(begin, _)| *begin);
    let last = spans.iter().map(|(begin, end)| end.unwrap_or(*begin).max(*begin)).max();
    let range = last.unwrap_or(0) - first;
    // Positions with gaps will do for the procedures, if they are not much more than events.
    if u64::from(range) < 16 * spans.len() as u64 && range < NEVER - 2 {
        let small = |position: u32| position - first + 1;
        let timed = spans.iter().zip(ops).map(|(&(begin, end), op)| Timed {
            op,
            invoked: small(begin),
            returned: end.map_or(NEVER, small),
        });
        return timed.collect();
    }
    let mut timed: Vec<Timed<RegisterOp>> =
        ops.into_iter().map(|op| Timed { op, invoked: NEVER, returned: NEVER }).collect();
    let mut events: Vec<(u32, u32, bool)> = Vec::with_capacity(2 * spans.len());
    for (index, &(begin, end)) in (0..).zip(spans) {
        events.push((begin, index, false));
        events.extend(end.map(|end| (end, index, true)));
    }
    events.sort_unstable();
    let mut rank = 0;
    let mut previous = None;
    for (position, index, ends) in events {
        rank += u32::from(previous != Some(position));
        previous = Some(position);
        let slot = &mut timed[index as usize];
        *(if ends { &mut slot.returned } else { &mut slot.invoked }) = rank;
    }
    timed
}

/// Histories ordered by stamps need not list operations by beginnings.
fn by_beginning(
    ids: Vec<OperationId>,
    ops: Vec<RegisterOp>,
    spans: Vec<Span>,
) -> (Vec<OperationId>, Vec<RegisterOp>, Vec<Span>) {
    if spans.is_sorted_by_key(|(begin, _)| *begin) {
        return (ids, ops, spans);
    }
    let together = ids.into_iter().zip(ops).zip(spans);
    let mut operations: Vec<(OperationId, RegisterOp, Span)> =
        together.map(|((id, op), span)| (id, op, span)).collect();
    operations.sort_by_key(|(_, _, span)| span.0);
    operations.into_iter().collect()
}
