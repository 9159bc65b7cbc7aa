//! Registers whose written values are all different: decided in linear time.
//!
//! The *cluster* of a value is its write together with the reads that returned it. In any
//! linearization a cluster is contiguous, so it is enough to order clusters. With `f` the
//! first end and `s` the last beginning among the operations of a cluster, cluster A must
//! come before cluster B iff `f(A) < s(B)`. Hence the only contradictions are a read of a
//! value nobody wrote, a read that ended before the write of its value began, and two
//! clusters that must each come before the other. Without them, ordering the clusters by
//! `min(f, s)`, those with `s <= f` first among equals, and each cluster by beginnings
//! after its write, is a linearization: longer cycles of clusters always contain a cycle
//! of two, through the cluster of greatest `s` on it.
//!
//! One sweep in that order, keeping the greatest `s` so far, finds a pair iff there is one.
//!
//! Knows neither histories nor JSON; [`check`](crate::check()) numbers values and events.
//! Sources: Gibbons & Korach, *Testing Shared Memories* (1997); Golab, Li & Shah,
//! *Analyzing Consistency Properties for Fun and Profit* (2011), zones.

mod contradiction;

pub use contradiction::RegisterContradiction;

use crate::model::ValueId;

pub use crate::timed::NEVER;

/// The absence of an operation.
const NONE: u32 = u32::MAX;

/// A read that returned, or a write that may have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterOperation {
    /// The value written or returned.
    pub value: ValueId,
    /// Which of both.
    pub access: Access,
    /// When it began: a position in the order of the events of this key, from 1 on.
    pub invoked: u32,
    /// When it ended: a position above `invoked` or equal to it, or [`NEVER`].
    pub returned: u32,
}

/// What an operation does to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Returns the value.
    Read,
    /// Stores the value.
    Write,
}

/// The operations of one register and the ranges of their numbers.
#[derive(Clone, Copy, Debug)]
pub struct RegisterHistory<'a> {
    /// By beginnings; reads have all returned.
    pub operations: &'a [RegisterOperation],
    /// Values are below this, and [`ValueId::INITIAL`] is never written.
    pub values: u32,
    /// The greatest position of an event.
    pub last_position: u32,
}

/// The operations of one value.
#[derive(Clone, Copy)]
struct Cluster {
    writer: u32,
    /// First end; [`NEVER`] if none.
    first_end: u32,
    /// Last beginning; 0 if none.
    last_beginning: u32,
    /// First end among the reads alone.
    first_read_end: u32,
    /// Operations that take part.
    size: u32,
}

impl Cluster {
    const EMPTY: Self =
        Self { writer: NONE, first_end: NEVER, last_beginning: 0, first_read_end: NEVER, size: 0 };

    fn add(&mut self, operation: &RegisterOperation) {
        self.first_end = self.first_end.min(operation.returned);
        self.last_beginning = self.last_beginning.max(operation.invoked);
        self.size += 1;
    }
}

/// Decides whether the operations have a linearization, and returns one or the contradiction.
///
/// The order and the contradiction name operations by their position in
/// [`RegisterHistory::operations`]; indeterminate writes of values nobody read are left out
/// of the order. O(operations + values + events) in time and memory, whatever the
/// concurrency and however many operations are indeterminate.
///
/// # Errors
/// The contradiction, minimal; or that a value was written twice, which this procedure
/// cannot judge.
pub fn linearize(history: &RegisterHistory<'_>) -> Result<Vec<u32>, RegisterContradiction> {
    let mut clusters = gather(history)?;
    include_writers(history, &mut clusters)?;
    let ranked = rank(history, &clusters);
    sweep(history, &clusters, &ranked)?;
    Ok(spread(history, &clusters, &ranked))
}

/// The clusters with their reads, and their writers on the side.
fn gather(history: &RegisterHistory<'_>) -> Result<Vec<Cluster>, RegisterContradiction> {
    let mut clusters = vec![Cluster::EMPTY; history.values as usize];
    for (index, operation) in (0..).zip(history.operations) {
        let cluster = &mut clusters[operation.value.0 as usize];
        match operation.access {
            Access::Read => {
                cluster.add(operation);
                cluster.first_read_end = cluster.first_read_end.min(operation.returned);
            }
            Access::Write if cluster.writer != NONE || operation.value == ValueId::INITIAL => {
                return Err(RegisterContradiction::NotUnique { value: operation.value });
            }
            Access::Write => cluster.writer = index,
        }
    }
    Ok(clusters)
}

