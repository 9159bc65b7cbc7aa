//! Which model judges a history that is still growing.
//!
//! The model asked for, else the header's. Where neither says, the functions seen must fit
//! one model only, or models that judge alike: what comes later must not make another model
//! the right one after a violation was told. That a history is mixed is never concluded.

use crate::history::{Name, Outcome, Recorded, View};
use crate::model::ModelName;

/// The model, as far as it is known.
pub(super) struct Choice {
    model: Option<ModelName>,
    /// Whether the functions decide.
    by: By,
    seen: Vec<Name>,
    given_up: Option<&'static str>,
}

/// What decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Nobody has looked yet.
    Unasked,
    /// Who asked, or the header.
    Name,
    /// The functions and values.
    Functions,
}

impl Choice {
    pub(super) fn new(asked: Option<ModelName>) -> Self {
        let by = if asked.is_some() { By::Name } else { By::Unasked };
        Self { model: asked, by, seen: Vec::new(), given_up: None }
    }

    /// The model, once it is known.
    pub(super) fn model(&self) -> Option<ModelName> {
        self.model
    }

    /// Why nothing is judged any more.
    pub(super) fn given_up(&self) -> Option<&'static str> {
        self.given_up
    }

    /// Nothing is judged any more.
    pub(super) fn give_up(&mut self, why: &'static str) {
        self.given_up.get_or_insert(why);
    }

    /// Takes note of the function of an operation that begins.
    pub(super) fn see_invocation(&mut self, operation: Recorded<'_>) {
        if self.by == By::Unasked {
            self.ask_header(operation);
        }
        if self.seen.contains(&operation.f) {
            return;
        }
        self.seen.push(operation.f);
        if self.by == By::Functions && self.model.is_none() {
            self.model = match self.fitting(operation).as_slice() {
                [model] => Some(*model),
                fitting if !fitting.is_empty() && fitting.iter().all(is_register) => {
                    Some(ModelName::CasRegister)
                }
                // The functions never tell them apart: the first is meant.
                [ModelName::Queue, ModelName::Bag] => Some(ModelName::Queue),
                _ => None,
            };
        }
    }

    /// Takes note of a value, which may tell what the functions do not.
    pub(super) fn see_completion(&mut self, operation: Recorded<'_>) {
        let tells = self.by == By::Functions
            && self.model.is_none()
            && operation.f() == "read"
            && operation.outcome == Outcome::Ok;
        if tells && self.fitting(operation) == [ModelName::Set, ModelName::Counter] {
            self.model = match operation.result() {
                View::Integer(_) => Some(ModelName::Counter),
                View::List(_) => Some(ModelName::Set),
                _ => None,
            };
        }
    }

    /// The model of a key, once it is known: in a mixed history the one that the key names.
    pub(super) fn model_of(&self, key: Option<&str>) -> Option<ModelName> {
        match self.model {
            Some(ModelName::Mixed) => key.and_then(ModelName::of_key),
            model => model,
        }
    }

    /// Why an operation ends judging altogether, if it does.
    pub(super) fn foreign(&mut self, operation: Recorded<'_>) -> Option<&'static str> {
        self.model?;
        let Some(model) = self.model_of(operation.key()) else {
            self.give_up("the key of an operation names no model");
            return self.given_up;
        };
        if !model.functions().contains(&operation.f()) && !self.fits_later(operation) {
            self.given_up.get_or_insert("an operation is none of the model");
        }
        let transactions = matches!(model, ModelName::TxnAppend | ModelName::TxnRegister);
        if transactions && operation.key.is_some() && self.model != Some(ModelName::Mixed) {
            // They are one object, whatever keys they name.
            self.given_up.get_or_insert("transactions name keys of their own");
        }
        if model == ModelName::Kv && operation.key.is_none() {
            self.given_up.get_or_insert("an operation is on several keys at once");
        }
        self.given_up
    }

    /// Whether the functions seen still fit a model that judges alike.
    fn fits_later(&self, operation: Recorded<'_>) -> bool {
        self.by == By::Functions && self.fitting(operation).iter().any(is_register)
    }

    fn ask_header(&mut self, operation: Recorded<'_>) {
        let header = operation.history().header.as_ref().map(|header| header.model.as_str());
        self.by = By::Functions;
        if let Some(name) = header.filter(|name| !name.is_empty()) {
            self.by = By::Name;
            match name.parse() {
                Ok(model) => self.model = Some(model),
                Err(_) => self.given_up = Some("the header names no known model"),
            }
        }
    }

    /// The models that know all functions seen.
    fn fitting(&self, operation: Recorded<'_>) -> Vec<ModelName> {
        let names = &operation.history().names;
        let knows_all = |model: &ModelName| {
            self.seen.iter().all(|f| model.functions().contains(&names.get(*f)))
        };
        // Keys tell that a history is mixed, and only who asked or the header says so.
        let single = |model: &ModelName| *model != ModelName::Mixed;
        ModelName::ALL.iter().copied().filter(single).filter(knows_all).collect()
    }
}

fn is_register(model: &ModelName) -> bool {
    matches!(model, ModelName::Register | ModelName::CasRegister | ModelName::Kv)
}
