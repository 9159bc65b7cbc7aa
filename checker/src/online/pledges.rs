//! Effects that happened although nobody knows yet which operation had them.
//!
//! A sweep that lets effects happen only when a reply forces them would like the operation
//! that ends first to have had them; while events still arrive, nobody knows which that
//! will be. So such an effect stays an open *pledge*, made at the position of the reply, and
//! an operation that could have had it, a *candidate*, takes it over when it ends. A
//! candidate can take pledges made since it began. With pledges and candidates by position,
//! all pledges can be kept by different candidates iff for each k, the k-th oldest pledge
//! has at least k candidates that began no later (Hall's condition, the sets of candidates
//! being nested).
//!
//! A candidate that ends takes the oldest pledge it can. That never hurts: pledges older
//! than that one lose no candidate, and each younger one loses one candidate and one place.
//!
//! Candidates that ended as indeterminate never leave. Below the horizon there are no
//! others, so a pledge below it is theirs, and one begun before all open pledges is as good
//! as any other such: a number holds them all.

use std::collections::VecDeque;

use crate::fault::planted;

/// Open pledges and those that could keep them.
#[derive(Default)]
pub(super) struct Pledges {
    /// Positions of the open pledges, never falling.
    open: VecDeque<u32>,
    /// Beginnings of the candidates, never falling.
    candidates: VecDeque<u32>,
    /// Indeterminate candidates that began before every open pledge.
    always: u64,
}

impl Pledges {
    /// An operation that may have the effect begins.
    pub(super) fn join(&mut self, invoked: u32) {
        self.candidates.push_back(invoked);
    }

    /// `count` effects happened by `position`; whether there are candidates enough.
    pub(super) fn pledge(&mut self, position: u32, count: u64) -> bool {
        let enough = self.always + self.candidates.len() as u64 >= self.open.len() as u64 + count;
        if enough {
            // No more than there are candidates.
            self.open.extend((0..count).map(|_| position));
        }
        enough
    }

    /// A candidate had the effect: takes the oldest pledge it can, if there is one.
    pub(super) fn redeem(&mut self, invoked: u32) -> bool {
        let oldest = match planted("online pledges: a candidate takes the youngest pledge") {
            true => self.open.len().saturating_sub(1),
            false => self.open.partition_point(|&pledge| pledge < invoked),
        };
        self.remove_candidate(invoked);
        self.open.remove(oldest).is_some()
    }

    /// A candidate had the effect of the pledge at `index`; whether the rest can be kept.
    pub(super) fn redeem_at(&mut self, index: usize, invoked: u32) -> bool {
        self.remove_candidate(invoked);
        self.open.remove(index);
        self.can_be_kept()
    }

    /// A candidate had no effect; whether the others can keep all pledges.
    pub(super) fn leave(&mut self, invoked: u32) -> bool {
        self.remove_candidate(invoked);
        self.can_be_kept() || planted("online pledges: nobody asks whether pledges can be kept")
    }

    /// The positions of the open pledges, never falling.
    pub(super) fn open(&self) -> &VecDeque<u32> {
        &self.open
    }

    /// Gives the pledges below the horizon to indeterminate operations; how many.
    pub(super) fn settle(&mut self, horizon: u32) -> usize {
        let mut settled = 0;
        loop {
            let bound = self.open.front().map_or(horizon, |&pledge| horizon.min(pledge + 1));
            while self.candidates.front().is_some_and(|&invoked| invoked < bound) {
                self.candidates.pop_front();
                self.always += 1;
            }
            if self.open.front().is_none_or(|&pledge| pledge >= horizon) {
                return settled;
            }
            self.open.pop_front();
            self.always -= u64::from(!planted("online pledges: indeterminate ones keep many"));
            settled += 1;
        }
    }

    /// How many positions are kept: a measure of the memory used.
    pub(super) fn kept(&self) -> usize {
        self.open.len() + self.candidates.len()
    }

    fn remove_candidate(&mut self, invoked: u32) {
        let place = self.candidates.partition_point(|&candidate| candidate < invoked);
        debug_assert_eq!(self.candidates.get(place), Some(&invoked), "it joined");
        self.candidates.remove(place);
    }

    fn can_be_kept(&self) -> bool {
        let mut began = 0;
        (1..).zip(&self.open).all(|(place, &pledge)| {
            while self.candidates.get(began).is_some_and(|&invoked| invoked <= pledge) {
                began += 1;
            }
            self.always + began as u64 >= place
        })
    }
}
