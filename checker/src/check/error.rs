//! Why a history cannot be checked.

use thiserror::Error;

use crate::explain::show;
use crate::history::Recorded;
use crate::model::{ModelName, UnknownModel};
use crate::verdict::OperationId;

/// Why a history cannot be checked at all; messages complete "failed to ...".
///
/// All of it is about what was asked for. A result that is nothing its function returns leaves
/// the object it was returned on without a verdict, and is no error.
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
    /// A history that does not say its model, and whose reads are of several.
    #[error(
        "choose between the models set and counter: operation {} is a read that returned a list \
         and operation {} one that returned a number; name the model",
        .list.0, .number.0
    )]
    SetOrCounter {
        /// The first read that returned a list.
        list: OperationId,
        /// The first read that returned a number.
        number: OperationId,
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
    /// An operation that is about one key and does not name it.
    #[error(
        "judge operation {} (process {process}): it invokes `{f}` without a key, and only reads \
         and writes can be about several",
        .operation.0
    )]
    KeyMissing {
        /// The operation.
        operation: OperationId,
        /// Whose.
        process: u64,
        /// Its function.
        f: String,
    },
    /// An operation of a mixed history whose key names no model.
    #[error(
        "judge operation {} (process {process}): it invokes `{f}` {}, expected a key MODEL/REST \
         such as `register/17`, whose model judges it; known: {}",
        .operation.0, on_key(.key.as_deref()), models_of_keys()
    )]
    KeyNamesNoModel {
        /// The operation.
        operation: OperationId,
        /// Whose.
        process: u64,
        /// Its function.
        f: String,
        /// Its key, if it has one.
        key: Option<String>,
    },
    /// An operation whose argument has not the shape its function takes.
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
        /// The value found, as JSON, cut short.
        found: String,
        /// The shape the function takes.
        expected: &'static str,
    },
}

fn known_functions() -> String {
    let known: Vec<String> = ModelName::ALL
        .iter()
        .filter(|model| **model != ModelName::Mixed)
        .map(|model| format!("{model} ({})", model.functions().join(", ")))
        .collect();
    known.join("; ")
}

fn on_key(key: Option<&str>) -> String {
    key.map_or_else(|| "without a key".to_owned(), |key| format!("on key `{key}`"))
}

fn models_of_keys() -> String {
    let models = ModelName::ALL.iter().filter(|model| **model != ModelName::Mixed);
    let names: Vec<&str> = models.map(|model| model.as_str()).collect();
    names.join(", ")
}

impl CheckError {
    /// An operation of a mixed history whose key names no model.
    pub(super) fn key_names_no_model(id: OperationId, recorded: Recorded<'_>) -> Self {
        Self::KeyNamesNoModel {
            operation: id,
            process: recorded.process,
            f: recorded.f().to_owned(),
            key: recorded.key().map(str::to_owned),
        }
    }

    /// An operation whose function the model does not know.
    pub(super) fn unknown_function(
        id: OperationId,
        recorded: Recorded<'_>,
        model: ModelName,
    ) -> Self {
        Self::UnknownFunction {
            operation: id,
            process: recorded.process,
            f: recorded.f().to_owned(),
            model,
        }
    }

    /// An operation whose argument has not the shape its function takes.
    pub(super) fn argument(
        id: OperationId,
        recorded: Recorded<'_>,
        expected: &'static str,
    ) -> Self {
        Self::Value {
            operation: id,
            process: recorded.process,
            f: recorded.f().to_owned(),
            found: show(recorded, recorded.argument),
            expected,
        }
    }
}
