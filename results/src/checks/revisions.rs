//! Revisions fit the values, and no client sees those of a key go back.
//!
//! Whether values and revisions together have an order was decided by the checker, per key.
//! Here it becomes a result, for a workload that says its system's revisions are to be
//! trusted, and so does what a single client can see: among its own operations on a key,
//! which follow each other, revisions never fall.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Outcome, Recorded};
use squall_checker::verdict::{Analysis, OperationId, RevisionConclusion};

use super::{DETAILS_MAX, Figures, Found, Judgement};
use crate::facts::Beside;
use crate::wording::{count, plural};

/// What was seen of revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revisions {
    /// Operations that told the revision of a value.
    pub told: u64,
    /// Keys whose revisions and values together have no order.
    pub keys_without_order: u64,
    /// Operations whose revision is below one that their client had seen of the key.
    pub went_back: u64,
}

pub(super) fn look(history: &History, analysis: &Analysis, beside: &[Beside]) -> Found {
    let vouched = beside.iter().find_map(|beside| match beside {
        Beside::Revisions { keys_prefix } => Some(keys_prefix.as_str()),
        _ => None,
    });
    let Some(prefix) = vouched else {
        return Found::nothing("Nobody vouches for revisions.");
    };
    let mut figures = Revisions::default();
    let mut details = Vec::new();
    let vouched = |key: Option<&str>| key.unwrap_or_default().starts_with(prefix);
    for key in analysis.keys.iter().filter(|key| vouched(key.key.as_deref())) {
        if let Some(RevisionConclusion::Violation(found)) = &key.revisions {
            figures.keys_without_order += 1;
            let key = key.key.as_deref().unwrap_or("-");
            details.push(format!("key {key}: {}", found.explanation));
            details.truncate(DETAILS_MAX);
        }
    }
    go_back(history, vouched, &mut figures, &mut details);
    let bad = figures.keys_without_order + figures.went_back > 0;
    let told = plural(figures.told, "revision", "revisions");
    let found = match (figures.told, bad) {
        (_, true) => Found::new(
            Judgement::Bad,
            format!(
                "Revisions contradict the values of {}, and {} of {told} went back.",
                plural(figures.keys_without_order, "key", "keys"),
                count(figures.went_back)
            ),
        ),
        (0, false) => Found::nothing("No operation told a revision."),
        (_, false) => Found::new(Judgement::Good, format!("{told} fit the values and never fall.")),
    };
    found.because(details).with(Figures::Revisions(figures))
}

/// The highest revision that a client has seen of a key, and where.
type Seen = (u64, OperationId);

fn go_back(
    history: &History,
    vouched: impl Fn(Option<&str>) -> bool,
    figures: &mut Revisions,
    details: &mut Vec<String>,
) {
    let mut seen: FxHashMap<_, Seen> = FxHashMap::default();
    // In order of invocation, which is that of the operations of one client.
    for (id, operation) in history.iter() {
        let told = operation.revision.filter(|_| tells(operation) && vouched(operation.key()));
        let Some(revision) = told else { continue };
        figures.told += 1;
        let revision = revision.get();
        let key = history.operations[id.0 as usize].key;
        let highest = seen.entry((operation.process, key)).or_insert((revision, id));
        if revision >= highest.0 {
            *highest = (revision, id);
            continue;
        }
        figures.went_back += 1;
        if details.len() < DETAILS_MAX {
            details.push(format!(
                "client {} on key {}: revision {revision} in operation {} after {} in operation {}",
                operation.process,
                operation.key().unwrap_or("-"),
                id.0,
                highest.0,
                highest.1.0
            ));
        }
    }
}

/// Whether the revision is that of a value: what is not there has none, and some stores give
/// a delete, or a read that finds nothing, that of something else.
fn tells(operation: Recorded<'_>) -> bool {
    let finds = match operation.f() {
        "read" => !operation.result.is_null(),
        "write" => !operation.argument.is_null(),
        "delete" => false,
        _ => true,
    };
    finds && operation.outcome == Outcome::Ok
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use squall_checker::verdict::{Conclusion, Contradiction, Counterexample, KeyAnalysis};

    use super::super::testing::{Script, at, judged_as};
    use super::*;

    fn looked(script: &Script) -> Found {
        look(
            &script.history,
            &judged_as("register"),
            &[Beside::Revisions { keys_prefix: String::new() }],
        )
    }

    #[test]
    fn revisions_that_only_one_client_saw_fall_are_told() {
        let mut script = Script::default();
        script.told("write", 1, at(1, 2), &json!(1), 10);
        script.told("read", 2, at(3, 4), &json!(1), 9);
        script.told("read", 1, at(5, 6), &json!(1), 10);
        assert_eq!(looked(&script).judgement, Judgement::Good);
        // What is not there has no revision to tell.
        script.told("read", 1, at(7, 8), &json!(null), 0);
        script.told("delete", 1, at(9, 10), &json!(1), 3);
        assert_eq!(looked(&script).judgement, Judgement::Good);
        script.told("read", 1, at(11, 12), &json!(1), 8);
        let found = looked(&script);
        assert_eq!(found.judgement, Judgement::Bad);
        assert_eq!(
            found.details,
            ["client 1 on key k: revision 8 in operation 5 after 10 in operation 2"]
        );
    }

    #[test]
    fn a_key_whose_revisions_have_no_order_is_told() {
        let mut analysis = judged_as("register");
        analysis.keys.push(KeyAnalysis {
            key: Some("k".to_owned()),
            operations: 2,
            procedure: "unique-register".to_owned(),
            revisions: Some(RevisionConclusion::Violation(Counterexample {
                kind: Contradiction::NoOrder,
                operations: Vec::new(),
                explanation: "they contradict each other".to_owned(),
                edges: Vec::new(),
            })),
            conclusion: Conclusion::Linearizable { order: Vec::new() },
        });
        let found = look(
            &History::default(),
            &analysis,
            &[Beside::Revisions { keys_prefix: String::new() }],
        );
        assert_eq!(found.judgement, Judgement::Bad);
        assert_eq!(found.details, ["key k: they contradict each other"]);
        assert_eq!(look(&History::default(), &analysis, &[]).judgement, Judgement::Nothing);
    }

    #[test]
    fn a_workload_whose_system_told_none_is_not_judged() {
        assert_eq!(looked(&Script::default()).judgement, Judgement::Nothing);
    }
}
