//! A lock with owners: decided by ordering holds.
//!
//! A *hold* is an acquire together with the release that ends it, if any. In a legal order the
//! release of an owner stands directly after its acquire, so holds are contiguous blocks, as
//! the clusters of a register are: with `f` the first end and `s` the last beginning of its
//! operations, hold A must come before hold B iff `f(A) < s(B)`, and by the proof in
//! `register.rs` the order by `min(f, s)`, those with `s <= f` first among equals, is a
//! linearization unless two holds must each come before the other. A hold that is never
//! released comes after all others: its `s` is infinite.
//!
//! *Which operations are a hold.* An owner does one thing after another. Without crashed
//! operations its acquires and releases pair up in turn. With crashed acquires only, a release
//! that ended and has no acquire of its own needs one of them; in a legal order exchange those
//! used so that the first release has the one that began first, and so on; those left over can
//! as well not have happened. With crashed releases only, all but the last of the acquires
//! that no ended release follows need one, and the last may as well have one: in a legal order
//! exchange them likewise, which is possible as they never end. An owner with both may have
//! split one hold into two; it is left to the search, and so is one that overlaps itself.
//!
//! *What is named.* Restricting a legal order to some holds keeps it legal. So a contradiction
//! names, of each owner concerned, what ended between the same two ended releases as the
//! contradiction, and all that crashed; where something crashed, also what came earlier, as
//! far as it is needed to tell that what crashed was spent on it.
//!
//! Source: Gibbons & Korach, *Testing Shared Memories* (1997), for blocks; the pairing of what
//! crashed is ours.

#[cfg(test)]
mod tests;

use crate::fault::planted;
use crate::model::OwnedLockOp;
use crate::procedure::{Conflict, Decision};
use crate::timed::Timed;
use crate::verdict::Contradiction;

/// The absence of an operation.
const NONE: u32 = u32::MAX;

/// Groups of operations tried to be left out of a contradiction.
const GROUPS_MAX: usize = 64;

/// Decides whether the operations of a lock with owners, free at first, have a linearization.
///
/// `operations` are by beginnings, owners below `owners`. A violation is
/// [`HeldTwice`](Contradiction::HeldTwice) or [`NotHeld`](Contradiction::NotHeld). Not
/// applicable if operations of an owner that ended overlap, or an owner has both acquires and
/// releases that are indeterminate. O(n log n) time, O(n + owners) memory.
///
/// ```
/// use squall_checker::lock::decide;
/// use squall_checker::model::OwnedLockOp;
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::Timed;
///
/// let acquire = Timed { op: OwnedLockOp::Acquire(0), invoked: 1, returned: 2 };
/// let release = Timed { op: OwnedLockOp::Release(0), invoked: 3, returned: 4 };
/// assert_eq!(decide(&[acquire, release], 1), Decision::Linearizable(vec![0, 1]));
/// ```
///
/// # Panics
/// If an owner is not below `owners`.
pub fn decide(operations: &[Timed<OwnedLockOp>], owners: u32) -> Decision {
    let obstacle = match linearize(operations, owners) {
        Ok(order) => return Decision::Linearizable(order),
        Err(obstacle) => obstacle,
    };
    match obstacle {
        Obstacle::NotApplicable(reason) => Decision::NotApplicable(reason),
        Obstacle::Conflict(_, concerned) => match name(operations, concerned) {
            Some(conflict) => Decision::Violation(conflict),
            None => Decision::NotApplicable("the contradiction cannot be told from a few holds"),
        },
    }
}

/// Why there is no order.
enum Obstacle {
    /// There cannot be one, as these two operations that ended show; they may be the same.
    Conflict(Contradiction, [u32; 2]),
    NotApplicable(&'static str),
}

/// An acquire and the release that ends it.
#[derive(Clone, Copy)]
struct Hold {
    owner: u32,
    acquire: u32,
    release: u32,
    first_end: u32,
    last_beginning: u32,
}

impl Hold {
    /// Of an owner, with neither acquire nor release yet.
    fn of(owner: u32) -> Self {
        Self { owner, acquire: NONE, release: NONE, first_end: u32::MAX, last_beginning: 0 }
    }

    fn take(&mut self, operation: &Timed<OwnedLockOp>) {
        self.first_end = self.first_end.min(operation.returned);
        self.last_beginning = self.last_beginning.max(operation.invoked);
    }

