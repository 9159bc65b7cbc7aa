//! An order of transactions on registers, built step by step, where reads leave it open.
//!
//! The links that are certain do not say in which order two writes of a register come of which
//! neither found the other, such as those of indeterminate transactions, whose reads nobody
//! knows. So the order is built as a store would go through it: of the transactions whose
//! predecessors all have their places the most urgent is next, and **nobody writes over a value
//! that a transaction still without a place has found**. An order that comes to its end so is a
//! serial one.
//!
//! It may get stuck: x would write over the value of w, which r has yet to find, and r waits for
//! x. Then x has to come before w instead. So every wait is either for a predecessor or for a
//! reader, and where waits form a circle, one that is for a reader is turned: x gets its place
//! before w, and everything from w on is taken back. Where the circle has one such wait the turn
//! is forced; where it has several, the one whose w came last is a guess, which is given up for
//! the next where none can be turned any more. The question is NP-complete in general, so all
//! that may be taken back is bounded.
//!
//! Urgent is what must come before the earliest end. O(links log links), and as much again for
//! what is taken back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::edges::Links;
use super::input::{KeyId, Transactions};
use super::registers::{Found, Update};
use super::writes::{NONE, Writes};

/// Places that may be taken back for each node, and for all together in a small history.
const TAKEN_BACK_PER_NODE: usize = 32;
const TAKEN_BACK_MIN: usize = 100_000;

/// Guesses that may be given up.
const TURNS_BACK_MAX: usize = 10_000;

/// What comes after each node, or before it.
#[derive(Default)]
struct Neighbours {
    first: Vec<u32>,
    nodes: Vec<u32>,
    /// Those that were added later.
    more: FxHashMap<u32, Vec<u32>>,
}

impl Neighbours {
    fn of(nodes: u32, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut first = vec![0_u32; nodes as usize + 1];
        for (node, _) in pairs.clone() {
            first[node as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            first[node + 1] += first[node];
        }
        let mut free = first.clone();
        let mut neighbours = vec![0; *first.last().unwrap_or(&0) as usize];
        for (node, other) in pairs {
            let place = &mut free[node as usize];
            neighbours[*place as usize] = other;
            *place += 1;
        }
        Self { first, nodes: neighbours, more: FxHashMap::default() }
    }

    fn of_node(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let (start, end) = (self.first[node as usize], self.first[node as usize + 1]);
        let more = self.more.get(&node).map_or(&[][..], Vec::as_slice);
        self.nodes[start as usize..end as usize].iter().chain(more).copied()
    }

    fn add(&mut self, node: u32, other: u32) {
        self.more.entry(node).or_default().push(other);
    }

    /// Removes what was added to a node last.
    fn remove_last(&mut self, node: u32) {
        self.more.get_mut(&node).and_then(Vec::pop);
    }
}

/// The order as far as it is built.
struct Schedule<'a> {
    writes: &'a Writes,
    updates: &'a [Update],
    /// Where the updates of each transaction begin.
    first_update: Vec<u32>,
    after: Neighbours,
    before: Neighbours,
    /// By element, the transactions that found it.
    finders: Neighbours,
    /// By node, the earliest end that it must come before.
    urgency: Vec<u32>,
    /// By node, how many of its predecessors have no place.
    missing: Vec<u32>,
    /// By node, its place, or [`NONE`].
    places: Vec<u32>,
    order: Vec<u32>,
    /// By key, the element that is there, or [`NONE`].
    current: Vec<u32>,
    /// What each write of the order replaced.
    replaced: Vec<u32>,
    /// By element, how many that found it have no place.
    unfound: Vec<u32>,
    ready: BinaryHeap<Reverse<(u32, u32)>>,
    /// By key, the nodes that wait for those who found the element there.
    parked: Vec<Vec<u32>>,
    /// Waits turned, in the order in which they were.
    turned: Vec<Turned>,
    turns_back_left: usize,
    /// The number of each turn.
    numbers: FxHashMap<(u32, u32), usize>,
}

/// One that must come before a writer, lest it write over what others have yet to find.
#[derive(Clone, Copy)]
struct Turn {
    first: u32,
    writer: u32,
}

