//! What must come before what, as links between numbered nodes.
//!
//! Nodes are the transactions, then one node for each list with appends that nobody saw (or each
//! register whose initial value was read), then the [time nodes](super::real_time). Only neighbouring versions are linked, which
//! orders all others through them, so there are O(accesses) links.

use super::input::{KeyId, MicroOperation, Outcome, Transactions};
use super::real_time;
use super::versions::Versions;
use super::views::View;
use super::writes::{NONE, Writes};
use crate::fault::planted;
use crate::verdict::Precedence;

/// One node must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) why: Precedence,
}

/// All links of a history.
#[derive(Debug)]
pub(super) struct Links {
    /// Nodes are numbered below this; transactions come first.
    pub(super) nodes: u32,
    pub(super) links: Vec<Link>,
    /// Whether a transaction took part: it is known to have taken effect.
    pub(super) took_part: Vec<bool>,
    /// Two transactions that read the same state of a key and both wrote to it.
    pub(super) lost_update: Option<(u32, u32, KeyId)>,
}

impl Links {
    /// None yet; those take part that are known to have ended well.
    pub(super) fn new(transactions: &Transactions) -> Self {
        let all = transactions.all();
        Self {
            nodes: all.end,
            links: Vec::with_capacity(6 * transactions.len()),
            took_part: all
                .map(|transaction| match transactions.outcome(transaction) {
                    Outcome::Ok { .. } => true,
                    Outcome::Info | Outcome::Fail => false,
                })
                .collect(),
            lost_update: None,
        }
    }

    /// Somebody saw what this transaction wrote.
    pub(super) fn take_part(&mut self, transaction: u32) {
        if !planted("transactions: indeterminate writes left out") {
            self.took_part[transaction as usize] = true;
        }
    }

    pub(super) fn add(&mut self, from: u32, to: u32, why: Precedence) {
        if from != to {
            self.links.push(Link { from, to, why });
        }
    }

    pub(super) fn node(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }
}

/// The links of lists: between versions, from versions to their readers, from readers to
/// the version after, and from ends to beginnings.
///
/// `views` and `versions` have passed their own checks. Appends that nobody saw come after
/// all reads of the longest list, if their transaction took part at all.
pub(super) fn of_lists(
    transactions: &Transactions,
    writes: &Writes,
    versions: &Versions,
    views: &[View],
) -> Links {
    let mut links = Links::new(transactions);
    for key in (0..).map(KeyId).take(transactions.keys()) {
        chain(transactions, writes, versions, key, &mut links);
    }
    let tails = Tails::find(transactions, writes, versions, &mut links);
    let mut updaters = Updaters::new(transactions, versions);
    for view in views {
        let (reader, key) = (view.transaction, view.key);
        let written_by =
            |place| versions.at(transactions, key, place).map(|element| writes.of(element).writer);
        if let Some(writer) = view.base.checked_sub(1).and_then(written_by) {
            links.add(writer, reader, Precedence::ReadsFrom);
        }
        if let Some(writer) = written_by(view.base)
            && !planted("transactions: missed writes forgotten")
        {
            links.add(reader, writer, Precedence::ReadWrite);
        }
        if view.wrote != NONE {
            updaters.note(view, &mut links);
        }
    }
    tails.link(versions, views, &updaters, &mut links);
    real_time::link(transactions, &mut links);
    links
}

/// Links the transactions of neighbouring versions of a key, all of which took part.
fn chain(
    transactions: &Transactions,
    writes: &Writes,
    versions: &Versions,
    key: KeyId,
    links: &mut Links,
) {
    let longest = versions.of(key);
    let mut before = NONE;
    for &element in transactions.list(longest.start, longest.length) {
        let writer = writes.of(element).writer;
        links.take_part(writer);
        if before != NONE && before != writer {
            links.add(before, writer, Precedence::WriteWrite);
        }
        before = writer;
    }
}

/// Who read a state and went on to change it, by key and state.
struct Updaters {
    /// Where the states of each key begin: one for each length of the list.
    first: Vec<usize>,
    by_state: Vec<u32>,
}

impl Updaters {
    fn new(transactions: &Transactions, versions: &Versions) -> Self {
        let mut total = 0;
        let states = |key| versions.of(KeyId(key)).length as usize + 1;
        let first = (0..)
            .take(transactions.keys())
            .map(|key| {
                let first = total;
                total += states(key);
                first
            })
            .collect();
        Self { first, by_state: vec![NONE; total] }
    }

    fn state(&self, key: KeyId, length: u32) -> usize {
        self.first[key.0 as usize] + length as usize
    }

    fn note(&mut self, view: &View, links: &mut Links) {
        let state = self.state(view.key, view.base);
        let other = std::mem::replace(&mut self.by_state[state], view.transaction);
        if other != NONE && links.lost_update.is_none() {
            links.lost_update = Some((other, view.transaction, view.key));
        }
    }

    fn of(&self, key: KeyId, length: u32) -> u32 {
        self.by_state[self.state(key, length)]
    }
}

/// The appends that took effect but that nobody saw, to keys that somebody read.
struct Tails {
    /// The node that comes before those of each key, or [`NONE`] for a key without.
    node: Vec<u32>,
    /// Each transaction with such an append, with its key.
    appends: Vec<(u32, KeyId)>,
}

impl Tails {
    fn find(
        transactions: &Transactions,
        writes: &Writes,
        versions: &Versions,
        links: &mut Links,
    ) -> Self {
        let mut tails = Self { node: vec![NONE; transactions.keys()], appends: Vec::new() };
        for transaction in transactions.all() {
            if !links.took_part[transaction as usize] {
                continue;
            }
            for micro_operation in transactions.micro_operations(transaction) {
                let MicroOperation::Write { key, element } = *micro_operation else { continue };
                let written = writes.of(element);
                // The first append of a transaction to a key stands for the others.
                let unseen = written.previous == NONE && written.place == NONE;
                if unseen && versions.of(key).reader != NONE {
                    tails.appends.push((transaction, key));
                    let node = &mut tails.node[key.0 as usize];
                    if *node == NONE {
                        *node = links.node();
                    }
                }
            }
        }
        tails
    }

    /// Puts the tails after all who saw the longest list and not them.
    ///
    /// One that saw the longest list and then appended to it unseen is the first of them.
    fn link(&self, versions: &Versions, views: &[View], updaters: &Updaters, links: &mut Links) {
        let first = |key| updaters.of(key, versions.of(key).length);
        for view in views.iter().filter(|view| view.length == versions.of(view.key).length) {
            let node = self.node[view.key.0 as usize];
            if node == NONE {
                continue;
            }
            if first(view.key) != NONE {
                links.add(view.transaction, first(view.key), Precedence::ReadWrite);
            }
            links.add(view.transaction, node, Precedence::ReadWrite);
        }
        for &(transaction, key) in &self.appends {
            if first(key) != transaction {
                links.add(self.node[key.0 as usize], transaction, Precedence::ReadWrite);
            }
        }
    }
}
