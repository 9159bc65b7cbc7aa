//! One chain, unrolled for explaining a contradiction.
//!
//! Costs a pass over all operations, so it is made only for registers that are violated.

use super::clusters::Clusters;
use crate::model::{RegisterOp, ValueId};
use crate::timed::NEVER;

/// The operations of one value of a chain that matter most.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) value: ValueId,
    /// What stored it; the initial value was stored by nobody.
    pub(super) writer: Option<u32>,
    /// The read of it that ended first.
    pub(super) first_read: Option<u32>,
    /// The read of it that began last.
    pub(super) last_read: Option<u32>,
}

/// A chain, link by link.
pub(super) struct Chain<'a> {
    clusters: &'a Clusters<'a>,
    pub(super) links: Vec<Link>,
}

/// An operation, or the moment before all events, in some link.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) link: usize,
    /// `None` stands for the initial value becoming current.
    pub(super) operation: Option<u32>,
    /// Its end or beginning, whichever was asked for.
    pub(super) position: u32,
}

impl<'a> Chain<'a> {
    /// The chain from the value `first` on, as far as linked; a circle once round.
    pub(super) fn unroll(clusters: &'a Clusters<'a>, first: ValueId) -> Self {
        let mut links = Vec::new();
        let mut link_of = vec![None; clusters.count()];
        let mut next = Some(first);
        while let Some(value) = next
            && link_of[value.0 as usize].is_none()
        {
            link_of[value.0 as usize] = Some(links.len());
            let writer = clusters.writer(value);
            links.push(Link { value, writer, first_read: None, last_read: None });
            next = clusters.successor(value);
        }
        let operations = clusters.operations();
        for (index, operation) in (0..).zip(operations) {
            let RegisterOp::Read(value) = operation.op else { continue };
            let Some(link) = link_of[value.0 as usize] else { continue };
            if operation.is_indeterminate() {
                continue;
            }
            let Link { first_read, last_read, .. } = &mut links[link];
            if first_read
                .is_none_or(|first: u32| operation.returned < operations[first as usize].returned)
            {
                *first_read = Some(index);
            }
            *last_read = Some(index);
        }
        Self { clusters, links }
    }

    /// The operation of a link that ended first, if any did.
    pub(super) fn first_end(&self, link: usize) -> Option<Place> {
        let Link { value, writer, first_read, .. } = self.links[link];
        if value == ValueId::INITIAL {
            return Some(Place { link, operation: None, position: 0 });
        }
        let end = |operation: &u32| self.clusters.operations()[*operation as usize].returned;
        let operation = writer.into_iter().chain(first_read).min_by_key(end)?;
        let position = end(&operation);
        (position != NEVER).then_some(Place { link, operation: Some(operation), position })
    }

    /// The operation of a link that began last.
    pub(super) fn last_beginning(&self, link: usize) -> Option<Place> {
        let Link { writer, last_read, .. } = self.links[link];
        let beginning = |operation: &u32| self.clusters.operations()[*operation as usize].invoked;
        let operation = writer.into_iter().chain(last_read).max_by_key(beginning)?;
        Some(Place { link, operation: Some(operation), position: beginning(&operation) })
    }

    /// The first end and the last beginning in the chain.
    pub(super) fn extent(&self) -> (u32, u32) {
        let links = 0..self.links.len();
        let first_end = links.clone().filter_map(|link| self.first_end(link));
        let last_beginning = links.filter_map(|link| self.last_beginning(link));
        (
            first_end.map(|place| place.position).min().unwrap_or(NEVER),
            last_beginning.map(|place| place.position).max().unwrap_or(0),
        )
    }

    /// An operation that ended before `end_before` and one that began after `begin_after`,
    /// the fewest links apart.
    pub(super) fn closest(&self, end_before: u32, begin_after: u32) -> Option<(Place, Place)> {
        let (mut ended, mut began) = (None::<Place>, None::<Place>);
        let mut closest: Option<(Place, Place)> = None;
        for link in 0..self.links.len() {
            ended = self.first_end(link).filter(|end| end.position < end_before).or(ended);
            began =
                self.last_beginning(link).filter(|begin| begin.position > begin_after).or(began);
            let (Some(ended), Some(began)) = (ended, began) else { continue };
            let apart = ended.link.abs_diff(began.link);
            if closest.is_none_or(|(one, other)| apart < one.link.abs_diff(other.link)) {
                closest = Some((ended, began));
            }
        }
        closest
    }

    /// What stored the values of the links from `from` to `to`, and why the last of them
    /// must have.
    pub(super) fn stores(&self, from: usize, to: usize) -> Vec<u32> {
        let mut stores: Vec<u32> =
            self.links[from..=to].iter().filter_map(|link| link.writer).collect();
        let mut last = to;
        // An indeterminate store happened because its value was seen.
        while let Some(link) = self.links.get(last)
            && link.writer.is_some()
            && !self.clusters.has_ended(link.value)
        {
            if let Some(read) = link.first_read {
                stores.push(read);
                break;
            }
            last += 1;
            stores.extend(self.links.get(last).and_then(|link| link.writer));
        }
        stores
    }
}
