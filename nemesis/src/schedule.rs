//! When which fault begins and how long it lasts.
//!
//! A [`Schedule`] is data: it is written into the plan, read back to replay a run, and shrunk by
//! leaving steps out. One is drawn by chance ([`Schedule::random`]) or directed: written by hand,
//! with patterns that repeat and faults that overlap. Random choices that need the live cluster
//! (who leads, who runs) are not made here; each [`Step`] carries the seed they are made from.

mod draw;
mod repeat;

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, FaultSet, Member};

pub use repeat::Repeat;

/// The shortest fault: what is shorter is over before anything notices.
pub const LASTS_MIN: Duration = Duration::from_millis(20);
/// The most faults of one run, patterns included.
pub const STEPS_MAX: usize = 10_000;

/// One fault of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When it begins, from the start of the schedule.
    #[serde(rename = "at_ms", with = "millis")]
    pub at: Duration,
    /// How long it is in force before it is undone; longer where its evidence takes longer.
    #[serde(rename = "lasts_ms", with = "millis")]
    pub lasts: Duration,
    /// What is done.
    pub fault: Fault,
    /// What decides the choices left to the moment it begins; below 2^32, so that TOML holds it.
    #[serde(default)]
    pub seed: u64,
}

impl Step {
    /// When it ends, from the start of the schedule.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.at.saturating_add(self.lasts)
    }
}

/// The faults of a run.
///
/// Steps overlap where their times do, and only there: a step that begins when another has ended
/// waits until that is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Faults that happen once.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Patterns that repeat beside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeat: Vec<Repeat>,
}

/// A schedule that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A fault names a node that the cluster does not have.
    #[error("carry out `{fault}`: there is no node `{name}`")]
    UnknownNode {
        /// The fault.
        fault: String,
        /// The name.
        name: String,
    },
    /// A fault has no place for anybody, or the same for two.
    #[error("carry out `{fault}`: {why}")]
    Places {
        /// The fault.
        fault: String,
        /// What is wrong with its places.
        why: &'static str,
    },
    /// A fault is too short.
    #[error("carry out `{fault}` in {} ms: a fault lasts at least {} ms", lasts.as_millis(), LASTS_MIN.as_millis())]
    TooShort {
        /// The fault.
        fault: String,
        /// How long it is to last.
        lasts: Duration,
    },
    /// A pattern repeats without end.
    #[error("repeat a pattern every {} ms: at least every {} ms", every.as_millis(), LASTS_MIN.as_millis())]
    TooOften {
        /// The time from one repetition to the next.
        every: Duration,
    },
    /// There are more faults than a run takes.
    #[error("carry out more than {STEPS_MAX} faults: repeat less often, or not so long")]
    TooMany,
}

impl Schedule {
    /// Draws the schedule of a run of length `run` over a cluster of `nodes`.
    ///
    /// Depends on the arguments alone; no step overlaps the next. Kinds, and the targets and
    /// shapes within a kind, come from shuffled decks rather than independent draws, so a 30 s run
    /// meets each of three kinds at least twice; the first card of each kind strikes the leader. Faults
    /// that mean nothing for so few nodes are left out: a single node is never partitioned.
    #[must_use]
    pub fn random(seed: u64, faults: &FaultSet, nodes: usize, run: Duration) -> Self {
        Self { steps: draw::draw(seed, faults, nodes, run), repeat: Vec::new() }
    }

    /// `pattern` again and again, once `every` so long, from the beginning of `within` to its end.
    ///
    /// The times of the pattern count from the beginning of each repetition.
    #[must_use]
    pub fn repeat(pattern: Vec<Step>, every: Duration, within: std::ops::Range<Duration>) -> Self {
        let repeat = Repeat {
            from: within.start,
            until: within.end,
            every,
            jitter: Duration::ZERO,
            steps: pattern,
        };
        Self { steps: Vec::new(), repeat: vec![repeat] }
    }

    /// The same faults at the same times, with what is left to chance chosen anew from `seed`.
    #[must_use]
    pub fn reseeded(mut self, seed: u64) -> Self {
        let patterns = self.repeat.iter_mut().flat_map(|repeat| &mut repeat.steps);
        for step in self.steps.iter_mut().chain(patterns) {
            let own = seed ^ step.seed.rotate_left(32);
            step.seed = u64::from(ChaCha8Rng::seed_from_u64(own).random::<u32>());
        }
        self
    }

    /// Both together.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self.repeat.extend(other.repeat);
        self
    }

    /// True when there is no fault in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.repeat.iter().all(|repeat| repeat.steps.is_empty())
    }

    /// Every fault of the run, patterns written out, in the order they begin.
    ///
    /// At most [`STEPS_MAX`]; a schedule that passed [`Schedule::check`] has no more.
    #[must_use]
    pub fn unrolled(&self) -> Vec<Step> {
        let repeated = self.repeat.iter().flat_map(Repeat::unrolled);
        let mut steps: Vec<Step> =
            self.steps.iter().cloned().chain(repeated).take(STEPS_MAX).collect();
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// Checks that the schedule can be carried out on nodes of these names.
    ///
    /// # Errors
    /// Names the first fault that cannot, and why.
    pub fn check(&self, names: &[String]) -> Result<(), ScheduleError> {
        let mut count = self.steps.len();
        for repeat in &self.repeat {
            if repeat.every < LASTS_MIN {
                return Err(ScheduleError::TooOften { every: repeat.every });
            }
            count = count.saturating_add(repeat.count());
        }
        if count > STEPS_MAX {
            return Err(ScheduleError::TooMany);
        }
        let patterns = self.repeat.iter().flat_map(|repeat| &repeat.steps);
        self.steps.iter().chain(patterns).try_for_each(|step| check_step(step, names))
    }
}

fn check_step(step: &Step, names: &[String]) -> Result<(), ScheduleError> {
    let fault = || step.fault.to_string();
    if step.lasts < LASTS_MIN {
        return Err(ScheduleError::TooShort { fault: fault(), lasts: step.lasts });
    }
    let groups = step.fault.groups();
    if groups.iter().any(|group| group.is_empty()) {
        return Err(ScheduleError::Places { fault: fault(), why: "it names nobody" });
    }
    let members = groups.concat();
    for (place, member) in members.iter().enumerate() {
        if let Member::Node(name) = member
            && !names.contains(name)
        {
            return Err(ScheduleError::UnknownNode { fault: fault(), name: name.clone() });
        }
        // Several others are several nodes; all else there is once.
        if *member != Member::Other && members[..place].contains(member) {
            return Err(ScheduleError::Places { fault: fault(), why: "it names one place twice" });
        }
    }
    Ok(())
}

/// Durations as whole milliseconds, which TOML and JSON both hold.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
