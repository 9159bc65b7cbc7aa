//! Which operations show that a queue has no linearization.
//!
//! Leaving out elements, with all their operations, keeps a linearization one, and so does
//! leaving out what found the queue empty. So a few elements prove a contradiction, if they
//! have no order even with every unknown dequeue at their disposal. Where an element may have
//! been taken by an unknown dequeue, it proves something only together with others: of more
//! elements than unknown dequeues had begun, one was still there.

use super::{Discipline, Found, NONE, Overtaking, QueueOp, Stay, Stays, Table, find};
use crate::nearly_sorted;
use crate::procedure::Conflict;
use crate::timed::Timed;
use crate::verdict::Contradiction;

/// Elements up to which each is tried for whether the contradiction needs it.
const TRIED: usize = 400;

/// The conflict of elements that came out in the wrong order.
pub(super) fn overtaken(
    operations: &[Timed<QueueOp>],
    stays: &Stays,
    Overtaking { overtaken, overtaker }: Overtaking,
) -> Conflict {
    let mut places = vec![overtaker];
    if overtaken < stays.returned {
        places.push(overtaken);
    } else {
        // One more than the unknown dequeues that can have been in time to take them.
        let in_time = stays.stays[stays.returned..]
            .partition_point(|stay| stay.left <= stays.stays[overtaker].left_by);
        places.extend(stays.returned..=stays.returned + in_time);
    }
    let witness = Witness { operations, stays, discipline: Discipline::FirstInFirstOut };
    Conflict::new(Contradiction::Overtaken, witness.minimise(places, None))
}

/// The conflict of an operation that found the queue empty with what was in it.
pub(super) fn not_empty(
    operations: &[Timed<QueueOp>],
    stays: &Stays,
    discipline: Discipline,
    empty: u32,
) -> Conflict {
    let mut chain = chain(&stays.stays, &operations[empty as usize]);
    let last_unknown = chain.iter().copied().filter(|&place| place >= stays.returned).max();
    chain.retain(|&place| place < stays.returned);
    // Those that ended before it might have been left in the queue instead.
    chain.extend(last_unknown.map_or(0..0, |last| stays.returned..last + 1));
    let witness = Witness { operations, stays, discipline };
    Conflict::new(Contradiction::EmptyNotEmpty, witness.minimise(chain, Some(empty)))
}

/// The fewest stays that together were there throughout `empty`.
fn chain(stays: &[Stay], empty: &Timed<QueueOp>) -> Vec<usize> {
    let certain = (0..).zip(stays).filter(|(_, stay)| stay.is_certain());
    let mut keys: Vec<u64> =
        certain.map(|(place, stay)| nearly_sorted::key(stay.entered, place)).collect();
    nearly_sorted::sort(&mut keys);
    let mut keys = keys.into_iter().peekable();
    let mut chain = Vec::new();
    let mut reach = empty.invoked;
    let mut longest: Option<usize> = None;
    while chain.is_empty() || reach <= empty.returned {
        while let Some(key) = keys.next_if(|&key| nearly_sorted::position(key) < reach) {
            let place = nearly_sorted::index(key) as usize;
            if longest.is_none_or(|longest| stays[longest].left < stays[place].left) {
                longest = Some(place);
            }
        }
        let place = longest
            .filter(|&place| stays[place].left > reach)
            .expect("what was there throughout the operation leaves no gap");
        reach = stays[place].left;
        chain.push(place);
    }
    chain
}

/// What a contradiction is chosen from.
struct Witness<'a> {
    operations: &'a [Timed<QueueOp>],
    stays: &'a Stays,
    discipline: Discipline,
}

impl Witness<'_> {
    /// The operations of those of the elements at `places` that are needed, with `empty`.
    fn minimise(&self, mut places: Vec<usize>, empty: Option<u32>) -> Vec<u32> {
        if places.len() <= TRIED {
            let mut tried = 0;
            while tried < places.len() {
                let place = places.remove(tried);
                if !self.contradicts(&places, empty) {
                    places.insert(tried, place);
                    tried += 1;
                }
            }
        }
        places.iter().flat_map(|&place| self.known(place)).chain(empty).collect()
    }

    /// The operations that are known to be of one element.
    fn known(&self, place: usize) -> impl Iterator<Item = u32> {
        let stay = &self.stays.stays[place];
        let dequeue = (place < self.stays.returned).then_some(stay.dequeue);
        std::iter::once(stay.enqueue).chain(dequeue)
    }

    /// Whether the elements at `places`, by themselves, have no order.
    fn contradicts(&self, places: &[usize], empty: Option<u32>) -> bool {
        let unknown = places.iter().filter(|&&place| place >= self.stays.returned).count();
        // No more unknown dequeues can matter than there are elements for them.
        let unknown = self.stays.stays[self.stays.returned..]
            .iter()
            .map(|stay| stay.dequeue)
            .take_while(|&dequeue| dequeue != NONE)
            .take(unknown);
        let mut operations: Vec<Timed<QueueOp>> =
            unknown.chain(empty).map(|index| self.operations[index as usize]).collect();
        let mut table = Table { enqueues: Vec::new(), dequeues: Vec::new() };
        let mut place_in = |index: u32| {
            operations.push(self.operations[index as usize]);
            operations.len() as u32 - 1
        };
        for &place in places {
            let stay = &self.stays.stays[place];
            let returned = place < self.stays.returned;
            table.enqueues.push(place_in(stay.enqueue));
            table.dequeues.push(if returned { place_in(stay.dequeue) } else { NONE });
        }
        !matches!(find(&operations, &table, self.discipline), Found::Nothing { .. })
    }
}
