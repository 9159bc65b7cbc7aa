//! Which operations are pending at which completion.
//!
//! Ended operations are numbered by their ends: number `n` is the n-th to end, and its end
//! is *completion* `n`. An operation is pending at a completion if it began before it (or
//! at the same position: then the two are concurrent) and ended no earlier. While pending it
//! has a *slot*, which others use before and after, so that a set of pending operations is
//! a few bits however long the history is. Indeterminate operations are pending for ever;
//! they are not in slots but gathered in *kinds* of equal effect, of which only the number
//! used matters: they differ in nothing but when they began, so the earliest are used first.

use rustc_hash::FxHashMap;

use crate::fault::planted;
use crate::model::Model;
use crate::timed::{NEVER, Timed};

/// An operation that ended.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    /// Its position in the operations given.
    pub(super) operation: u32,
    pub(super) end: u32,
    pub(super) slot: u32,
    /// Equal for operations of equal effect.
    pub(super) class: u32,
    pub(super) reads_only: bool,
}

/// Indeterminate operations of equal effect.
pub(super) struct Kind {
    pub(super) class: u32,
    /// Positions in the operations given, by beginnings.
    pub(super) operations: Vec<u32>,
    /// When each began, rising.
    pub(super) begun: Vec<u32>,
}

impl Kind {
    /// Whether another one can be used by position `end` after `used` of them.
    pub(super) fn is_usable(&self, used: u32, end: u32) -> bool {
        if planted("search: an indeterminate operation is used before it began") {
            return (used as usize) < self.begun.len();
        }
        if planted("search: an indeterminate operation is used again and again") {
            return self.begun[0] <= end && used < 4;
        }
        self.begun.get(used as usize).is_some_and(|begun| *begun <= end)
    }
}

/// The operations of one object, arranged for a search.
pub(super) struct Window {
    /// By their ends.
    pub(super) ended: Vec<Ended>,
    /// By the beginnings of their first.
    pub(super) kinds: Vec<Kind>,
    /// Numbers of ended operations, by beginnings.
    entering: Vec<u32>,
    /// Per completion, where in `entering` those stop that began by then.
    entered: Vec<u32>,
    /// Slots needed: the most operations pending at once.
    pub(super) slots: u32,
}

impl Window {
    pub(super) fn new<M: Model>(model: &M, operations: &[Timed<M::Op>]) -> Self {
        let mut classes = Classes::new();
        let mut window = Self {
            ended: Vec::new(),
            kinds: Vec::new(),
            entering: Vec::new(),
            entered: Vec::new(),
            slots: 0,
        };
        let mut kind_of_class: FxHashMap<u32, usize> = FxHashMap::default();
        let mut by_beginning: Vec<u32> = (0..operations.len() as u32).collect();
        // These sorts find what is sorted already and merge it.
        by_beginning.sort_by_key(|&operation| operations[operation as usize].invoked);
        for &operation in &by_beginning {
            let timed = &operations[operation as usize];
            let reads_only = model.reads_only(&timed.op);
            if timed.returned != NEVER {
                let class = classes.of(model.kind(&timed.op));
                let end = timed.returned;
                window.ended.push(Ended { operation, end, slot: 0, class, reads_only });
            } else if !reads_only {
                let class = classes.of(model.kind(&timed.op));
                let index = *kind_of_class.entry(class).or_insert_with(|| {
                    let kind = Kind { class, operations: Vec::new(), begun: Vec::new() };
                    window.kinds.push(kind);
                    window.kinds.len() - 1
                });
                window.kinds[index].operations.push(operation);
                window.kinds[index].begun.push(timed.invoked);
            }
        }
        window.ended.sort_by_key(|ended| ended.end);
        window.enter(operations, &by_beginning);
        window
    }

    /// Fills in who enters when, and the slots.
    fn enter<Op>(&mut self, operations: &[Timed<Op>], by_beginning: &[u32]) {
        let mut number_of = vec![NEVER; operations.len()];
        for (number, ended) in (0..).zip(&self.ended) {
            number_of[ended.operation as usize] = number;
        }
        let mut beginnings = by_beginning
            .iter()
            .filter(|&&operation| number_of[operation as usize] != NEVER)
            .peekable();
        let mut free = Vec::new();
        for number in 0..self.ended.len() {
            let end = self.ended[number].end;
            while let Some(&operation) =
                beginnings.next_if(|&&operation| operations[operation as usize].invoked <= end)
            {
                let entering = number_of[operation as usize];
                self.entering.push(entering);
                self.ended[entering as usize].slot = free.pop().unwrap_or_else(|| {
                    self.slots += 1;
                    self.slots - 1
                });
            }
            self.entered.push(self.entering.len() as u32);
            free.push(self.ended[number].slot);
        }
    }

