//! One pass over a claimed linearization.
//!
//! The order is a linearization of the object iff each operation is named once, is of the
//! object and may have taken effect; each one that certainly did is named; no operation
//! comes after one that began after it had ended; and replaying from the initial state is
//! legal. The third rule needs no pairs: with `latest` the beginning that came last among
//! those already passed, some earlier operation began after this one ended iff the one that
//! began at `latest` did.
//!
//! A set whose operations are about one element each is many objects, one for each element,
//! and real time binds only within each (Herlihy & Wing 1990, locality).

use rustc_hash::FxHashMap;

use super::Flaw;
use super::objects::Object;
use super::rules::{self, Rules};
use crate::history::{History, Outcome, Value};
use crate::verdict::OperationId;

/// What real time binds.
pub(super) enum Bound<'a, Deed> {
    /// All operations of the object.
    Together,
    /// Operations on the same part, which this tells.
    PerPart(&'a dyn Fn(&Deed) -> Option<Value>),
}

/// Checks that `order` is a linearization of `object`.
///
/// `named` has a slot per operation of the history, those of this object still unset. `deed`
/// completes what the rules read off an operation by itself.
pub(super) fn verify_order<R: Rules>(
    rules: &R,
    history: &History,
    object: &Object<'_>,
    order: &[OperationId],
    named: &mut [bool],
    bound: &Bound<'_, R::Deed>,
    complete: impl Fn(OperationId, &mut R::Deed),
) -> Result<(), Flaw> {
    let mut state = rules.initial();
    let mut whole = Latest::default();
    let mut parts: FxHashMap<Value, Latest> = FxHashMap::default();
    for id in history.fetched(order) {
        object.claims(id)?;
        if std::mem::replace(&mut named[id.0 as usize], true) {
            return Err(Flaw::Repeated(id));
        }
        let operation = history.get(id);
        let Some(mut deed) = rules::part(rules, history, id)? else {
            return Err(match operation.outcome {
                Outcome::Fail => Flaw::Failed(id),
                Outcome::Ok | Outcome::Info => Flaw::NothingReturned(id),
            });
        };
        complete(id, &mut deed);
        let part = match bound {
            Bound::Together => None,
            Bound::PerPart(part) => part(&deed),
        };
        let latest = part.map_or(&mut whole, |part| parts.entry(part).or_default());
        latest.admit(id, operation.invoked.position(), rules::end(operation))?;
        if !rules.apply(&mut state, &deed) {
            return Err(Flaw::Illegal { operation: id });
        }
    }
    for &id in object.members.iter().filter(|id| !named[id.0 as usize]) {
        if rules::is_required(history.get(id)) {
            return Err(Flaw::Missing(id));
        }
        // What may be left out must still be of the model.
        rules::part(rules, history, id)?;
    }
    Ok(())
}

/// The operation passed that began last.
#[derive(Default)]
struct Latest {
    began: u32,
    operation: Option<OperationId>,
}

impl Latest {
    fn admit(&mut self, id: OperationId, began: u32, ended: Option<u32>) -> Result<(), Flaw> {
        if let (Some(late), Some(ended)) = (self.operation, ended)
            && ended < self.began
        {
            return Err(Flaw::RealTime { early: id, late });
        }
        if self.operation.is_none() || began > self.began {
            *self = Self { began, operation: Some(id) };
        }
        Ok(())
    }
}