    fn rank(&self) -> u64 {
        let forward = self.first_end < self.last_beginning;
        let forward = forward != planted("lock: equal ranks");
        u64::from(self.first_end.min(self.last_beginning)) << 1 | u64::from(forward)
    }

    /// An operation of the hold that ended: every hold has one.
    fn ended(&self, operations: &[Timed<OwnedLockOp>]) -> u32 {
        match operations.get(self.acquire as usize) {
            Some(acquire) if !acquire.is_indeterminate() => self.acquire,
            _ => self.release,
        }
    }
}

/// What is known of an owner on the way through the history.
#[derive(Clone, Default)]
struct Owner {
    /// Where its latest operation that ended did so.
    ended: u32,
    /// One more than the number of the hold that waits for its release; 0 if none.
    open: u32,
    acquires: Vec<u32>,
    releases: Vec<u32>,
    /// How many of what crashed is spent.
    spent: usize,
}

fn owner_of(op: OwnedLockOp) -> u32 {
    match op {
        OwnedLockOp::Acquire(owner) | OwnedLockOp::Release(owner) => owner,
    }
}

fn linearize(operations: &[Timed<OwnedLockOp>], owners: u32) -> Result<Vec<u32>, Obstacle> {
    let mut holds = gather(operations, owners)?;
    holds.sort_by_key(Hold::rank);
    let mut latest: Option<Hold> = None;
    let mut order = Vec::with_capacity(operations.len());
    for hold in &holds {
        if let Some(latest) = latest
            && hold.first_end < latest.last_beginning
            && !planted("lock: holds are not swept")
        {
            let pair = [latest.ended(operations), hold.ended(operations)];
            return Err(Obstacle::Conflict(Contradiction::HeldTwice, pair));
        }
        if latest.is_none_or(|latest| hold.last_beginning > latest.last_beginning) {
            latest = Some(*hold);
        }
        order.push(hold.acquire);
        if hold.release != NONE {
            order.push(hold.release);
        }
    }
    Ok(order)
}

/// The holds with what is known of their extent.
fn gather(operations: &[Timed<OwnedLockOp>], owners: u32) -> Result<Vec<Hold>, Obstacle> {
    let mut by_owner = vec![Owner::default(); owners as usize];
    let mut holds: Vec<Hold> = Vec::with_capacity(operations.len() / 2 + 1);
    for (index, operation) in (0..).zip(operations) {
        let number = owner_of(operation.op);
        let owner = &mut by_owner[number as usize];
        let is_acquire = matches!(operation.op, OwnedLockOp::Acquire(_));
        if operation.is_indeterminate() {
            let crashed = if is_acquire { &mut owner.acquires } else { &mut owner.releases };
            crashed.push(index);
            if !owner.acquires.is_empty() && !owner.releases.is_empty() {
                return Err(Obstacle::NotApplicable("an owner lost both acquires and releases"));
            }
            continue;
        }
        if operation.invoked <= owner.ended {
            return Err(Obstacle::NotApplicable("an owner did two things at a time"));
        }
        owner.ended = operation.returned;
        if is_acquire || owner.open == 0 {
            let mut hold = Hold::of(number);
            *(if is_acquire { &mut hold.acquire } else { &mut hold.release }) = index;
            hold.take(operation);
            holds.push(hold);
            owner.open = if is_acquire { holds.len() as u32 } else { 0 };
        } else {
            let hold = &mut holds[owner.open as usize - 1];
            hold.release = index;
            hold.take(operation);
            owner.open = 0;
        }
    }
    for hold in &mut holds {
        complete(operations, &mut by_owner[hold.owner as usize], hold)?;
    }
    Ok(holds)
}

/// Gives a hold that lacks an acquire or a release one that crashed.
fn complete(
    operations: &[Timed<OwnedLockOp>],
    owner: &mut Owner,
    hold: &mut Hold,
) -> Result<(), Obstacle> {
    if hold.acquire == NONE {
        let release = &operations[hold.release as usize];
        let begun = |index: &&u32| operations[**index as usize].invoked <= release.returned;
        let Some(&acquire) = owner.acquires.get(owner.spent).filter(begun) else {
            let pair = [hold.release; 2];
            return Err(Obstacle::Conflict(Contradiction::NotHeld, pair));
        };
        owner.spent += usize::from(!planted("lock: acquires are not spent"));
        hold.acquire = acquire;
        hold.take(&operations[acquire as usize]);
    } else if hold.release == NONE {
        match owner.releases.get(owner.spent) {
            Some(&release) => {
                owner.spent += 1;
                hold.release = release;
                hold.take(&operations[release as usize]);
            }
            None if planted("lock: unreleased is released") => {}
            None => hold.last_beginning = u32::MAX,
        }
    }
    Ok(())
}

/// The operations of a contradiction that shows at the operations `concerned`, in groups of
/// which none can be left out.
fn name(operations: &[Timed<OwnedLockOp>], concerned: [u32; 2]) -> Option<Conflict> {
    let owner_at = |index: u32| owner_of(operations[index as usize].op);
    let mut named: Vec<Named> = Vec::new();
    for index in concerned {
        match named.iter_mut().find(|named| named.owner == owner_at(index)) {
            Some(named) => named.add(index),
            None => named.push(Named::of(operations, owner_at(index), index)),
        }
    }
    let mut kind = contradiction(operations, &named)?;
    for place in 0..named.len() {
        let mut group = 0;
        let mut tried = 0;
        while group < named[place].groups.len() && tried < GROUPS_MAX {
            tried += 1;
            let dropped = named[place].groups.remove(group);
            match contradiction(operations, &named) {
                Some(found) => kind = found,
                None => {
                    named[place].groups.insert(group, dropped);
                    group += 1;
                }
            }
        }
    }
    Some(Conflict::new(kind, members(&named)))
}

/// Operations of one owner that a contradiction names.
struct Named {
    owner: u32,
    /// All that crashed.
    crashed: Vec<u32>,
    /// What ended, split after each release; all of it.
    stretches: Vec<Vec<u32>>,
    /// The stretches that are named.
    groups: Vec<usize>,
}

impl Named {
    fn of(operations: &[Timed<OwnedLockOp>], owner: u32, index: u32) -> Self {
        let mut crashed = Vec::new();
        let mut stretches = vec![Vec::new()];
        for (index, operation) in (0..).zip(operations) {
            if owner_of(operation.op) != owner {
                continue;
            }
            if operation.is_indeterminate() {
                crashed.push(index);
                continue;
            }
            if let Some(stretch) = stretches.last_mut() {
                stretch.push(index);
            }
            if matches!(operation.op, OwnedLockOp::Release(_)) {
                stretches.push(Vec::new());
            }
        }
        let mut named = Self { owner, crashed, stretches, groups: Vec::new() };
        named.add(index);
        named
    }

