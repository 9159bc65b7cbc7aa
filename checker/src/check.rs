//! Checking a whole history: which model, which objects, which procedure, which verdict.
//!
//! Owns the decision which procedure an object gets: the near-linear one of its model where
//! that finds its preconditions met, general search everywhere else. The procedures know
//! nothing of histories.

mod choice;
mod decide;
mod error;
mod numbers;
mod objects;
mod reading;
mod revisions;
mod subjects;

pub use error::CheckError;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::history::{History, Name};
use crate::model::ModelName;
use crate::verdict::{Analysis, KeyAnalysis, Verdict};
use choice::choose_model;
use decide::{Stage, conclude, conclude_revisions, search_all, without_search};
use objects::Object;
use revisions::Revisions;
use subjects::{
    BankSubject, CounterSubject, IdsSubject, ListSubject, MapSubject, MutexSubject, QueueSubject,
    RegisterSubject, SetSubject, Subject, TextSubject, TransactionsSubject,
};

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
/// rayon pool. An undecided one does not keep others from being checked. Cost: near-linear,
/// apart from objects that need search, which are bounded by the budget.
///
/// # Errors
/// Operations that no model, or not the chosen model, can explain.
pub fn check(history: &History, options: &CheckOptions<'_>) -> Result<Analysis, CheckError> {
    let model = choose_model(history, options.model)?;
    let objects = objects::divide(history, model);
    let budget = &options.budget;
    let keys = match model {
        ModelName::Kv if objects::is_whole(history, model) => {
            check_objects::<MapSubject>(history, model, objects, budget)?
        }
        ModelName::Register | ModelName::CasRegister | ModelName::Kv => {
            check_objects::<RegisterSubject>(history, model, objects, budget)?
        }
        ModelName::KvAppend => check_objects::<TextSubject>(history, model, objects, budget)?,
        ModelName::ListAppend => check_objects::<ListSubject>(history, model, objects, budget)?,
        ModelName::Set => check_objects::<SetSubject>(history, model, objects, budget)?,
        ModelName::Counter => check_objects::<CounterSubject>(history, model, objects, budget)?,
        ModelName::Queue | ModelName::Bag => {
            check_objects::<QueueSubject>(history, model, objects, budget)?
        }
        ModelName::Mutex => check_objects::<MutexSubject>(history, model, objects, budget)?,
        ModelName::Ids => check_objects::<IdsSubject>(history, model, objects, budget)?,
        ModelName::Bank => check_objects::<BankSubject>(history, model, objects, budget)?,
        ModelName::TxnAppend | ModelName::TxnRegister => {
            check_objects::<TransactionsSubject>(history, model, objects, budget)?
        }
    };
    let verdicts = keys.iter().map(|key| key.conclusion.verdict());
    let verdict = verdicts.max().unwrap_or(Verdict::Linearizable);
    Ok(Analysis { verdict, model: model.to_string(), keys })
}

/// The key of an object, and what its revisions show.
type Told = (Option<Name>, Option<Revisions>);

/// Checks objects of one family of models.
fn check_objects<S: Subject>(
    history: &History,
    model: ModelName,
    objects: Vec<Object>,
    budget: &Budget<'_>,
) -> Result<Vec<KeyAnalysis>, CheckError> {
    let read_and_decide = |object: Object| {
        let subject = S::read(history, model, &object)?;
        let (stage, revisions) = without_search(history, subject, budget);
        Ok((stage, (object.key, revisions)))
    };
    // Of several errors the first in the order of the objects is told.
    let decided: Vec<Result<_, CheckError>> =
        objects.into_par_iter().map(read_and_decide).collect();
    let decided: Vec<(Stage<S>, _)> = decided.into_iter().collect::<Result<_, _>>()?;
    let (stages, told): (Vec<Stage<S>>, Vec<Told>) = decided.into_iter().unzip();
    let stages = search_all(stages, budget);
    Ok(told
        .into_iter()
        .zip(stages)
        .map(|((key, revisions), stage)| {
            let ids = stage.subject().ids();
            let revisions = revisions.map(|found| conclude_revisions(history, ids, found));
            let (procedure, operations, conclusion) = conclude(history, model, stage);
            let key = key.map(|key| history.names.get(key).to_owned());
            let procedure = procedure.to_owned();
            KeyAnalysis { key, operations, procedure, revisions, conclusion }
        })
        .collect())
}