    /// The numbers of those that enter between the completion before `completion` and it.
    pub(super) fn entering(&self, completion: u32) -> &[u32] {
        let until = self.entered[completion as usize] as usize;
        let from = completion.checked_sub(1).map_or(0, |before| self.entered[before as usize]);
        &self.entering[from as usize..until]
    }

    pub(super) fn completions(&self) -> u32 {
        self.ended.len() as u32
    }

    pub(super) fn bytes(&self) -> usize {
        let kinds: usize = self.kinds.iter().map(|kind| 8 * kind.begun.capacity()).sum();
        self.ended.capacity() * size_of::<Ended>()
            + self.kinds.capacity() * size_of::<Kind>()
            + kinds
            + 4 * (self.entering.capacity() + self.entered.capacity())
    }
}

/// The pending operations at one completion, moved from one to the next or back.
pub(super) struct Cursor {
    /// The completion.
    pub(super) at: u32,
    /// Numbers of ended operations, falling: the one that ends there is the last.
    pending: Vec<u32>,
}

impl Cursor {
    pub(super) fn new(window: &Window) -> Self {
        let mut cursor = Self { at: 0, pending: Vec::new() };
        cursor.enter(window);
        cursor
    }

    /// How many are pending.
    pub(super) fn len(&self) -> u32 {
        self.pending.len() as u32
    }

    /// The pending operation with the `rank`-th end, from 0.
    pub(super) fn pending(&self, rank: u32) -> u32 {
        self.pending[self.pending.len() - 1 - rank as usize]
    }

    pub(super) fn forward(&mut self, window: &Window) {
        self.pending.pop();
        self.at += 1;
        self.enter(window);
    }

    pub(super) fn move_to(&mut self, completion: u32, window: &Window) {
        while self.at < completion {
            self.forward(window);
        }
        while self.at > completion {
            if self.at < window.completions() {
                for entered in window.entering(self.at) {
                    let place = self.place(*entered);
                    self.pending.remove(place);
                }
            }
            self.at -= 1;
            self.pending.push(self.at);
        }
    }

    fn enter(&mut self, window: &Window) {
        if self.at < window.completions() {
            for &entering in window.entering(self.at) {
                let place = self.place(entering);
                self.pending.insert(place, entering);
            }
        }
    }

    /// Where `number` is or belongs.
    fn place(&self, number: u32) -> usize {
        self.pending.partition_point(|pending| *pending > number)
    }
}

/// Numbers of effects.
pub(crate) struct Classes {
    by_kind: FxHashMap<u128, u32>,
    count: u32,
}

impl Classes {
    pub(crate) fn new() -> Self {
        Self { by_kind: FxHashMap::default(), count: 0 }
    }

    /// Forgets the kinds: operations from now on are in classes of their own.
    pub(crate) fn forget(&mut self) {
        self.by_kind = FxHashMap::default();
    }

    /// The class of operations of this kind; a class of its own without one.
    pub(crate) fn of(&mut self, kind: Option<u128>) -> u32 {
        let next = self.count;
        let class = match kind {
            Some(kind) => *self.by_kind.entry(kind).or_insert(next),
            None => next,
        };
        self.count = self.count.max(class + 1);
        class
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::{Random, spans};
    use crate::model::{Register, RegisterOp, ValueId};

    #[test]
    fn the_cursor_shows_what_is_pending_wherever_it_is_moved() {
        let mut random = Random::new(3);
        for _ in 0..500 {
            let operations: Vec<Timed<RegisterOp>> = spans(&mut random, 12)
                .spans
                .into_iter()
                .map(|(invoked, returned)| Timed {
                    op: RegisterOp::Write(ValueId(1)),
                    invoked,
                    returned,
                })
                .collect();
            let window = Window::new(&Register, &operations);
            let mut cursor = Cursor::new(&window);
            for _ in 0..20 {
                let completion = random.below(window.completions());
                cursor.move_to(completion, &window);
                let shown: Vec<u32> = (0..cursor.len()).map(|rank| cursor.pending(rank)).collect();
                let end = window.ended[completion as usize].end;
                let began = |number: &u32| {
                    let operation = window.ended[*number as usize].operation;
                    operations[operation as usize].invoked <= end
                };
                let pending: Vec<u32> = (completion..window.completions()).filter(began).collect();
                assert_eq!(shown, pending);
                let mut slots: Vec<u32> =
                    pending.iter().map(|&number| window.ended[number as usize].slot).collect();
                slots.sort_unstable();
                slots.dedup();
                assert_eq!(slots.len(), pending.len(), "one slot each");
                assert!(slots.iter().all(|slot| *slot < window.slots));
            }
        }
    }
}
