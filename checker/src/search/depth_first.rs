//! The search itself: depth first, without recursion, at any time ready to pause.

use super::counts::Counts;
use super::steps::Steps;
use super::visited::{Configuration, Visited};
use super::window::{Cursor, Ended, Window};
use super::{LookAhead, Progress, Searched, Shortage};
use crate::check::Budget;
use crate::fault::planted;
use crate::model::{Indeterminate, Model};
use crate::timed::Timed;

/// How many completions ahead a read is looked for at least; with more slots, as many.
const AHEAD: u32 = 128;

/// A configuration on the way from the first to the current one.
struct Frame {
    /// Its row.
    configuration: u32,
    /// The choice to try next: pending operations by their ends, then kinds.
    choice: u32,
    /// Which of the states that choice leads to.
    branch: u32,
    /// Operations taken to get here.
    taken: u32,
}

/// A search under way.
pub(super) struct DepthFirst<'a, M: Model> {
    model: &'a M,
    operations: &'a [Timed<M::Op>],
    look_ahead: LookAhead,
    window: Window,
    cursor: Cursor,
    steps: Steps<M>,
    counts: Counts,
    visited: Visited,
    frames: Vec<Frame>,
    /// The operations taken, by position.
    taken: Vec<u32>,
    /// The configuration of the last frame, or the one being made from it.
    current: Configuration,
    /// States an operation leads to.
    next: Vec<u32>,
    /// Per completion, the next that ends an operation that only reads.
    next_read: Vec<u32>,
    ordered: u32,
    furthest: u32,
}

impl<'a, M: Model> DepthFirst<'a, M> {
    pub(super) fn new(model: &'a M, operations: &'a [Timed<M::Op>], look_ahead: LookAhead) -> Self {
        let window = Window::new(model, operations);
        let mut steps = Steps::new();
        let initial = steps.number(model, model.init());
        let mut search = Self {
            model,
            operations,
            look_ahead: if M::LOOKS_AHEAD { look_ahead } else { LookAhead::Never },
            cursor: Cursor::new(&window),
            counts: Counts::new(window.kinds.len()),
            visited: Visited::new(window.slots),
            current: Configuration::start(initial, window.slots),
            window,
            steps,
            frames: Vec::new(),
            taken: Vec::new(),
            next: Vec::new(),
            next_read: Vec::new(),
            ordered: 0,
            furthest: 0,
        };
        search.find_reads();
        search.settle();
        search.visit();
        search
    }

    /// Goes on until decided, or until a limit is reached: then `Exhausted`, and it can go on.
    pub(super) fn run(&mut self, budget: &Budget<'_>) -> Searched {
        while !self.frames.is_empty() {
            if self.current.passed == self.window.completions() {
                return Searched::Linearizable(self.taken.clone());
            }
            if let Some(shortage) = self.shortage(budget) {
                return Searched::Exhausted(self.progress(shortage));
            }
            if !self.advance() {
                self.frames.pop();
                self.return_to_last();
            }
        }
        let unpassed = self.window.ended[self.furthest as usize].operation;
        Searched::Violation { unpassed }
    }

    /// Bytes in use: of the arrays by their room, of states as their model tells.
    pub(super) fn bytes(&self) -> u64 {
        let bytes = self.visited.bytes()
            + self.steps.bytes()
            + self.counts.bytes()
            + self.window.bytes()
            + self.frames.capacity() * size_of::<Frame>()
            + 4 * (self.taken.capacity() + self.next_read.capacity());
        bytes as u64
    }

    pub(super) fn configurations(&self) -> u64 {
        u64::from(self.visited.len())
    }

    fn shortage(&self, budget: &Budget<'_>) -> Option<Shortage> {
        if self.configurations() >= budget.configurations || self.visited.is_full() {
            return Some(Shortage::Configurations);
        }
        // Arrays double: looking now and then would find them far beyond what is allowed.
        if self.bytes() >= budget.memory_bytes {
            return Some(Shortage::Memory);
        }
        // Looking costs nothing beside a step of a model, which may be as slow as it likes.
        budget.stopped().then_some(Shortage::Stopped)
    }