/// A turn, and what may be turned in its place, the best last.
struct Turned {
    turn: Turn,
    others: Vec<Turn>,
    /// The earlier turns, by number, without which there would be another choice.
    because: Vec<usize>,
}

/// A wait: for a predecessor, or, of one that would write over an element, for one that found it.
#[derive(Clone, Copy)]
struct Wait {
    waits: u32,
    /// The element, or [`NONE`].
    over: u32,
}

/// The transactions that took part in an order that respects all links and in which each finds
/// what it found; none if none was found.
///
/// `updates` are by transactions, and without cycle among `links`, which hold each write before
/// those that found it, and those that found the initial value before all writes.
pub(super) fn build(
    transactions: &Transactions,
    writes: &Writes,
    updates: &[Update],
    links: &Links,
) -> Option<Vec<u32>> {
    let mut schedule = Schedule::new(transactions, writes, updates, links);
    let nodes = links.nodes as usize;
    let mut left = TAKEN_BACK_MIN.max(TAKEN_BACK_PER_NODE * nodes);
    for node in 0..links.nodes {
        schedule.offer(node);
    }
    loop {
        schedule.go_on();
        if schedule.order.len() == nodes {
            break;
        }
        let before = schedule.order.len();
        schedule.turn()?;
        left = left.checked_sub(1 + before - schedule.order.len())?;
    }
    let took_part = |node: &u32| links.took_part.get(*node as usize).copied().unwrap_or(false);
    Some(schedule.order.into_iter().filter(took_part).collect())
}

impl<'a> Schedule<'a> {
    fn new(
        transactions: &Transactions,
        writes: &'a Writes,
        updates: &'a [Update],
        links: &Links,
    ) -> Self {
        let pairs = links.links.iter().map(|link| (link.from, link.to));
        let after = Neighbours::of(links.nodes, pairs.clone());
        let before = Neighbours::of(links.nodes, pairs.map(|(from, to)| (to, from)));
        let found = updates.iter().filter_map(|update| match update.found {
            Found::Element(element) => Some((element.0, update.transaction)),
            Found::Unknown | Found::Initial => None,
        });
        let elements = transactions.elements() as u32;
        let finders = Neighbours::of(elements, found);
        let missing: Vec<u32> =
            (0..links.nodes).map(|node| before.of_node(node).count() as u32).collect();
        let mut first_update = vec![0_u32; links.nodes as usize + 1];
        for update in updates {
            first_update[update.transaction as usize + 1] += 1;
        }
        for node in 0..links.nodes as usize {
            first_update[node + 1] += first_update[node];
        }
        let urgency = urgency(transactions, &after, &missing);
        let unfound = finders.first.windows(2).map(|pair| pair[1] - pair[0]).collect();
        Self {
            writes,
            updates,
            first_update,
            after,
            before,
            finders,
            urgency,
            missing,
            places: vec![NONE; links.nodes as usize],
            order: Vec::with_capacity(links.nodes as usize),
            current: vec![NONE; transactions.keys()],
            replaced: Vec::new(),
            unfound,
            ready: BinaryHeap::new(),
            parked: vec![Vec::new(); transactions.keys()],
            turned: Vec::new(),
            turns_back_left: TURNS_BACK_MAX,
            numbers: FxHashMap::default(),
        }
    }

