//! The operations of one key, in the numbers the procedures work on.

use serde_json::Value;

use super::CheckError;
use super::values::Values;
use crate::history::{History, Operation, Outcome};
use crate::model::{ModelName, RegisterOp, ValueId};
use crate::register::{Access, NEVER, RegisterOperation};
use crate::search::Timed;
use crate::verdict::OperationId;

/// The operations of a key that may have taken effect, by beginnings, and whether the
/// linear procedure applies to them.
pub(super) struct KeyOperations {
    pub(super) ids: Vec<OperationId>,
    pub(super) operations: Vec<Timed<RegisterOp>>,
    pub(super) values: u32,
    pub(super) last_position: u32,
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

/// Translates the operations `ids` of one key, in event order.
///
/// Failed operations and indeterminate reads are left out, the former only after their
/// values were counted.
pub(super) fn translate(
    history: &History,
    ids: &[OperationId],
    model: ModelName,
) -> Result<KeyOperations, CheckError> {
    let mut kept = Vec::with_capacity(ids.len());
    let mut operations = Vec::with_capacity(ids.len());
    let mut values = Values::new(ids.len());
    let mut written = Written::default();
    let mut shape = Shape::UniqueWrites;
    for &id in ids {
        let operation = &history.operations[id.0 as usize];
        let op = translate_one(id, operation, model, &mut values)?;
        if let RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } = op
            && written.again(value)
        {
            shape = Shape::Any;
        }
        let is_read = matches!(op, RegisterOp::Read(_));
        match operation.outcome {
            Outcome::Fail => continue,
            Outcome::Info if is_read => continue,
            Outcome::Info | Outcome::Ok => {}
        }
        if matches!(op, RegisterOp::Cas { .. }) {
            shape = Shape::Any;
        }
        kept.push(id);
        operations.push(op);
    }
    let (ids, operations, last_position) = order(history, kept, operations);
    Ok(KeyOperations { ids, operations, values: values.count(), last_position, shape })
}

impl KeyOperations {
    /// The operations as the linear procedure takes them; they are reads and writes.
    pub(super) fn accesses(&self) -> Vec<RegisterOperation> {
        self.operations
            .iter()
            .map(|timed| {
                let (value, access) = match timed.op {
                    RegisterOp::Read(value) => (value, Access::Read),
                    RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } => {
                        (value, Access::Write)
                    }
                };
                RegisterOperation {
                    value,
                    access,
                    invoked: timed.invoked,
                    returned: timed.returned,
                }
            })
            .collect()
    }
}

fn translate_one<'a>(
    id: OperationId,
    operation: &'a Operation,
    model: ModelName,
    values: &mut Values<'a>,
) -> Result<RegisterOp, CheckError> {
    match (operation.f.as_ref(), model) {
        ("read", _) => Ok(RegisterOp::Read(values.number(&operation.result))),
        ("write", _) => Ok(RegisterOp::Write(values.number(&operation.argument))),
        ("cas", ModelName::CasRegister) => match &operation.argument {
            Value::Array(pair) if pair.len() == 2 => Ok(RegisterOp::Cas {
                expected: values.number(&pair[0]),
                new: values.number(&pair[1]),
            }),
            found => Err(CheckError::Value {
                operation: id,
                process: operation.process,
                f: operation.f.to_string(),
                found: found.to_string(),
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

/// Sorts the operations by beginnings and maps their positions to small ones from 1 on,
/// keeping order and ties. Also returns the greatest.
fn order(
    history: &History,
    ids: Vec<OperationId>,
    ops: Vec<RegisterOp>,
) -> (Vec<OperationId>, Vec<Timed<RegisterOp>>, u32) {
    let span = |id: OperationId| {
        let operation = &history.operations[id.0 as usize];
        let end = match operation.outcome {
            Outcome::Ok => operation.completed.map(|moment| moment.position),
            Outcome::Info | Outcome::Fail => None,
        };
        (operation.invoked.position, end)
    };
    let (ids, ops) = by_beginning(ids, ops, |id| span(id).0);
    let spans: Vec<(u64, Option<u64>)> = ids.iter().map(|id| span(*id)).collect();
    let first = spans.first().map_or(0, |(begin, _)| *begin);
    let last = spans.iter().map(|(begin, end)| end.unwrap_or(*begin).max(*begin)).max();
    let range = last.unwrap_or(0) - first;
    // Positions with gaps will do for the procedures, if they are not much more than events.
    if range < 16 * spans.len() as u64 && range < u64::from(NEVER) - 2 {
        let small = |position: u64| (position - first) as u32 + 1;
        let timed = spans.iter().zip(ops).map(|(&(begin, end), op)| Timed {
            op,
            invoked: small(begin),
            returned: end.map_or(NEVER, small),
        });
        return (ids, timed.collect(), range as u32 + 1);
    }
    let mut timed: Vec<Timed<RegisterOp>> =
        ops.into_iter().map(|op| Timed { op, invoked: NEVER, returned: NEVER }).collect();
    let mut events: Vec<(u64, u32, bool)> = Vec::with_capacity(2 * spans.len());
    for (index, (begin, end)) in (0..).zip(spans) {
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
    (ids, timed, rank)
}

/// Histories ordered by stamps need not list operations by beginnings.
fn by_beginning(
    ids: Vec<OperationId>,
    ops: Vec<RegisterOp>,
    begin: impl Fn(OperationId) -> u64,
) -> (Vec<OperationId>, Vec<RegisterOp>) {
    if ids.is_sorted_by_key(|id| begin(*id)) {
        return (ids, ops);
    }
    let mut pairs: Vec<(OperationId, RegisterOp)> = ids.into_iter().zip(ops).collect();
    pairs.sort_by_key(|(id, _)| begin(*id));
    pairs.into_iter().unzip()
}
