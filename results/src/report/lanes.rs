//! Which line of the drawing each client's operations stand on.
//!
//! A logical client retires after an indeterminate operation and another takes its place;
//! on the page the successor goes on where the one before it ended, so that a run of
//! twenty workers has about twenty lines however many clients it saw. Past [`LANES_MAX`] lines,
//! neighbours share one.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use squall_checker::history::{History, Name, Operation};

/// Lines on the page.
pub(super) const LANES_MAX: usize = 200;

/// Lines that are free are looked through no further than this for one of the same node.
const LOOKED_AT_MAX: usize = 64;

/// The line of each operation, in the order of the history, from 0.
pub(super) struct Lanes {
    pub(super) of: Vec<u16>,
    /// How many there are.
    pub(super) count: usize,
    /// How many there would be if none were shared.
    pub(super) wanted: usize,
}

/// A line whose client retired.
struct Free {
    lane: usize,
    from_ns: u64,
    node: Option<Name>,
}

impl Lanes {
    /// Lines of clients of one node stand together, in the order of `nodes`.
    pub(super) fn of(history: &History, nodes: &[String]) -> Self {
        let (of, wanted) = in_order_of_appearance(history);
        let places = by_node(history, &of, wanted, nodes);
        let count = wanted.min(LANES_MAX);
        // Below the bound, so that it fits.
        let shared = |lane: &usize| (places[*lane] * count / wanted) as u16;
        Self { of: of.iter().map(shared).collect(), count, wanted }
    }
}

/// A line for each operation, each client's below that of those before it; and how many.
fn in_order_of_appearance(history: &History) -> (Vec<usize>, usize) {
    let operations = &history.operations;
    let mut last: FxHashMap<u64, usize> = FxHashMap::default();
    for (index, op) in operations.iter().enumerate() {
        last.insert(op.process, index);
    }
    let (mut of, mut count) = (Vec::with_capacity(operations.len()), 0);
    let mut taken: FxHashMap<u64, usize> = FxHashMap::default();
    let mut free: VecDeque<Free> = VecDeque::new();
    for (index, op) in operations.iter().enumerate() {
        let lane = match taken.get(&op.process) {
            Some(&lane) => lane,
            None => {
                let lane = reuse(&mut free, op).unwrap_or(count);
                count = count.max(lane + 1);
                taken.insert(op.process, lane);
                lane
            }
        };
        if last.get(&op.process) == Some(&index) {
            taken.remove(&op.process);
            // Nobody follows a client that nobody saw retire.
            if let Some(ended) = op.completed {
                free.push_back(Free { lane, from_ns: ended.time_ns(), node: op.node });
            }
        }
        of.push(lane);
    }
    (of, count)
}

/// Where each of `count` lines stands once they are sorted by the node of their first operation.
fn by_node(history: &History, of: &[usize], count: usize, nodes: &[String]) -> Vec<usize> {
    let place = |name: Option<Name>| {
        let name = name.map(|name| history.names.get(name));
        nodes.iter().position(|node| Some(node.as_str()) == name).unwrap_or(nodes.len())
    };
    let mut first = vec![None; count];
    for (op, &lane) in history.operations.iter().zip(of) {
        first[lane].get_or_insert(op.node);
    }
    let mut sorted: Vec<(usize, usize)> =
        first.into_iter().map(|node| place(node.flatten())).zip(0..).collect();
    sorted.sort_unstable();
    let mut places = vec![0; count];
    for (place, (_, lane)) in sorted.into_iter().enumerate() {
        places[lane] = place;
    }
    places
}

/// Takes a line that is free when `op` is invoked, of the same node if there is one.
fn reuse(free: &mut VecDeque<Free>, op: &Operation) -> Option<usize> {
    let over = |lane: &Free| lane.from_ns <= op.invoked.time_ns();
    let mut near = free.iter().take(LOOKED_AT_MAX).enumerate();
    let same = near.find(|(_, lane)| over(lane) && lane.node == op.node).map(|(at, _)| at);
    let at = same.or_else(|| free.iter().take(LOOKED_AT_MAX).position(over))?;
    free.remove(at).map(|lane| lane.lane)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use squall_checker::history::{Moment, Outcome, Value};

    use super::*;

    fn history(operations: &[(u64, u64, Option<u64>)]) -> History {
        let mut history = History::default();
        let read = history.names.intern("read");
        let moment = |ns: u64| {
            let position = u32::try_from(ns + 1).ok().and_then(NonZeroU32::new);
            Moment::new(position.expect("small and not zero"), ns)
        };
        history.operations = operations
            .iter()
            .map(|&(process, from, to)| Operation {
                process,
                node: None,
                f: read,
                key: None,
                argument: Value::NULL,
                result: Value::NULL,
                outcome: Outcome::Info,
                invoked: moment(from),
                completed: to.map(moment),
                error: None,
                revision: None,
            })
            .collect();
        history
    }

    #[test]
    fn a_successor_goes_on_where_its_forerunner_retired() {
        let lanes = Lanes::of(
            &history(&[
                (0, 0, Some(5)),
                (1, 1, Some(9)),
                (2, 6, Some(8)),
                (3, 10, None),
                (4, 11, Some(12)),
                (5, 13, None),
            ]),
            &[],
        );
        assert_eq!(lanes.of, [0, 1, 0, 1, 0, 0]);
        assert_eq!(lanes.count, 2);
    }

    #[test]
    fn neighbours_share_a_line_where_there_are_too_many() {
        let clients = LANES_MAX as u64 * 3;
        let all: Vec<_> = (0..clients).map(|process| (process, process, None)).collect();
        let lanes = Lanes::of(&history(&all), &[]);
        assert_eq!((lanes.count, lanes.wanted), (LANES_MAX, LANES_MAX * 3));
        assert_eq!(lanes.of[..4], [0, 0, 0, 1]);
        assert_eq!(lanes.of.last(), Some(&(LANES_MAX as u16 - 1)));
    }
}