    fn updates(&self, node: u32) -> &'a [Update] {
        let (start, end) = (self.first_update[node as usize], self.first_update[node as usize + 1]);
        &self.updates[start as usize..end as usize]
    }

    /// Makes a node ready if nothing before it lacks a place.
    fn offer(&mut self, node: u32) {
        if self.missing[node as usize] == 0 {
            self.ready.push(Reverse((self.urgency[node as usize], node)));
        }
    }

    fn wake(&mut self, key: KeyId) {
        let mut parked = std::mem::take(&mut self.parked[key.0 as usize]);
        for node in parked.drain(..) {
            self.offer(node);
        }
        self.parked[key.0 as usize] = parked;
    }

    /// A key that the node would write although another that found what is there has no place,
    /// and what is there.
    fn held(&self, node: u32) -> Option<(KeyId, u32)> {
        self.updates(node).iter().filter(|update| update.left.is_some()).find_map(|update| {
            let element = self.current[update.key.0 as usize];
            let others = match update.found {
                _ if element == NONE => 0,
                Found::Element(found) if found.0 == element => self.unfound[element as usize] - 1,
                _ => self.unfound[element as usize],
            };
            (others > 0).then_some((update.key, element))
        })
    }

    /// Gives places until nothing is ready.
    fn go_on(&mut self) {
        while let Some(Reverse((_, node))) = self.ready.pop() {
            if self.places[node as usize] != NONE || self.missing[node as usize] > 0 {
                // Taken back since, or ready twice.
                continue;
            }
            match self.held(node) {
                Some((key, _)) => self.parked[key.0 as usize].push(node),
                None => self.place(node),
            }
        }
    }

    fn place(&mut self, node: u32) {
        self.places[node as usize] = self.order.len() as u32;
        self.order.push(node);
        for update in self.updates(node) {
            let key = update.key.0 as usize;
            if let Found::Element(element) = update.found {
                self.unfound[element.0 as usize] -= 1;
                if self.unfound[element.0 as usize] <= 1 {
                    self.wake(update.key);
                }
            }
            if let Some(element) = update.left {
                self.replaced.push(std::mem::replace(&mut self.current[key], element.0));
            }
        }
        let after = std::mem::take(&mut self.after);
        for next in after.of_node(node) {
            self.missing[next as usize] -= 1;
            self.offer(next);
        }
        self.after = after;
    }

    /// Takes the last place back.
    fn take_back(&mut self) {
        let Some(node) = self.order.pop() else { return };
        self.places[node as usize] = NONE;
        for update in self.updates(node).iter().rev() {
            if update.left.is_some() {
                self.current[update.key.0 as usize] = self.replaced.pop().unwrap_or(NONE);
            }
            if let Found::Element(element) = update.found {
                self.unfound[element.0 as usize] += 1;
            }
            self.wake(update.key);
        }
        let after = std::mem::take(&mut self.after);
        for next in after.of_node(node) {
            self.missing[next as usize] += 1;
        }
        self.after = after;
        self.offer(node);
    }

    /// Finds a circle of waits and turns one of them, or else another one than before; none if
    /// there is none left to turn.
    fn turn(&mut self) -> Option<()> {
        let (circle, mut because) = self.circle()?;
        let over = circle.iter().filter(|wait| wait.over != NONE);
        let mut turns: Vec<Turn> =
            over.map(|wait| Turn { first: wait.waits, writer: self.writer(wait.over) }).collect();
        turns.sort_by_key(|turn| self.places[turn.writer as usize]);
        while let Err(why_not) = self.turn_one_of(turns, because) {
            self.turns_back_left = self.turns_back_left.checked_sub(1)?;
            (turns, because) = self.turn_back(why_not)?;
        }
        Some(())
    }

    /// Turns the last of these that can be.
    ///
    /// # Errors
    /// None can be, because of these earlier turns.
    fn turn_one_of(
        &mut self,
        mut turns: Vec<Turn>,
        mut because: Vec<usize>,
    ) -> Result<(), Vec<usize>> {
        while let Some(turn) = turns.pop() {
            if let Some(way) = self.way(turn.writer, turn.first) {
                because.extend(way);
                continue;
            }
            let Turn { first, writer } = turn;
            let place = self.places[writer as usize];
            if self.places[first as usize] > place {
                while self.order.len() > place as usize {
                    self.take_back();
                }
            }
            self.after.add(first, writer);
            self.before.add(writer, first);
            if self.places[first as usize] == NONE {
                self.missing[writer as usize] += 1;
                let urgency = &mut self.urgency;
                urgency[first as usize] = urgency[first as usize].min(urgency[writer as usize]);
                self.offer(first);
            }
            self.numbers.insert((first, writer), self.turned.len());
            self.turned.push(Turned { turn, others: turns, because });
            return Ok(());
        }
        Err(because)
    }

    /// Gives up the turns from the last guess on that has to do with those in the way; what may
    /// be turned in its place, and because of what.
    fn turn_back(&mut self, mut in_the_way: Vec<usize>) -> Option<(Vec<Turn>, Vec<usize>)> {
        loop {
            let Turned { turn: Turn { first, writer }, others, because } = self.turned.pop()?;
            self.numbers.remove(&(first, writer));
            self.after.remove_last(first);
            self.before.remove_last(writer);
            if self.places[first as usize] == NONE {
                self.missing[writer as usize] -= 1;
                self.offer(writer);
            }
            let number = self.turned.len();
            if !in_the_way.contains(&number) {
                continue;
            }
            in_the_way.retain(|other| *other != number);
            in_the_way.extend(because);
            in_the_way.sort_unstable();
            in_the_way.dedup();
            if !others.is_empty() {
                return Some((others, in_the_way));
            }
        }
    }

    fn writer(&self, element: u32) -> u32 {
        self.writes.of(super::ElementId(element)).writer
    }

    /// Follows waits from a node that waits until one comes again; the waits of that circle, and
    /// the turns among them.
    fn circle(&self) -> Option<(Vec<Wait>, Vec<usize>)> {
        let mut node = self.parked.iter().flatten().copied().find(|node| self.is_waiting(*node))?;
        let mut way: Vec<Wait> = Vec::new();
        let mut met: FxHashMap<u32, usize> = FxHashMap::default();
        while !met.contains_key(&node) {
            met.insert(node, way.len());
            let (over, next) = if self.missing[node as usize] > 0 {
                let without = |other: &u32| self.places[*other as usize] == NONE;
                (NONE, self.before.of_node(node).find(without)?)
            } else {
                let (_, element) = self.held(node)?;
                let unfound = |other: &u32| *other != node && self.places[*other as usize] == NONE;
                (element, self.finders.of_node(element).find(unfound)?)
            };
            way.push(Wait { waits: node, over });
            node = next;
        }
        let circle = way.split_off(met[&node]);
        let nexts = circle.iter().skip(1).chain(&circle[..1]);
        let steps = circle.iter().zip(nexts);
        let turns = steps.filter_map(|(wait, next)| self.numbers.get(&(next.waits, wait.waits)));
        let turns = turns.copied().collect();
        Some((circle, turns))
    }

    fn is_waiting(&self, node: u32) -> bool {
        self.places[node as usize] == NONE && self.missing[node as usize] == 0
    }

    /// The turns on a way of links from one node to another; none if there is no way.
    fn way(&self, from: u32, to: u32) -> Option<Vec<usize>> {
        let place = self.places[from as usize];
        let mut next: FxHashMap<u32, u32> = FxHashMap::default();
        let mut pending = vec![to];
        while let Some(node) = pending.pop() {
            for before in self.before.of_node(node) {
                // What has an earlier place does not come after it.
                let at = self.places[before as usize];
                let may_follow = before == from || at > place || at == NONE;
                if !may_follow || next.contains_key(&before) {
                    continue;
                }
                next.insert(before, node);
                if before == from {
                    return Some(self.turns_on(from, to, &next));
                }
                pending.push(before);
            }
        }
        None
    }

    fn turns_on(&self, from: u32, to: u32, next: &FxHashMap<u32, u32>) -> Vec<usize> {
        let mut turns = Vec::new();
        let mut node = from;
        while node != to {
            let after = next[&node];
            turns.extend(self.numbers.get(&(node, after)));
            node = after;
        }
        turns
    }
}

/// By node, the earliest end among what comes after it.
fn urgency(transactions: &Transactions, after: &Neighbours, missing: &[u32]) -> Vec<u32> {
    let nodes = missing.len();
    let mut missing = missing.to_vec();
    let mut sorted: Vec<u32> =
        (0..nodes as u32).filter(|&node| missing[node as usize] == 0).collect();
    let mut taken = 0;
    while let Some(&node) = sorted.get(taken) {
        taken += 1;
        for next in after.of_node(node) {
            missing[next as usize] -= 1;
            if missing[next as usize] == 0 {
                sorted.push(next);
            }
        }
    }
    let mut urgency = vec![u32::MAX; nodes];
    for &node in sorted.iter().rev() {
        let own = if (node as usize) < transactions.len() {
            transactions.returned(node)
        } else {
            u32::MAX
        };
        let later = after.of_node(node).map(|next| urgency[next as usize]).min();
        urgency[node as usize] = own.min(later.unwrap_or(u32::MAX));
    }
    urgency
}
