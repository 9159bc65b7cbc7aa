//! Checking a whole history: which model, which objects, which procedure, which verdict.
//!
//! Owns the decision which procedure an object gets: the near-linear one of its model where
//! that finds its preconditions met, general search everywhere else. The procedures know
//! nothing of histories.

mod choice;
mod decide;
mod error;
mod families;
mod numbers;
mod objects;
mod reading;
mod revisions;
mod subjects;
mod unread;

pub use error::CheckError;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::history::History;
use crate::model::ModelName;
use crate::procedure::{Conflict, Decision};
use crate::verdict::{Analysis, KeyAnalysis, OperationId, Verdict};
use choice::choose_model;
use families::{Begun, Family, families};
use subjects::Subject;
use unread::Unread;

/// How to check.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions<'a> {
    /// The model; without one the header or else the functions seen decide.
    pub model: Option<ModelName>,
    /// How much work may be spent.
    pub budget: Budget<'a>,
}

/// How much work may be spent before a key is left `unknown`.
///
/// The near-linear procedures need none of it; only search does.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// Configurations a search may visit per key.
    pub configurations: u64,
    /// Bytes the searches may use at a time; approximate.
    pub memory_bytes: u64,
    /// Set by a caller with a clock to end the work; what is undecided is then `unknown`.
    /// A search sees it before each step, the linear procedures only between keys.
    pub stop: Option<&'a AtomicBool>,
}

impl Budget<'_> {
    /// The default of [`Budget::configurations`]: seconds, not minutes, and commonly less
    /// than a hundred megabytes; [`search`](crate::search::search()) tells what one takes.
    pub const CONFIGURATIONS_DEFAULT: u64 = 1_000_000;

    /// The default of [`Budget::memory_bytes`]: a gibibyte.
    pub const MEMORY_BYTES_DEFAULT: u64 = 1 << 30;

    /// Whether the caller asked to end the work.
    pub fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self {
            configurations: Self::CONFIGURATIONS_DEFAULT,
            memory_bytes: Self::MEMORY_BYTES_DEFAULT,
            stop: None,
        }
    }
}

/// Checks every object of `history` against the model.
///
/// Objects, which mostly are keys, are independent of each other: a history is linearizable
/// iff each is (Herlihy & Wing 1990, locality). They are decided in parallel, on the current
/// rayon pool. An undecided one does not keep others from being checked, and neither does one
/// on which a system returned what none of its functions returns: it is left unknown. Cost: near-linear,
/// apart from objects that need search, which are bounded by the budget.
///
/// # Errors
/// Operations that no model, or not the chosen model, knows; never what they returned, except
/// where nothing but what reads return tells the model, and it tells two.
pub fn check(history: &History, options: &CheckOptions<'_>) -> Result<Analysis, CheckError> {
    let model = choose_model(history, options.model)?;
    let objects = objects::divide(history, model)?;
    let begin = |family: Family| family.begin(history, &options.budget);
    let begun: Vec<Box<dyn Begun>> =
        families(objects).into_iter().map(begin).collect::<Result<_, _>>()?;
    let searching = begun.iter().filter(|family| family.needs_search()).count();
    let share = options.budget.memory_bytes / u64::max(searching as u64, 1);
    let budget = Budget { memory_bytes: share, ..options.budget };
    let concluded: Vec<Vec<(usize, KeyAnalysis)>> =
        begun.into_par_iter().map(|family| family.conclude(history, &budget)).collect();
    let mut keys: Vec<(usize, KeyAnalysis)> = concluded.into_iter().flatten().collect();
    keys.sort_unstable_by_key(|(place, _)| *place);
    let keys: Vec<KeyAnalysis> = keys.into_iter().map(|(_, key)| key).collect();
    let verdicts = keys.iter().map(|key| key.conclusion.verdict());
    let verdict = verdicts.max().unwrap_or(Verdict::Linearizable);
    Ok(Analysis { verdict, model: model.to_string(), keys })
}

/// What contradicts what among these transactions of a history that may still grow, as far as
/// the near-linear procedure tells; operations are named by their ids.
///
/// # Errors
/// Operations that the model does not know, and results that none returns.
pub(crate) fn violation_so_far(
    history: &History,
    model: ModelName,
    members: &[OperationId],
) -> Result<Option<Conflict>, Unread> {
    let object = objects::Object { key: None, model, members: members.to_vec() };
    let subject = subjects::TransactionsSubject::read(history, model, &object)?;
    let Decision::Violation(conflict) = subject.decide() else { return Ok(None) };
    let ids = subject.ids();
    let named = conflict.operations.iter().map(|position| ids[*position as usize].0);
    Ok(Some(Conflict::new(conflict.kind, named)))
}
