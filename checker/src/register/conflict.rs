//! The operations behind each contradiction of a register.
//!
//! Named generously where it is simpler so: [`minimal`](super::minimal) takes out what is
//! not needed. What must be named: of each value that was found, its store; of each chain,
//! the compare-and-sets between the operations that matter; of each indeterminate store,
//! what shows that it happened.

use super::chain::{Chain, Place};
use super::clusters::Clusters;
use crate::model::ValueId;
use crate::procedure::Conflict;
use crate::verdict::Contradiction;

/// A read, or a compare-and-set that took part, found `value`, which nobody stored.
pub(super) fn never_written(clusters: &Clusters<'_>, value: ValueId) -> Conflict {
    let chain = Chain::unroll(clusters, value);
    let operations =
        chain.links[0].first_read.map_or_else(|| chain.stores(1, 1), |read| vec![read]);
    Conflict::new(Contradiction::NeverWritten, operations)
}

/// The compare-and-sets to `one` and to `other` both found `expected`.
pub(super) fn replaced_twice(
    clusters: &Clusters<'_>,
    expected: ValueId,
    one: ValueId,
    other: ValueId,
) -> Conflict {
    if clusters.writer(expected).is_none() && expected != ValueId::INITIAL {
        // Each of them is a contradiction by itself.
        return never_written(clusters, expected);
    }
    let mut operations = Chain::unroll(clusters, one).stores(0, 0);
    operations.extend(Chain::unroll(clusters, other).stores(0, 0));
    operations.extend(clusters.writer(expected));
    Conflict::new(Contradiction::ReplacedTwice, operations)
}

/// Values that take part but are in none of `chains`.
pub(super) fn chain_closed(clusters: &Clusters<'_>, chains: &[ValueId]) -> Conflict {
    let mut in_chain = vec![false; clusters.count()];
    for &chain in chains {
        let mut next = Some(chain);
        while let Some(value) = next {
            in_chain[value.0 as usize] = true;
            next = clusters.successor(value);
        }
    }
    let start = (0..clusters.count() as u32)
        .map(ValueId)
        .find(|value| !in_chain[value.0 as usize] && clusters.successor(*value).is_some())
        .expect("what takes part and has no first value in its chain is in a circle");
    let circle = Chain::unroll(clusters, start).links;
    let mut operations: Vec<u32> = circle.iter().filter_map(|link| link.writer).collect();
    if !circle.iter().any(|link| clusters.has_ended(link.value)) {
        operations.extend(circle.iter().find_map(|link| link.first_read));
    }
    Conflict::new(Contradiction::ChainClosed, operations)
}

/// In the chain that begins with `first`, something ended before an earlier thing began.
pub(super) fn chain_inverted(clusters: &Clusters<'_>, first: ValueId) -> Conflict {
    let chain = Chain::unroll(clusters, first);
    let operations = clusters.operations();
    let end = |index: u32| operations[index as usize].returned;
    let mut latest_beginning = 0;
    for (position, link) in chain.links.iter().enumerate() {
        if let Some(writer) = link.writer {
            if end(writer) < latest_beginning {
                return inverted(&chain, position, writer, end(writer));
            }
            if let Some(read) = link.first_read
                && end(read) < operations[writer as usize].invoked
            {
                return Conflict::new(Contradiction::ReadBeforeWrite, [writer, read]);
            }
        }
        if let Some(read) = link.first_read
            && end(read) < latest_beginning
        {
            return inverted(&chain, position, read, end(read));
        }
        let last = chain.last_beginning(position).map_or(0, |place| place.position);
        latest_beginning = latest_beginning.max(last);
    }
    unreachable!("the chain was found to be inverted")
}

/// `later`, of the link at `position`, ended at `end`, before something of an earlier link
/// began.
fn inverted(chain: &Chain<'_>, position: usize, later: u32, end: u32) -> Conflict {
    let earlier = (0..position)
        .rev()
        .filter_map(|link| chain.last_beginning(link))
        .find(|beginning| beginning.position > end)
        .expect("the latest beginning so far was after this end");
    let mut operations = chain.stores(earlier.link, position);
    operations.extend(earlier.operation);
    operations.push(later);
    Conflict::new(Contradiction::ChainInverted, operations)
}

/// The chains that begin with `one` and `other` would each have to come before the other.
pub(super) fn value_returned(clusters: &Clusters<'_>, one: ValueId, other: ValueId) -> Conflict {
    let [one, other] = [one, other].map(|first| Chain::unroll(clusters, first));
    let (first_end, last_beginning) = other.extent();
    let (one_ended, one_began) = one
        .closest(last_beginning, first_end)
        .expect("the sweep found two chains that must each come before the other");
    let (other_ended, other_began) = other
        .closest(one_began.position, one_ended.position)
        .expect("the extremes of a chain are candidates for the closest pair");
    let mut operations = named(&one, one_ended, one_began);
    operations.extend(named(&other, other_ended, other_began));
    Conflict::new(Contradiction::ValueReturned, operations)
}

/// Two operations of a chain and what ties them together.
fn named(chain: &Chain<'_>, ended: Place, began: Place) -> Vec<u32> {
    let (from, to) = (ended.link.min(began.link), ended.link.max(began.link));
    let mut operations = chain.stores(from, to);
    operations.extend(ended.operation);
    operations.extend(began.operation);
    operations
}

/// `refused` was told that the value is not `value`, which was there throughout: `operation`
/// ended before and `found`, which found `value`, began after.
pub(super) fn refused_in_vain(clusters: &Clusters<'_>, refused: u32, value: ValueId) -> Conflict {
    let chain = Chain::unroll(clusters, value);
    let mut operations = vec![refused];
    operations.extend(chain.links[0].writer);
    operations.extend(chain.first_end(0).and_then(|place| place.operation));
    let invoked = |index: u32| clusters.operations()[index as usize].invoked;
    let last_read = chain.links[0].last_read;
    let refusal_end = clusters.operations()[refused as usize].returned;
    if let Some(read) = last_read.filter(|read| invoked(*read) > refusal_end) {
        operations.push(read);
    } else {
        // The compare-and-set that found the value stands for it.
        operations.extend(chain.stores(1, 1));
    }
    Conflict::new(Contradiction::RefusedInVain, operations)
}
