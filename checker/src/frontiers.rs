//! General search event by event: every configuration that the history so far allows.
//!
//! The breadth-first form of [`search`](mod@crate::search), which explains configurations and
//! what need not be tried. Between two completions nothing happens; at a completion, each
//! configuration carried is extended in all ways until the operation that ended was taken,
//! and what comes out is carried on. If nothing does, no order gets past that completion: the
//! violation is exact to the event. Memory follows the concurrency and the number of
//! configurations, not the length of the history; where no operation is pending, what is
//! carried is a set of states and of indeterminate operations used.
//!
//! What an operation that is still in flight does may be unknown: a read or a dequeue tells
//! only when it ends. Events wait behind it until it is known, so the verdict comes later
//! but is the same. Deliberately absent: the order found (configurations forget how they
//! came about), and looking ahead, for which there is nothing to look at.

mod pass;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::model::Model;
use crate::search::counts::Counts;
use crate::search::steps::Steps;
use crate::search::visited::{Configuration, Visited};
use crate::search::window::Classes;

/// What the events so far allow. Operations are named as the caller numbered them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They have a linearization, as far as they are decided.
    Open,
    /// They have none: this operation's completion is the first that no order gets past.
    Violation {
        /// The operation.
        operation: u32,
    },
    /// Too many configurations: nothing follows from now on.
    Exhausted,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<Op> {
    /// It did this.
    Ok(Op),
    /// It may do this at any later time, or never.
    Indeterminate(Op),
    /// It never did and never will do anything.
    Fail,
}

/// The configurations of one object, carried from event to event.
///
/// ```
/// use squall_checker::frontiers::{Ending, Frontiers, Standing};
/// use squall_checker::model::{Register, RegisterOp, ValueId};
///
/// let mut frontiers = Frontiers::new(Register, 10_000);
/// frontiers.invoke(0, Some(RegisterOp::Write(ValueId(1))));
/// frontiers.complete(0, Ending::Ok(RegisterOp::Write(ValueId(1))));
/// frontiers.invoke(1, None);
/// let stale = Ending::Ok(RegisterOp::Read(ValueId::INITIAL));
/// assert_eq!(frontiers.complete(1, stale), Standing::Violation { operation: 1 });
/// ```
pub struct Frontiers<M: Model> {
    model: M,
    configurations_max: u64,
    steps: Steps<M>,
    counts: Counts,
    classes: Classes,
    /// Events that wait for an operation to be known.
    waiting: VecDeque<Event>,
    /// The operations of waiting events.
    in_flight: FxHashMap<u32, InFlight<M::Op>>,
    /// Operations that began and whose completion was not passed.
    pending: Vec<Pending<M::Op>>,
    kinds: Vec<Kind<M::Op>>,
    kind_of_class: FxHashMap<u32, u32>,
    free: Vec<u32>,
    slots: u32,
    carried: Vec<Configuration>,
    reached: Visited,
    standing: Standing,
}

/// An event of an operation.
enum Event {
    Invoked(u32),
    Completed(u32),
}

/// What is known of an operation that has waiting events.
struct InFlight<Op> {
    op: Option<Op>,
    /// How it ended, once it did; what it did is then `op`.
    ending: Option<Ending<()>>,
}

/// An operation in a slot.
struct Pending<Op> {
    operation: u32,
    op: Op,
    class: u32,
    slot: u32,
    reads_only: bool,
}

/// Indeterminate operations of equal effect.
struct Kind<Op> {
    op: Op,
    class: u32,
    begun: u32,
}

impl<M: Model> Frontiers<M> {
    /// Nothing has happened yet. At no completion may more than `configurations_max`
    /// configurations be reached.
    pub fn new(model: M, configurations_max: u64) -> Self {
        let mut steps = Steps::new();
        let initial = steps.number(&model, model.init());
        Self {
            model,
            configurations_max,
            steps,
            counts: Counts::new(1),
            classes: Classes::new(),
            waiting: VecDeque::new(),
            in_flight: FxHashMap::default(),
            pending: Vec::new(),
            kinds: Vec::new(),
            kind_of_class: FxHashMap::default(),
            free: Vec::new(),
            slots: 0,
            carried: vec![Configuration::start(initial, 0)],
            reached: Visited::new(0),
            standing: Standing::Open,
        }
    }

    /// An operation begins, under a number that no operation in flight has.
    ///
    /// `op` is what it does, if that is known before it ends; the verdict then need not
    /// wait for it. At equal positions, operations begin before others end.
    pub fn invoke(&mut self, operation: u32, op: Option<M::Op>) -> Standing {
        self.in_flight.insert(operation, InFlight { op, ending: None });
        self.waiting.push_back(Event::Invoked(operation));
        self.catch_up()
    }

    /// An operation in flight ends. What was told of it when it began has to be what it did.
    pub fn complete(&mut self, operation: u32, ending: Ending<M::Op>) -> Standing {
        let (op, ending) = match ending {
            Ending::Ok(op) => (Some(op), Ending::Ok(())),
            Ending::Indeterminate(op) => (Some(op), Ending::Indeterminate(())),
            Ending::Fail => (None, Ending::Fail),
        };
        self.in_flight.insert(operation, InFlight { op, ending: Some(ending) });
        self.waiting.push_back(Event::Completed(operation));
        self.catch_up()
    }

