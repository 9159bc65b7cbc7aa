//! The objects of one model, decided together: first what needs no search, then the searches.
//!
//! A mixed history has several such families. All of them are decided as far as they can be
//! without search before any search begins, so that a hard object of one model keeps no easy
//! one of another from being judged; then they are searched side by side and share the budget.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::Budget;
use super::decide::{Stage, conclude, conclude_revisions, search_all, without_search};
use super::error::CheckError;
use super::objects::Object;
use super::revisions::Revisions;
use super::subjects::{
    BankSubject, CounterSubject, IdsSubject, ListSubject, MapSubject, MutexSubject, QueueSubject,
    RegisterSubject, SetSubject, Subject, TextSubject, TransactionsSubject,
};
use super::unread::{Misshapen, Unread};
use crate::history::{History, Name};
use crate::model::ModelName;
use crate::verdict::{Conclusion, KeyAnalysis};

/// The objects of one model.
pub(super) struct Family {
    model: ModelName,
    objects: Vec<Object>,
    /// The place of each among all objects of the history.
    places: Vec<usize>,
}

/// Objects by their models, both in the order of first appearance.
pub(super) fn families(objects: Vec<Object>) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for (place, object) in objects.into_iter().enumerate() {
        let model = object.model;
        let at = families.iter().position(|family| family.model == model).unwrap_or_else(|| {
            families.push(Family { model, objects: Vec::new(), places: Vec::new() });
            families.len() - 1
        });
        families[at].objects.push(object);
        families[at].places.push(place);
    }
    families
}

impl Family {
    /// Reads the objects and decides those that need no search.
    ///
    /// # Errors
    /// Operations that the model does not know.
    pub(super) fn begin(
        self,
        history: &History,
        budget: &Budget<'_>,
    ) -> Result<Box<dyn Begun>, CheckError> {
        match self.model {
            ModelName::Kv if self.objects.iter().any(|object| object.key.is_none()) => {
                self.of::<MapSubject>(history, budget)
            }
            ModelName::Register | ModelName::CasRegister | ModelName::Kv => {
                self.of::<RegisterSubject>(history, budget)
            }
            ModelName::KvAppend => self.of::<TextSubject>(history, budget),
            ModelName::ListAppend => self.of::<ListSubject>(history, budget),
            ModelName::Set => self.of::<SetSubject>(history, budget),
            ModelName::Counter => self.of::<CounterSubject>(history, budget),
            ModelName::Queue | ModelName::Bag => self.of::<QueueSubject>(history, budget),
            ModelName::Mutex => self.of::<MutexSubject>(history, budget),
            ModelName::Ids => self.of::<IdsSubject>(history, budget),
            ModelName::Bank => self.of::<BankSubject>(history, budget),
            ModelName::TxnAppend | ModelName::TxnRegister => {
                self.of::<TransactionsSubject>(history, budget)
            }
            ModelName::Mixed => unreachable!("division gives every key the model it names"),
        }
    }

    fn of<S: Subject + 'static>(
        self,
        history: &History,
        budget: &Budget<'_>,
    ) -> Result<Box<dyn Begun>, CheckError> {
        let Self { model, objects, places } = self;
        let read_and_decide = |object: Object| match S::read(history, model, &object) {
            Ok(subject) => {
                let (stage, revisions) = without_search(history, subject, budget);
                Ok(Ok((stage, (object.key, revisions))))
            }
            Err(Unread::Misshapen(result)) => Ok(Err(unjudged(history, &object, &result))),
            Err(Unread::Refused(error)) => Err(error),
        };
        // Of several errors the first in the order of the objects is told.
        let decided: Vec<Result<_, CheckError>> =
            objects.into_par_iter().map(read_and_decide).collect();
        let decided: Vec<Result<_, _>> = decided.into_iter().collect::<Result<_, _>>()?;
        let mut begun =
            Stages { model, places: vec![], stages: vec![], told: vec![], unjudged: vec![] };
        for (place, decided) in places.into_iter().zip(decided) {
            match decided {
                Ok((stage, told)) => {
                    begun.places.push(place);
                    begun.stages.push(stage);
                    begun.told.push(told);
                }
                Err(unjudged) => begun.unjudged.push((place, unjudged)),
            }
        }
        Ok(Box::new(begun))
    }
}

/// An object of which nothing is known, as a result on it has a wrong shape.
fn unjudged(history: &History, object: &Object, result: &Misshapen) -> KeyAnalysis {
    KeyAnalysis {
        key: object.key.map(|key| history.names.get(key).to_owned()),
        operations: object.members.len(),
        procedure: "none".to_owned(),
        revisions: None,
        conclusion: Conclusion::Unknown { reason: result.to_string() },
    }
}

/// A family decided as far as it is without search.
pub(super) trait Begun: Send {
    /// Whether an object is left to be searched.
    fn needs_search(&self) -> bool;

    /// Searches what is left, and concludes; each object by its place in the history.
    fn conclude(
        self: Box<Self>,
        history: &History,
        budget: &Budget<'_>,
    ) -> Vec<(usize, KeyAnalysis)>;
}

/// The key of an object, and what its revisions show.
type Told = (Option<Name>, Option<Revisions>);

struct Stages<S> {
    model: ModelName,
    places: Vec<usize>,
    stages: Vec<Stage<S>>,
    told: Vec<Told>,
    /// The objects that could not be read.
    unjudged: Vec<(usize, KeyAnalysis)>,
}

impl<S: Subject> Begun for Stages<S> {
    fn needs_search(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage, Stage::Undecided(..)))
    }

    fn conclude(
        self: Box<Self>,
        history: &History,
        budget: &Budget<'_>,
    ) -> Vec<(usize, KeyAnalysis)> {
        let Self { model, places, stages, told, unjudged } = *self;
        let stages = search_all(stages, budget);
        let concluded = told.into_iter().zip(stages).map(|((key, revisions), stage)| {
            let ids = stage.subject().ids();
            let revisions = revisions.map(|found| conclude_revisions(history, ids, found));
            let (procedure, operations, conclusion) = conclude(history, model, stage);
            let key = key.map(|key| history.names.get(key).to_owned());
            let procedure = procedure.to_owned();
            KeyAnalysis { key, operations, procedure, revisions, conclusion }
        });
        places.into_iter().zip(concluded).chain(unjudged).collect()
    }
}