    /// Names what belongs to the operation at `index`.
    fn add(&mut self, index: u32) {
        let of = self.stretches.iter().position(|stretch| stretch.contains(&index));
        let Some(last) = of else { return };
        let first = if self.crashed.is_empty() { last } else { 0 };
        self.groups.extend(first..=last);
        self.groups.sort_unstable();
        self.groups.dedup();
    }
}

fn members(named: &[Named]) -> Vec<u32> {
    let mut members = Vec::new();
    for named in named.iter().filter(|named| !named.groups.is_empty()) {
        members.extend(&named.crashed);
        members.extend(named.groups.iter().flat_map(|&group| &named.stretches[group]));
    }
    members.sort_unstable();
    members
}

/// How the operations named contradict each other, if they do.
fn contradiction(operations: &[Timed<OwnedLockOp>], named: &[Named]) -> Option<Contradiction> {
    // Owners are few here, and numbered anew so that none of the others costs anything.
    let number = |owner| named.iter().position(|named| named.owner == owner).unwrap_or(0) as u32;
    let renamed: Vec<Timed<OwnedLockOp>> = members(named)
        .into_iter()
        .map(|index| {
            let operation = operations[index as usize];
            let op = match operation.op {
                OwnedLockOp::Acquire(owner) => OwnedLockOp::Acquire(number(owner)),
                OwnedLockOp::Release(owner) => OwnedLockOp::Release(number(owner)),
            };
            Timed { op, ..operation }
        })
        .collect();
    match linearize(&renamed, named.len() as u32) {
        Err(Obstacle::Conflict(kind, _)) => Some(kind),
        Ok(_) | Err(Obstacle::NotApplicable(_)) => None,
    }
}
