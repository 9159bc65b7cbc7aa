//! The planted bugs of the built-in node as patients: the node's table and a plan for each.
//!
//! The plans are files of the repository, `bugs/NAME.toml`, so that `squall test --plan` runs
//! the same; here they are built in.

use squall::{
    bugs::{Expected, Patient, Treatment},
    plan::{Plan, PlanError},
};
use squall_node::bugs::{self, PLANTED, PlantedBug};

/// Name and text of the plan of each bug that a run can show.
const PLANS: &[(&str, &str)] = &[
    ("stale-read", include_str!("../../../../../bugs/stale-read.toml")),
    ("follower-read", include_str!("../../../../../bugs/follower-read.toml")),
    ("two-leaders-lease", include_str!("../../../../../bugs/two-leaders-lease.toml")),
    ("read-index-without-noop", include_str!("../../../../../bugs/read-index-without-noop.toml")),
    ("forget-vote", include_str!("../../../../../bugs/forget-vote.toml")),
    ("forget-term", include_str!("../../../../../bugs/forget-term.toml")),
    ("vote-for-stale-log", include_str!("../../../../../bugs/vote-for-stale-log.toml")),
    ("majority-off-by-one", include_str!("../../../../../bugs/majority-off-by-one.toml")),
    ("no-step-down", include_str!("../../../../../bugs/no-step-down.toml")),
    ("membership-two-changes", include_str!("../../../../../bugs/membership-two-changes.toml")),
    ("ack-before-commit", include_str!("../../../../../bugs/ack-before-commit.toml")),
    ("commit-old-term", include_str!("../../../../../bugs/commit-old-term.toml")),
    ("no-conflict-truncation", include_str!("../../../../../bugs/no-conflict-truncation.toml")),
    ("truncate-on-stale-append", include_str!("../../../../../bugs/truncate-on-stale-append.toml")),
    ("ignore-prev-term", include_str!("../../../../../bugs/ignore-prev-term.toml")),
    ("count-stale-acks", include_str!("../../../../../bugs/count-stale-acks.toml")),
    ("apply-before-persist", include_str!("../../../../../bugs/apply-before-persist.toml")),
    ("snapshot-drops-last-key", include_str!("../../../../../bugs/snapshot-drops-last-key.toml")),
    ("snapshot-wrong-index", include_str!("../../../../../bugs/snapshot-wrong-index.toml")),
    ("install-snapshot-rewinds", include_str!("../../../../../bugs/install-snapshot-rewinds.toml")),
    ("lost-session-on-snapshot", include_str!("../../../../../bugs/lost-session-on-snapshot.toml")),
    ("double-apply", include_str!("../../../../../bugs/double-apply.toml")),
    ("cas-not-atomic", include_str!("../../../../../bugs/cas-not-atomic.toml")),
    ("fixed-election-timeout", include_str!("../../../../../bugs/fixed-election-timeout.toml")),
    ("never-heals", include_str!("../../../../../bugs/never-heals.toml")),
];

/// Bugs that no run can show yet, and what is missing.
const MISSING: &[(&str, &str)] = &[(
    "no-fsync",
    "it needs the loss of power as a fault; the simulation of whole clusters shows it",
)];

/// Every planted bug, in the order of the node's table.
///
/// # Errors
/// When a plan is not one.
pub(super) fn all() -> Result<Vec<Patient>, PlanError> {
    PLANTED.iter().map(patient).collect()
}

fn patient(planted: &PlantedBug) -> Result<Patient, PlanError> {
    Ok(Patient {
        name: planted.name.to_owned(),
        workload: None,
        breaks: planted.breaks.to_owned(),
        rule: planted.rule.to_owned(),
        revealed_by: planted.revealed_by.to_owned(),
        expected: match planted.expected {
            bugs::Expected::Violation => Expected::Violation,
            bugs::Expected::Unavailable => Expected::Unavailable,
        },
        treatment: treatment(planted.name)?,
    })
}

fn treatment(name: &str) -> Result<Treatment, PlanError> {
    let of = |list: &'static [(&str, &'static str)]| {
        list.iter().find(|(bug, _)| *bug == name).map(|(_, text)| *text)
    };
    Ok(match of(PLANS) {
        Some(text) => Treatment::Plan {
            plan: Box::new(Plan::from_toml(text)?),
            file: format!("bugs/{name}.toml"),
        },
        None => Treatment::Missing(of(MISSING).unwrap_or("nobody has planted it yet").to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_is_for_a_planted_bug_and_can_be_run() {
        for (name, text) in PLANS {
            let bug = name.parse::<bugs::Bug>().unwrap_or_else(|error| panic!("{error}"));
            let plan = Plan::from_toml(text).and_then(Plan::resolve);
            let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(plan.bug.as_deref(), Some(*name));
            assert_eq!(plan.workload, bug.describe().workload, "{name}");
            assert!(plan.fail_fast, "{name}: it goes on after the find");
        }
    }

    #[test]
    fn what_cannot_be_run_is_planted_and_has_no_plan() {
        for (name, _) in MISSING {
            assert!(name.parse::<bugs::Bug>().is_ok(), "{name}");
            assert!(PLANS.iter().all(|(planned, _)| planned != name), "{name} has a plan");
        }
    }

    #[test]
    fn the_list_is_the_table_of_the_node() {
        assert_eq!(all().map(|patients| patients.len()).ok(), Some(PLANTED.len()));
    }
}