    pub(super) fn progress(&self, shortage: Shortage) -> Progress {
        let unpassed = self.window.ended.get(self.furthest as usize);
        Progress {
            configurations: self.configurations(),
            ordered: self.ordered as usize,
            ended: self.window.ended.len(),
            unpassed: unpassed.map_or(0, |ended| ended.operation),
            shortage,
        }
    }

    /// Tries the last frame's next choice; `false` if none is left.
    fn advance(&mut self) -> bool {
        let Some(frame) = self.frames.last_mut() else { return false };
        let (choice, branch) = (frame.choice, frame.branch);
        let pending = self.cursor.len();
        let more = if choice < pending {
            let ended = self.window.ended[self.cursor.pending(choice) as usize];
            self.take_pending(ended, branch)
        } else if let Some(more) = self.take_kind(choice - pending, branch) {
            more
        } else {
            return false;
        };
        // Those that were pushed since stand above it.
        let frame = &mut self.frames[more.frame];
        match more.branches {
            true => frame.branch += 1,
            false => (frame.choice, frame.branch) = (choice + 1, 0),
        }
        true
    }

    /// Takes a pending operation that may change the state.
    fn take_pending(&mut self, ended: Ended, branch: u32) -> More {
        let frame = self.frames.len() - 1;
        let done = More { frame, branches: false };
        if ended.reads_only || self.current.has(ended.slot) {
            return done;
        }
        let op = &self.operations[ended.operation as usize].op;
        if self.is_needless(op, ended.class) {
            return done;
        }
        self.steps.take(self.model, self.current.state, op, ended.class, &mut self.next);
        let Some(&state) = self.next.get(branch as usize) else { return done };
        let branches = self.next.len() > branch as usize + 1;
        self.current.state = state;
        self.current.before = 0;
        self.current.take(ended.slot);
        self.taken.push(ended.operation);
        self.settle();
        self.visit();
        More { frame, branches }
    }

    /// Uses an indeterminate operation of kind `index`; `None` if no kind is left.
    fn take_kind(&mut self, index: u32, branch: u32) -> Option<More> {
        let frame = self.frames.len() - 1;
        let end = self.window.ended.get(self.cursor.at as usize)?.end;
        let kind = self.window.kinds.get(index as usize)?;
        if kind.begun[0] > end
            && !planted("search: an indeterminate operation is used before it began")
        {
            // So it is with all kinds after it.
            return None;
        }
        let done = More { frame, branches: false };
        let used = self.counts.get(self.current.used, index);
        let operation = *kind.operations.get(used as usize).unwrap_or(&kind.operations[0]);
        let op = &self.operations[operation as usize].op;
        let class = kind.class;
        if !kind.is_usable(used, end) || self.is_needless(op, class) {
            return Some(done);
        }
        self.steps.take(self.model, self.current.state, op, class, &mut self.next);
        let Some(&state) = self.next.get(branch as usize) else { return Some(done) };
        let branches = self.next.len() > branch as usize + 1;
        let before = self.current.state;
        if state == before {
            // It need not have happened.
            return Some(More { frame, branches });
        }
        self.current.state = state;
        self.current.used = self.counts.increment(self.current.used, index);
        self.current.before = 0;
        self.taken.push(operation);
        let settled = self.settle();
        if settled == 0 && self.model.indeterminate() == Indeterminate::WhenNeeded {
            self.current.before = before + 1;
        }
        self.visit();
        Some(More { frame, branches })
    }

    /// Whether `op` could as well come before the indeterminate operation just used.
    fn is_needless(&mut self, op: &M::Op, class: u32) -> bool {
        self.current.before != 0
            && self.steps.is_legal(self.model, self.current.before - 1, op, class)
    }

