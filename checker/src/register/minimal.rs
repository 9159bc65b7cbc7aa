//! Takes out of a contradiction what it does not need.
//!
//! A part of the operations contradicts itself whatever the rest of the history holds, if
//! with every read it has the store of its value, and if its compare-and-sets without the
//! store of what they expected are taken as writes (the verifier proves this by itself). So
//! the procedure can judge parts as it judges whole histories.

use std::collections::HashSet;

use super::{Obstacle, linearize};
use crate::model::{RegisterOp, ValueId};
use crate::procedure::Conflict;
use crate::timed::Timed;
use crate::verdict::Contradiction;

/// Operations judged, summed over all parts, before it settles for what it has: seconds.
const WORK_MAX: usize = 20_000_000;

/// A contradiction within `conflict` of which no operation can go, work permitting.
pub(super) fn reduce(operations: &[Timed<RegisterOp>], conflict: Conflict) -> Conflict {
    // A value that nobody stored can only be seen from the whole history, and nothing more
    // is named than the read, or what shows that a compare-and-set happened.
    if conflict.kind == Contradiction::NeverWritten {
        return conflict;
    }
    let mut best = conflict;
    let mut work = 0;
    let mut length = best.operations.len().div_ceil(2);
    loop {
        let mut shrunk = false;
        let mut start = 0;
        while start < best.operations.len() {
            work += best.operations.len();
            if work > WORK_MAX {
                return best;
            }
            let end = (start + length).min(best.operations.len());
            let part = [&best.operations[..start], &best.operations[end..]].concat();
            if let Some(found) = contradiction(operations, &part) {
                best = found;
                shrunk = true;
            } else {
                start = end;
            }
        }
        if length == 1 && !shrunk {
            return best;
        }
        length = length.div_ceil(2);
    }
}

/// How the operations at `positions`, rising, contradict each other, if they do.
fn contradiction(operations: &[Timed<RegisterOp>], positions: &[u32]) -> Option<Conflict> {
    let part = || positions.iter().map(|&position| operations[position as usize]);
    let mut numbers = vec![ValueId::INITIAL];
    let mut stored = HashSet::from([ValueId::INITIAL]);
    for operation in part() {
        match operation.op {
            RegisterOp::Read(value) | RegisterOp::Refused(value) => numbers.push(value),
            RegisterOp::Write(value) => {
                numbers.push(value);
                stored.insert(value);
            }
            RegisterOp::Cas { expected, new } => {
                numbers.extend([expected, new]);
                stored.insert(new);
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    let number = |value: ValueId| {
        let slot = numbers.binary_search(&value).expect("every value of the part was numbered");
        ValueId(slot as u32)
    };
    let mut renumbered = Vec::with_capacity(positions.len());
    for operation in part() {
        let op = match operation.op {
            RegisterOp::Read(value) if !stored.contains(&value) => return None,
            RegisterOp::Read(value) => RegisterOp::Read(number(value)),
            RegisterOp::Refused(value) => RegisterOp::Refused(number(value)),
            RegisterOp::Write(value) => RegisterOp::Write(number(value)),
            RegisterOp::Cas { expected, new } if stored.contains(&expected) => {
                RegisterOp::Cas { expected: number(expected), new: number(new) }
            }
            RegisterOp::Cas { new, .. } => RegisterOp::Write(number(new)),
        };
        renumbered.push(Timed { op, ..operation });
    }
    match linearize(&renumbered, numbers.len() as u32) {
        Err(Obstacle::Conflict(conflict)) => {
            let original = conflict.operations.iter().map(|&index| positions[index as usize]);
            Some(Conflict::new(conflict.kind, original))
        }
        Ok(_) | Err(Obstacle::NotApplicable(_)) => None,
    }
}
