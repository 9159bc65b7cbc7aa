//! Checking a whole history: which model, which keys, which procedure, which verdict.
//!
//! Owns the decision which procedure a key gets: the linear one only where every value
//! written to the key, successfully or not, is different from all others and from the
//! initial one; general search everywhere else. The procedures know nothing of histories.

mod decide;
mod key;
mod reading;
mod values;

use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::history::{History, Name};
use crate::model::{ModelName, UnknownModel};
use crate::verdict::{Analysis, KeyAnalysis, OperationId, Verdict};
use key::Translation;

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

/// Why a history cannot be checked at all; messages complete "failed to ...".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// The header names a model that does not exist.
    #[error("use the model that the header names; choose one explicitly")]
    HeaderModel {
        /// The name and the known ones.
        #[from]
        source: UnknownModel,
    },
    /// No model knows all functions of the history.
    #[error(
        "judge operation {} (process {process}): no model knows its function `{f}` together \
         with the others of the history; known: {}",
        .operation.0, known_functions()
    )]
    NoModel {
        /// The first operation no model explains.
        operation: OperationId,
        /// Whose.
        process: u64,
        /// Its function.
        f: String,
    },
    /// An operation the model does not know.
    #[error(
        "judge operation {} (process {process}): it invokes `{f}`, but model `{model}` knows only {}; \
         choose another model",
        .operation.0, .model.functions().join(", ")
    )]
    UnknownFunction {
        /// The operation.
        operation: OperationId,
        /// Whose.
        process: u64,
        /// Its function.
        f: String,
        /// The model.
        model: ModelName,
    },
    /// An operation whose value has not the shape its function takes.
    #[error(
        "judge operation {} (process {process}): it invokes `{f}` with value {found}, expected \
         {expected}",
        .operation.0
    )]
    Value {
        /// The operation.
        operation: OperationId,
        /// Whose.
        process: u64,
        /// Its function.
        f: String,
        /// The value found, as JSON.
        found: String,
        /// The shape the function takes.
        expected: &'static str,
    },
}

fn known_functions() -> String {
    let known: Vec<String> = ModelName::ALL
        .iter()
        .map(|model| format!("{model} ({})", model.functions().join(", ")))
        .collect();
    known.join("; ")
}

/// Checks every key of `history` against the model.
///
/// Keys are independent of each other: a history is linearizable iff each key is
/// (Herlihy & Wing 1990, locality). An undecided key does not keep others from being
/// checked. Cost: linear, apart from keys that need search, which are bounded by the budget.
///
/// # Errors
/// Operations that no model, or not the chosen model, can explain.
pub fn check(history: &History, options: &CheckOptions<'_>) -> Result<Analysis, CheckError> {
    let model = choose_model(history, options.model)?;
    let mut keys = Vec::new();
    for (name, key) in translate(history, model)? {
        let key = key.finish();
        let (procedure, conclusion) = decide::decide(history, &key, &options.budget);
        keys.push(KeyAnalysis {
            key: name.map(str::to_owned),
            operations: key.operations.len(),
            procedure: procedure.to_owned(),
            conclusion,
        });
    }
    let verdicts = keys.iter().map(|key| key.conclusion.verdict());
    let verdict = verdicts.max().unwrap_or(Verdict::Linearizable);
    Ok(Analysis { verdict, model: model.to_string(), keys })
}

/// The model asked for, else the header's, else the first that knows all functions seen.
fn choose_model(history: &History, asked: Option<ModelName>) -> Result<ModelName, CheckError> {
    if let Some(model) = asked {
        return Ok(model);
    }
    if let Some(header) = &history.header
        && !header.model.is_empty()
    {
        return Ok(header.model.parse()?);
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut model = ModelName::ALL[0];
    for (id, operation) in history.iter() {
        if seen.contains(&operation.f()) {
            continue;
        }
        seen.push(operation.f());
        model = ModelName::knowing(&seen).ok_or_else(|| CheckError::NoModel {
            operation: id,
            process: operation.process,
            f: operation.f().to_owned(),
        })?;
    }
    Ok(model)
}

/// The operations of each key, keys by first appearance.
fn translate(
    history: &History,
    model: ModelName,
) -> Result<Vec<(Option<&str>, Translation)>, CheckError> {
    let mut numbers: FxHashMap<Option<Name>, usize> = FxHashMap::default();
    let mut keys: Vec<(Option<Name>, Translation)> = Vec::new();
    let mut number = 0;
    for (id, operation) in history.iter() {
        let name = operation.key;
        // Runs of one key, and histories of one key, need no hashing.
        if keys.get(number).is_none_or(|(current, _)| *current != name) {
            number = *numbers.entry(name).or_insert_with(|| {
                keys.push((name, Translation::new()));
                keys.len() - 1
            });
        }
        keys[number].1.push(id, operation, model)?;
    }
    let spelled = |name: Option<Name>| name.map(|name| history.names.get(name));
    Ok(keys.into_iter().map(|(name, key)| (spelled(name), key)).collect())
}
