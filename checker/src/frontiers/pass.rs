//! Past one completion: from the configurations before it to those after it.

use super::{Frontiers, Standing};
use crate::fault::planted;
use crate::model::{Indeterminate, Model};
use crate::search::counts::Counts;
use crate::search::visited::{Configuration, Visited};

/// The configurations met on the way past a completion.
struct Passing {
    /// The slot of the operation that ended.
    slot: u32,
    /// Configurations that have not taken it.
    before: Visited,
    /// Those of `before` still to be extended.
    open: Vec<u32>,
    /// Configurations past the completion.
    after: Visited,
}

impl<M: Model> Frontiers<M> {
    /// Carries the configurations past the completion of the pending operation at `place`.
    pub(super) fn pass(&mut self, place: usize) {
        let mut passing = Passing {
            slot: self.pending[place].slot,
            before: Visited::new(self.slots),
            open: Vec::new(),
            after: std::mem::replace(&mut self.reached, Visited::new(0)),
        };
        passing.after.reset(self.slots);
        let mut current = Configuration::start(0, self.slots);
        for configuration in std::mem::take(&mut self.carried) {
            current.clone_from(&configuration);
            self.reach(&mut current, &mut passing);
        }
        while let Some(number) = passing.open.pop() {
            let met = u64::from(passing.before.len()) + u64::from(passing.after.len());
            if met > self.configurations_max {
                self.standing = Standing::Exhausted;
                return;
            }
            passing.before.read(number, &mut current);
            self.extend(&current, &mut passing);
        }
        self.carried = (0..passing.after.len())
            .map(|number| {
                passing.after.read(number, &mut current);
                current.clone()
            })
            .collect();
        self.reached = passing.after;
        if self.carried.is_empty() {
            self.standing = Standing::Violation { operation: self.pending[place].operation };
        }
    }

    /// Takes each operation that may come next.
    fn extend(&mut self, from: &Configuration, passing: &mut Passing) {
        let mut next = Vec::new();
        for index in 0..self.pending.len() {
            let pending = &self.pending[index];
            if pending.reads_only || from.has(pending.slot) {
                continue;
            }
            let (op, class, slot) = (&pending.op, pending.class, pending.slot);
            if needless(from, |state| self.steps.is_legal(&self.model, state, op, class)) {
                continue;
            }
            self.steps.take(&self.model, from.state, op, class, &mut next);
            for &state in &next {
                let mut to = Configuration { state, before: 0, ..from.clone() };
                to.take(slot);
                self.reach(&mut to, passing);
            }
        }
        for index in 0..self.kinds.len() {
            let kind = &self.kinds[index];
            let (op, class) = (&kind.op, kind.class);
            let used = self.counts.get(from.used, index as u32);
            if used >= kind.begun && !(planted("frontiers: used again and again") && used < 4) {
                continue;
            }
            if needless(from, |state| self.steps.is_legal(&self.model, state, op, class)) {
                continue;
            }
            self.steps.take(&self.model, from.state, op, class, &mut next);
            // What changes nothing need not have happened.
            for &state in next.iter().filter(|&&state| state != from.state) {
                let used = self.counts.increment(from.used, index as u32);
                let mut to = Configuration { state, used, before: 0, ..from.clone() };
                if self.model.indeterminate() == Indeterminate::WhenNeeded
                    || planted("frontiers: need is asked of every model")
                {
                    to.before = from.state + 1;
                }
                self.reach(&mut to, passing);
            }
        }
    }

    /// Takes what can be read and keeps the configuration, if it is new.
    fn reach(&mut self, configuration: &mut Configuration, passing: &mut Passing) {
        for pending in &self.pending {
            if !pending.reads_only || configuration.has(pending.slot) {
                continue;
            }
            let (op, class) = (&pending.op, pending.class);
            if self.steps.is_legal(&self.model, configuration.state, op, class)
                || planted("frontiers: a read is taken in a wrong state")
            {
                configuration.take(pending.slot);
                // It was illegal before what came last.
                configuration.before = 0;
            }
        }
        keep(configuration, passing, &self.counts);
    }
}

/// Whether an operation, by what tells where it is legal, could as well come before the
/// indeterminate one just used.
fn needless(from: &Configuration, is_legal: impl FnOnce(u32) -> bool) -> bool {
    from.before != 0 && is_legal(from.before - 1)
}

fn keep(configuration: &mut Configuration, passing: &mut Passing, counts: &Counts) {
    if configuration.has(passing.slot) {
        if !planted("frontiers: a mask bit stays") {
            configuration.release(passing.slot);
        }
        configuration.before = 0;
        passing.after.insert(configuration, counts);
    } else if let Some(number) = passing.before.insert(configuration, counts) {
        passing.open.push(number);
    }
}
