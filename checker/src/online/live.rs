//! Any object of one key, judged by search while its history grows.
//!
//! The breadth-first search of [`frontiers`](crate::frontiers) over one specification that
//! knows the operations of all models of one key. It takes whatever the monitors of this
//! module do not: values that repeat, owners of locks, sets read whole, text, queues.
//!
//! Exact, but for the delay: while a read, a dequeue or a compare-and-set is in flight nobody
//! knows what it does, and everything after its beginning waits until it ends. Memory: the
//! configurations carried and their states, so it grows with the concurrency and with the
//! indeterminate operations nobody has seen the effect of; what no configuration needs any
//! more is forgotten now and then. Past a budget the object is given up, and the check of
//! the whole history decides.

mod deeds;
mod spec;

use rustc_hash::FxHashMap;

use self::deeds::{begun, ended};
use self::spec::{Deed, LiveOp, LiveSpec};
use super::objects::{Judge, Stop};
use crate::frontiers::{Ending, Frontiers, Standing};
use crate::history::Recorded;
use crate::model::ModelName;
use crate::procedure::Conflict;
use crate::verdict::{Contradiction, OperationId};

/// Configurations that may be met at one completion: milliseconds to a second.
const CONFIGURATIONS_MAX: u64 = 50_000;
/// Bytes one object may take: its states, configurations and effects.
const BYTES_MAX: usize = 64 << 20;
/// Bytes of an effect that is told from others, approximately.
const EFFECT_BYTES: usize = 64;
/// Bytes more than twice those kept last time that make it worth forgetting again.
const SLACK: usize = 1 << 18;

/// The search over one object.
pub(super) struct Live {
    model: ModelName,
    frontiers: Frontiers<LiveSpec>,
    /// Deeds of equal effect have one number.
    effects: FxHashMap<Deed, u32>,
    next_effect: u32,
    /// Bytes after which it is worth forgetting again.
    crowded: usize,
    slack: usize,
    bytes_max: usize,
}

impl Live {
    /// An object in its initial state; `None` if `model` is not about one key.
    pub(super) fn new(model: ModelName) -> Option<Self> {
        Self::within(model, SLACK, CONFIGURATIONS_MAX, BYTES_MAX)
    }

    fn within(
        model: ModelName,
        slack: usize,
        configurations_max: u64,
        bytes_max: usize,
    ) -> Option<Self> {
        let spec = LiveSpec::of(model)?;
        Some(Self {
            model,
            frontiers: Frontiers::new(spec, configurations_max),
            effects: FxHashMap::default(),
            next_effect: 0,
            crowded: slack,
            slack,
            bytes_max,
        })
    }

    fn op(&mut self, deed: Deed) -> LiveOp {
        let next = self.next_effect;
        let effect = *self.effects.entry(deed.clone()).or_insert(next);
        self.next_effect += u32::from(effect == next);
        LiveOp { deed, effect }
    }

    fn bytes(&self) -> usize {
        self.frontiers.bytes() + EFFECT_BYTES * self.effects.capacity()
    }

    /// Forgets what is not needed any more, now and then.
    fn tidy(&mut self) -> Result<(), Stop> {
        if self.bytes() <= self.crowded {
            return Ok(());
        }
        self.frontiers.forget();
        self.effects = FxHashMap::default();
        let kept = self.bytes();
        self.crowded = 2 * kept + self.slack;
        match kept > self.bytes_max {
            true => Err(Stop::Unjudged("searching it takes too much memory")),
            false => Ok(()),
        }
    }

    fn judged(&mut self, standing: Standing) -> Result<(), Stop> {
        match standing {
            Standing::Violation { operation } => Err(Stop::Violation {
                operation: OperationId(operation),
                conflict: Conflict::new(Contradiction::NoOrder, [operation]),
            }),
            Standing::Exhausted => Err(Stop::Unjudged("searching it takes too much work")),
            Standing::Open => self.tidy(),
        }
    }
}

impl Judge for Live {
    fn invoke(&mut self, id: OperationId, operation: Recorded<'_>) -> Result<(), Stop> {
        let op = begun(self.model, operation).map_err(Stop::Unjudged)?;
        let op = op.map(|deed| self.op(deed));
        let standing = self.frontiers.invoke(id.0, op);
        self.judged(standing)
    }

    fn complete(&mut self, id: OperationId, operation: Recorded<'_>) -> Result<(), Stop> {
        let ending = match ended(self.model, operation).map_err(Stop::Unjudged)? {
            Ending::Ok(deed) => Ending::Ok(self.op(deed)),
            Ending::Indeterminate(deed) => Ending::Indeterminate(self.op(deed)),
            Ending::Fail => Ending::Fail,
        };
        let standing = self.frontiers.complete(id.0, ending);
        self.judged(standing)
    }
}