    /// Takes every pending read that is legal, and passes every completion whose operation
    /// was taken; the number of reads taken.
    fn settle(&mut self) -> usize {
        let taken = self.taken.len();
        let pending = self.cursor.len();
        for rank in 0..pending {
            self.take_read(self.cursor.pending(rank));
        }
        while self.cursor.at < self.window.completions() {
            let slot = self.window.ended[self.cursor.at as usize].slot;
            if !self.current.has(slot) {
                break;
            }
            self.current.release(slot);
            self.cursor.forward(&self.window);
            self.current.passed = self.cursor.at;
            if self.cursor.at < self.window.completions() {
                // The state is as it was: only those that just began are new to it.
                for index in 0..self.window.entering(self.cursor.at).len() {
                    self.take_read(self.window.entering(self.cursor.at)[index]);
                }
            }
        }
        self.taken.len() - taken
    }

    fn take_read(&mut self, number: u32) {
        let ended = self.window.ended[number as usize];
        if !ended.reads_only || self.current.has(ended.slot) {
            return;
        }
        let op = &self.operations[ended.operation as usize].op;
        if self.steps.is_legal(self.model, self.current.state, op, ended.class)
            || planted("search: a read is taken in a wrong state")
        {
            self.current.take(ended.slot);
            self.taken.push(ended.operation);
        }
    }

    /// Makes a frame of the current configuration, if it is new and may lead on; else
    /// returns to the last frame.
    fn visit(&mut self) {
        self.furthest = self.furthest.max(self.current.passed);
        self.ordered = self.ordered.max(self.current.passed + self.current.taken());
        if self.is_viable()
            && let Some(configuration) = self.visited.insert(&self.current, &self.counts)
        {
            let taken = self.taken.len() as u32;
            self.frames.push(Frame { configuration, choice: 0, branch: 0, taken });
        } else {
            self.return_to_last();
        }
    }

    fn return_to_last(&mut self) {
        if let Some(frame) = self.frames.last() {
            self.visited.read(frame.configuration, &mut self.current);
            self.taken.truncate(frame.taken as usize);
            self.cursor.move_to(self.current.passed, &self.window);
        }
    }

    fn find_reads(&mut self) {
        if self.look_ahead == LookAhead::Never {
            return;
        }
        let mut next = self.window.completions();
        self.next_read = vec![next; self.window.ended.len()];
        for number in (0..self.window.completions()).rev() {
            let ended = &self.window.ended[number as usize];
            next = if ended.reads_only { number } else { next };
            self.next_read[number as usize] = next;
        }
    }

    /// Whether the model sees a way to the first read that has not been taken.
    fn is_viable(&self) -> bool {
        if self.look_ahead == LookAhead::Never {
            return true;
        }
        let mut number = self.cursor.at;
        let read = loop {
            let Some(&read) = self.next_read.get(number as usize) else { return true };
            if read >= self.window.completions()
                || read - self.cursor.at > AHEAD.max(self.window.slots)
            {
                return true;
            }
            let ended = &self.window.ended[read as usize];
            // Only what is pending here can have been taken.
            let is_pending = (0..self.cursor.len()).any(|rank| self.cursor.pending(rank) == read);
            if !(is_pending && self.current.has(ended.slot)) {
                break read;
            }
            number = read + 1;
        };
        let op = |operation: u32| &self.operations[operation as usize].op;
        let ended = &self.window.ended[read as usize];
        let pending = (0..self.cursor.len()).map(|rank| self.cursor.pending(rank));
        let pending =
            pending.filter(|&number| !self.current.has(self.window.ended[number as usize].slot));
        let later = (self.cursor.at + 1..=read)
            .flat_map(|completion| self.window.entering(completion))
            .copied();
        let ended_ops =
            pending.chain(later).map(|number| op(self.window.ended[number as usize].operation));
        let begun = self.window.kinds.iter().take_while(|kind| kind.begun[0] <= ended.end);
        let kinds = begun.map(|kind| op(kind.operations[0]));
        let state = self.steps.state(self.current.state);
        self.model.viable(state, op(ended.operation), ended_ops.chain(kinds))
    }
}

/// What is left of a choice once it was tried.
struct More {
    /// Whose choice.
    frame: usize,
    /// Whether the operation leads to further states.
    branches: bool,
}