/// Lets each writer that took effect join its cluster, and judges each cluster by itself.
fn include_writers(
    history: &RegisterHistory<'_>,
    clusters: &mut [Cluster],
) -> Result<(), RegisterContradiction> {
    // The initial value is current before all events: its write ends and begins at 0.
    if let Some(initial) = clusters.first_mut() {
        initial.first_end = 0;
    }
    for (value, cluster) in (1..).map(ValueId).zip(clusters.iter_mut().skip(1)) {
        if cluster.writer == NONE {
            if cluster.size > 0 {
                return Err(contradiction::never_written(history, value));
            }
            continue;
        }
        let writer = &history.operations[cluster.writer as usize];
        if cluster.first_read_end < writer.invoked {
            return Err(contradiction::read_before_write(history, value, cluster.writer));
        }
        // Nobody can tell an indeterminate write without reads from one that never happened.
        if cluster.size > 0 || writer.returned != NEVER {
            cluster.add(writer);
        }
    }
    Ok(())
}

/// The values whose clusters take part, in the order of linearization.
fn rank(history: &RegisterHistory<'_>, clusters: &[Cluster]) -> Vec<ValueId> {
    // Counting sort on position and, within a position, backward before forward.
    let slot = |cluster: &Cluster| {
        let (first_end, last_beginning) = (cluster.first_end, cluster.last_beginning);
        if last_beginning <= first_end {
            2 * last_beginning as usize
        } else {
            2 * first_end as usize + 1
        }
    };
    let present = || (0..).map(ValueId).zip(clusters).filter(|(_, cluster)| cluster.size > 0);
    let mut starts = vec![0_u32; 2 * history.last_position as usize + 3];
    for (_, cluster) in present() {
        starts[slot(cluster) + 1] += 1;
    }
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    let mut ranked = vec![ValueId::INITIAL; total as usize];
    for (value, cluster) in present() {
        let start = &mut starts[slot(cluster)];
        ranked[*start as usize] = value;
        *start += 1;
    }
    ranked
}

/// Looks for a cluster that must come before one ranked earlier.
fn sweep(
    history: &RegisterHistory<'_>,
    clusters: &[Cluster],
    ranked: &[ValueId],
) -> Result<(), RegisterContradiction> {
    let mut latest = ValueId::INITIAL;
    let mut latest_beginning = 0;
    for &value in ranked {
        let cluster = &clusters[value.0 as usize];
        if cluster.first_end < latest_beginning {
            return Err(contradiction::value_returned(history, latest, value));
        }
        if cluster.last_beginning > latest_beginning {
            latest = value;
            latest_beginning = cluster.last_beginning;
        }
    }
    Ok(())
}

/// The operations in the order of their clusters: the write, then the reads as they began.
fn spread(history: &RegisterHistory<'_>, clusters: &[Cluster], ranked: &[ValueId]) -> Vec<u32> {
    let mut next = vec![NONE; clusters.len()];
    let mut total = 0;
    for value in ranked {
        next[value.0 as usize] = total;
        total += clusters[value.0 as usize].size;
    }
    let mut order = vec![0; total as usize];
    for value in ranked {
        let writer = clusters[value.0 as usize].writer;
        if writer != NONE {
            let place = &mut next[value.0 as usize];
            order[*place as usize] = writer;
            *place += 1;
        }
    }
    for (index, operation) in (0..).zip(history.operations) {
        if operation.access == Access::Read {
            let place = &mut next[operation.value.0 as usize];
            order[*place as usize] = index;
            *place += 1;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indeterminate_write_takes_part_only_if_it_was_read() {
        let operation = |value, access, invoked, returned| RegisterOperation {
            value: ValueId(value),
            access,
            invoked,
            returned,
        };
        let operations = [
            operation(1, Access::Write, 1, NEVER),
            operation(2, Access::Write, 2, NEVER),
            operation(2, Access::Read, 3, 4),
            operation(0, Access::Read, 5, 6),
        ];
        let history = |operations| RegisterHistory { operations, values: 3, last_position: 6 };
        assert_eq!(linearize(&history(&operations[..3])), Ok(vec![1, 2]));
        let contradiction = RegisterContradiction::ValueReturned { operations: vec![1, 2, 3] };
        assert_eq!(linearize(&history(&operations)), Err(contradiction));
    }
}
