//! Decides one object by the procedure that fits it.
//!
//! A procedure only says which operations contradict each other. What that means, and in
//! which words, is read off them afterwards, so that no fault there can cost a proven
//! violation.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Budget;
use super::reading::Reading;
use super::revisions::{self, Revisions};
use super::subjects::{OpOf, Subject};
use crate::history::History;
use crate::model::ModelName;
use crate::procedure::{Conflict, Decision};
use crate::search::{AfterViolation, KeyProblem, Progress, Searched, search_keys};
use crate::timed::{NEVER, Timed};
use crate::verdict::{Conclusion, Contradiction, Counterexample, OperationId, RevisionConclusion};

/// Name of the general search.
const SEARCH: &str = "search";

/// Name of the procedure that goes by revisions.
const REVISIONS: &str = "revisions";

/// How far an object has come.
pub(super) enum Stage<S> {
    /// A procedure, by name, said this.
    Decided(S, &'static str, Decided),
    /// No near-linear procedure applies, because of this.
    Undecided(S, &'static str),
}

impl<S: Subject> Stage<S> {
    /// The object.
    pub(super) fn subject(&self) -> &S {
        match self {
            Self::Decided(subject, ..) | Self::Undecided(subject, _) => subject,
        }
    }
}

/// What a procedure found; operations are named by their position in the subject.
pub(super) enum Decided {
    Linearizable(Vec<u32>),
    Violation(Conflict),
    Unknown(String),
}

/// Decides an object by its near-linear procedure or by the revisions told, if one of them
/// applies; and tells what the revisions show.
pub(super) fn without_search<S: Subject>(
    history: &History,
    subject: S,
    budget: &Budget<'_>,
) -> (Stage<S>, Option<Revisions>) {
    // What panics here costs a hint only.
    let revisions = guarded(|| subject.revisions(history)).ok().flatten();
    match (near_linear(subject, budget), revisions) {
        (Stage::Undecided(subject, _), Some(Revisions::Fit(order))) => {
            let decided = Decided::Linearizable(order);
            (Stage::Decided(subject, REVISIONS, decided), Some(Revisions::Fit(Vec::new())))
        }
        decided => decided,
    }
}

/// Decides an object by its near-linear procedure, if that applies.
///
/// A panic of a procedure costs this object its verdict and no other object anything.
fn near_linear<S: Subject>(subject: S, budget: &Budget<'_>) -> Stage<S> {
    let procedure = subject.procedure();
    if budget.stopped() {
        let count = subject.ids().len();
        let reason = format!("stopped before any of its {count} operations were ordered");
        return Stage::Decided(subject, procedure, Decided::Unknown(reason));
    }
    let decided = match guarded(|| subject.decide()) {
        Ok(Decision::Linearizable(order)) => Decided::Linearizable(order),
        Ok(Decision::Violation(conflict)) => Decided::Violation(conflict),
        Ok(Decision::NotApplicable(why)) => return Stage::Undecided(subject, why),
        Err(message) => Decided::Unknown(panicked(&message)),
    };
    Stage::Decided(subject, procedure, decided)
}

/// Decides by search what no near-linear procedure applies to.
pub(super) fn search_all<S: Subject>(stages: Vec<Stage<S>>, budget: &Budget<'_>) -> Vec<Stage<S>> {
    let undecided: Vec<(&S, Vec<Timed<OpOf<S>>>)> = stages
        .iter()
        .filter_map(|stage| match stage {
            Stage::Undecided(subject, _) => Some((subject, subject.operations())),
            Stage::Decided(..) => None,
        })
        .collect();
    let problems: Vec<KeyProblem<'_, S::Model>> = undecided
        .iter()
        .map(|(subject, operations)| KeyProblem { model: subject.model(), operations })
        .collect();
    let searched = guarded(|| search_keys(&problems, budget, AfterViolation::Continue));
    let found: Vec<Decided> = match searched {
        Ok(searched) => undecided
            .iter()
            .zip(searched)
            .map(|((subject, operations), searched)| {
                searched_to_decided(*subject, operations, searched, budget)
            })
            .collect(),
        Err(message) => undecided.iter().map(|_| Decided::Unknown(panicked(&message))).collect(),
    };
    let mut found = found.into_iter();
    stages
        .into_iter()
        .map(|stage| match stage {
            Stage::Undecided(subject, why) => {
                let decided = match found.next() {
                    Some(Decided::Unknown(reason)) => {
                        Decided::Unknown(format!("{reason}; a search was needed because {why}"))
                    }
                    Some(decided) => decided,
                    None => Decided::Unknown(format!("not searched, though {why}")),
                };
                Stage::Decided(subject, SEARCH, decided)
            }
            decided @ Stage::Decided(..) => decided,
        })
        .collect()
}

fn searched_to_decided<S: Subject>(
    subject: &S,
    operations: &[Timed<OpOf<S>>],
    searched: Searched,
    budget: &Budget<'_>,
) -> Decided {
    match searched {
        Searched::Linearizable(order) => Decided::Linearizable(order),
        Searched::Exhausted(progress) => Decided::Unknown(how_far(subject, operations, progress)),
        Searched::Violation { .. } => {
            // All of them together contradict each other, if no part can be shown to.
            let all = || (0..operations.len() as u32).collect();
            let few = guarded(|| subject.reduce(operations, budget)).ok().flatten();
            Decided::Violation(Conflict::new(Contradiction::NoOrder, few.unwrap_or_else(all)))
        }
    }
}

/// How far a search got, in the names of the history.
fn how_far<S: Subject>(subject: &S, operations: &[Timed<OpOf<S>>], progress: Progress) -> String {
    let index = progress.unpassed as usize;
    match (subject.ids().get(index), operations.get(index)) {
        (Some(id), Some(unpassed)) if unpassed.returned != NEVER => format!(
            "the search was ended after {} configurations; the longest legal order found has {} \
             of the {} operations that ended, and none gets past the end of operation {}, at \
             position {} in the order of events; {}",
            progress.configurations,
            progress.ordered,
            progress.ended,
            id.0,
            unpassed.returned,
            progress.shortage
        ),
        _ => progress.to_string(),
    }
}

/// Puts what revisions show into the names of the history.
pub(super) fn conclude_revisions(
    history: &History,
    ids: &[OperationId],
    revisions: Revisions,
) -> RevisionConclusion {
    let conflict = match revisions {
        Revisions::Fit(_) => return RevisionConclusion::Linearizable,
        Revisions::Violated(conflict) => conflict,
    };
    let mut operations: Vec<OperationId> =
        conflict.operations.iter().map(|index| ids[*index as usize]).collect();
    operations.sort_unstable();
    let kind = conflict.kind;
    RevisionConclusion::Violation(counterexample(kind, operations, |operations| {
        let explanation = revisions::explain(history, kind, operations);
        Reading { kind, edges: Vec::new(), explanation }
    }))
}

/// Puts what a procedure found into the names of the history: the procedure, how many
/// operations took part, and the conclusion.
pub(super) fn conclude<S: Subject>(
    history: &History,
    model: ModelName,
    stage: Stage<S>,
) -> (&'static str, usize, Conclusion) {
    let (subject, procedure, decided) = match stage {
        Stage::Decided(subject, procedure, decided) => (subject, procedure, decided),
        Stage::Undecided(subject, why) => {
            (subject, SEARCH, Decided::Unknown(format!("not searched, though {why}")))
        }
    };
    let all = subject.ids();
    let ids = |order: Vec<u32>| -> Vec<OperationId> {
        order.into_iter().map(|index| all[index as usize]).collect()
    };
    let conclusion = match decided {
        Decided::Linearizable(order) => Conclusion::Linearizable { order: ids(order) },
        Decided::Unknown(reason) => Conclusion::Unknown { reason },
        Decided::Violation(conflict) => {
            let mut operations = ids(conflict.operations);
            operations.sort_unstable();
            Conclusion::Violation(counterexample(conflict.kind, operations, |operations| {
                subject.reading(history, model, conflict.kind, operations)
            }))
        }
    };
    (procedure, all.len(), conclusion)
}

fn panicked(message: &str) -> String {
    format!("the procedure panicked ({message}); please report this")
}

/// Turns a panic into its message.
///
/// Sound to go on after: the closure owns all it changes.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic).to_owned())
}

/// The counterexample of a violation that is proven: what it means may fail to be told, and
/// stays a violation.
fn counterexample(
    kind: Contradiction,
    operations: Vec<OperationId>,
    read: impl FnOnce(&[OperationId]) -> Reading,
) -> Counterexample {
    let reading = guarded(|| read(&operations)).unwrap_or_else(|message| Reading {
        kind,
        edges: Vec::new(),
        explanation: format!(
            "no order of {} operations is legal; putting it into words panicked ({message}), \
             please report this",
            operations.len()
        ),
    });
    let Reading { kind, edges, explanation } = reading;
    Counterexample { kind, operations, explanation, edges }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_procedure_is_told() {
        let panicked = guarded(|| -> Decided { panic!("index out of bounds") });
        assert_eq!(panicked.err().as_deref(), Some("index out of bounds"));
    }

    #[test]
    fn a_panic_of_the_explanation_leaves_a_violation() {
        let operations = vec![OperationId(3), OperationId(8)];
        let counterexample =
            counterexample(Contradiction::NoOrder, operations.clone(), |_| panic!("no such block"));
        assert_eq!(counterexample.operations, operations);
        assert_eq!(counterexample.kind, Contradiction::NoOrder);
        assert_eq!(
            counterexample.explanation,
            "no order of 2 operations is legal; putting it into words panicked (no such block), \
             please report this"
        );
    }
}
