//! The operations that a counterexample names.

use rustc_hash::FxHashSet;

use super::Flaw;
use super::enumerate::{Member, Presence};
use super::objects::Object;
use super::rules::{self, Rules};
use crate::history::{History, Outcome};
use crate::verdict::OperationId;

/// The named operations with what they mean.
pub(super) struct Chosen<Deed> {
    pub(super) operations: Vec<(OperationId, Deed)>,
    pub(super) ids: FxHashSet<OperationId>,
}

impl<Deed: Clone> Chosen<Deed> {
    /// Reads the operations named: each is of the object, is named once, and takes part.
    pub(super) fn read<R: Rules<Deed = Deed>>(
        rules: &R,
        history: &History,
        object: &Object<'_>,
        named: &[OperationId],
    ) -> Result<Self, Flaw> {
        let mut ids = FxHashSet::default();
        let mut operations = Vec::with_capacity(named.len());
        for &id in named {
            object.claims(id)?;
            if !ids.insert(id) {
                return Err(Flaw::Repeated(id));
            }
            let deed =
                rules::part(rules, history, id)?.ok_or_else(|| match history.get(id).outcome {
                    Outcome::Fail => Flaw::Failed(id),
                    Outcome::Ok | Outcome::Info => Flaw::NothingReturned(id),
                })?;
            operations.push((id, deed));
        }
        Ok(Self { operations, ids })
    }

    /// Whether the operation is named.
    pub(super) fn has(&self, id: OperationId) -> bool {
        self.ids.contains(&id)
    }
}

/// The operation as enumeration takes it.
pub(super) fn member<Deed>(history: &History, id: OperationId, deed: Deed) -> Member<Deed> {
    let operation = history.get(id);
    Member {
        deed,
        began: operation.invoked.position(),
        ended: rules::end(operation),
        presence: if rules::is_required(operation) {
            Presence::Required
        } else {
            Presence::Optional
        },
    }
}

/// The operations of the object that take part, with what they mean.
pub(super) fn taking_part<R: Rules>(
    rules: &R,
    history: &History,
    object: &Object<'_>,
) -> Result<Vec<(OperationId, R::Deed)>, Flaw> {
    let mut whole = Vec::new();
    for &id in object.members {
        whole.extend(rules::part(rules, history, id)?.map(|deed| (id, deed)));
    }
    Ok(whole)
}