    /// What the events allow that did not have to wait.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Configurations carried.
    pub fn configurations(&self) -> usize {
        self.carried.len()
    }

    /// Events that wait for an operation in flight to be known.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes in use, approximately.
    pub fn bytes(&self) -> usize {
        let configuration = size_of::<Configuration>() + 8 * (self.slots as usize).div_ceil(64);
        self.steps.bytes()
            + self.counts.bytes()
            + self.reached.bytes()
            + self.carried.len() * configuration
            + self.pending.capacity() * size_of::<Pending<M::Op>>()
            + self.kinds.capacity() * size_of::<Kind<M::Op>>()
            + self.in_flight.capacity() * size_of::<(u32, InFlight<M::Op>)>()
            + self.waiting.capacity() * size_of::<Event>()
    }

    /// Forgets the states that no configuration carried is in, and which operations did the
    /// same: memory then follows what is carried. Costs as much as copying those states.
    pub fn forget(&mut self) {
        let mut steps = Steps::new();
        for configuration in &mut self.carried {
            let state = self.steps.state(configuration.state).clone();
            configuration.state = steps.number(&self.model, state);
        }
        self.steps = steps;
        self.classes.forget();
    }

    /// Handles events until one has to wait.
    fn catch_up(&mut self) -> Standing {
        while self.standing == Standing::Open {
            match self.waiting.front() {
                None => break,
                Some(&Event::Invoked(operation)) => {
                    let known = self
                        .in_flight
                        .get_mut(&operation)
                        .expect("an operation is in flight until its completion is handled");
                    let op = known.op.take();
                    match (op, known.ending) {
                        (None, None) => break,
                        (_, Some(Ending::Fail)) | (None, Some(_)) => {}
                        (Some(op), Some(Ending::Indeterminate(()))) => self.add_to_kind(op),
                        (Some(op), Some(Ending::Ok(())) | None) => self.enter(operation, op),
                    }
                }
                Some(&Event::Completed(operation)) => self.end(operation),
            }
            self.waiting.pop_front();
        }
        if self.standing != Standing::Open {
            // It stays as it is: nothing needs to be kept.
            self.waiting.clear();
            self.in_flight.clear();
            self.carried.clear();
        }
        self.standing
    }

    /// Gives an operation a slot.
    fn enter(&mut self, operation: u32, op: M::Op) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        });
        let words = (self.slots as usize).div_ceil(64);
        if self.carried.first().is_some_and(|configuration| configuration.mask.len() < words) {
            for configuration in &mut self.carried {
                configuration.mask.resize(words, 0);
            }
        }
        let class = self.classes.of(self.model.kind(&op));
        let reads_only = self.model.reads_only(&op);
        self.pending.push(Pending { operation, op, class, slot, reads_only });
    }

    /// Handles a completion.
    fn end(&mut self, operation: u32) {
        let Some(known) = self.in_flight.remove(&operation) else { return };
        let place = self.pending.iter().position(|pending| pending.operation == operation);
        // An operation that ended before it was known may never have had a slot.
        let Some(place) = place else { return };
        match known.ending {
            None | Some(Ending::Ok(())) => {
                self.pass(place);
                if self.standing == Standing::Open {
                    let passed = self.pending.remove(place);
                    self.free.push(passed.slot);
                }
            }
            Some(Ending::Indeterminate(())) => self.lose(place),
            Some(Ending::Fail) => {
                let failed = self.pending.remove(place);
                self.carried.retain(|configuration| !configuration.has(failed.slot));
                self.free.push(failed.slot);
                if self.carried.is_empty() {
                    self.standing = Standing::Violation { operation };
                }
            }
        }
    }

    /// Moves a pending operation from its slot to its kind: where it was taken, one of the
    /// kind was used.
    fn lose(&mut self, place: usize) {
        let lost = self.pending.remove(place);
        self.free.push(lost.slot);
        if lost.reads_only {
            self.carried.iter_mut().for_each(|configuration| configuration.release(lost.slot));
            return;
        }
        let kind = self.kind_of(lost.op, lost.class);
        let Self { carried, counts, .. } = self;
        for configuration in carried {
            if configuration.has(lost.slot) {
                configuration.release(lost.slot);
                configuration.used = counts.increment(configuration.used, kind);
            }
        }
    }

    fn add_to_kind(&mut self, op: M::Op) {
        if !self.model.reads_only(&op) {
            let class = self.classes.of(self.model.kind(&op));
            self.kind_of(op, class);
        }
    }

    /// Counts one more of a kind; its number.
    fn kind_of(&mut self, op: M::Op, class: u32) -> u32 {
        if let Some(&kind) = self.kind_of_class.get(&class) {
            self.kinds[kind as usize].begun += 1;
            return kind;
        }
        let kind = self.kinds.len() as u32;
        self.kinds.push(Kind { op, class, begun: 1 });
        self.kind_of_class.insert(class, kind);
        while !self.counts.has_room(self.kinds.len()) {
            self.counts.grow();
            for configuration in &mut self.carried {
                configuration.used = self.counts.raise(configuration.used);
            }
        }
        kind
    }
}
