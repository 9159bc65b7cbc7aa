//! What only the harness knows about a run.
//!
//! The harness owns these facts and hands them over once; they are kept whole inside
//! `results.json`, so that every rendering can be made again without the harness.
//! Deliberately absent: anything that follows from the history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checks::{CheckName, Severity};
use crate::summary::Latency;

/// The circumstances of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFacts {
    /// The name of the run, which is also its folder in the store.
    pub name: String,
    /// The system under test.
    pub system: String,
    /// The workload that issued the operations.
    pub workload: String,
    /// The planted bug that was switched on, if any.
    pub bug: Option<String>,
    /// The nodes, in plan order.
    pub nodes: Vec<String>,
    /// The seed that determined plan, values and fault schedule.
    pub seed: u64,
    /// The whole plan, as recorded.
    pub plan: Value,
    /// Faults the plan asked for; none took hold out of some is not the same as none asked for.
    pub faults_planned: u32,
    /// The command line that runs the same plan again.
    pub command: String,
    /// How the nodes were connected, in words.
    pub network: String,
    /// What that kind of network cannot do, in sentences.
    pub network_caveats: Vec<String>,
    /// When the run began, as the harness chose to write it (UTC).
    pub started_utc: String,
    /// What the machine's clock showed at the moment at which the clock of the run began, in
    /// nanoseconds since 1970 (UTC). Nothing rests on it but the places of log lines in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_unix_ns: Option<u64>,
    /// How far the machine's local time was ahead of UTC then, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset_s: Option<i32>,
    /// Versions of what took part, by name.
    pub versions: BTreeMap<String, String>,
    /// The machine.
    pub host: Host,
    /// How long each phase took.
    pub timings: Timings,
    /// Whether the cluster came back after the last fault was undone.
    pub recovered: Recovery,
    /// What the plan asks of the checks beside linearizability, where it departs from their
    /// defaults.
    pub checks: BTreeMap<CheckName, Severity>,
    /// What the workload declares of itself, beside its model.
    pub beside: Vec<Beside>,
    /// Whether the rate that was asked for was held; `None` where none was asked for.
    pub pace: Option<Pace>,
    /// Somebody stopped the run before its time.
    pub interrupted: bool,
    /// Where the run was stopped because a violation was seen, if it was.
    pub stopped_at: Option<StoppedAt>,
    /// Anything else a reader should know, in sentences.
    pub notes: Vec<String>,
    /// What the independent verifier said of the proof; `None` when it did not run.
    pub proof_verified: Option<bool>,
    /// Why the verifier rejected the proof or could not run.
    pub verify_error: Option<String>,
}

/// Something a workload holds to be true of every history of its operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Beside {
    /// What `txn` operations read of all these accounts together always sums to one total.
    ConstantTotal {
        /// The keys of all accounts; a number is the same key as its digits.
        keys: Vec<String>,
        /// The sum of their balances.
        total: i64,
        /// Whether a single balance may be below zero.
        #[serde(default)]
        may_be_negative: bool,
    },
    /// `acquire` gives tokens that rise: a whole number, or an object with a field `token`.
    FencingTokens,
    /// The revisions of operations are those of values of their key, and rise with each write.
    Revisions {
        /// Holds of keys that begin so; of all where it is empty.
        #[serde(default)]
        keys_prefix: String,
    },
}

/// How well clients kept to the rate that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Operations a second that were asked for, over all clients.
    pub asked_per_s: f64,
    /// Operations a second that were invoked.
    pub achieved_per_s: f64,
    /// Whether that is as good as what was asked for.
    pub held: bool,
    /// Why it was not held, as a sentence without its full stop.
    pub why_not: Option<String>,
    /// Latencies by function of the operations that succeeded, from when each was due rather
    /// than from when it was invoked, which corrects for coordinated omission.
    pub latencies: BTreeMap<String, Latency>,
}

/// The event at which a run was stopped because no order was legal any more.
///
/// What saw it judges while events arrive; the verdict and its proof come from the check of
/// the whole history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoppedAt {
    /// The operation whose completion it is, by its number in the history.
    pub operation: u64,
    /// When it happened, in milliseconds since the run began.
    pub event_ms: u64,
    /// How long after it the violation was known, in milliseconds.
    pub noticed_ms: u64,
}

/// The machine a run took place on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Operating system, in words.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Logical processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
}

/// Wall-clock durations of the phases of a run, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// From nothing, not even a network, until all nodes answered.
    pub boot_ms: u64,
    /// From nothing until the first acknowledged write.
    pub first_write_ms: Option<u64>,
    /// From nothing until the clients of the workload began.
    pub clients_began_ms: Option<u64>,
    /// The main phase: clients against nemesis.
    pub workload_ms: u64,
    /// Undoing what was in force, until the cluster served again or was given up.
    pub heal_ms: u64,
    /// The final reads.
    pub final_reads_ms: u64,
    /// Checking the history.
    pub check_ms: u64,
    /// Verifying the proof.
    pub verify_ms: Option<u64>,
    /// Writing the report; unknown while it is being written.
    pub report_ms: Option<u64>,
}

/// When one node served again once every fault was undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeRecovery {
    /// The node.
    pub node: String,
    /// From the final heal until it served a change, in milliseconds; `None` if it did not in
    /// time.
    pub served_again_ms: Option<u64>,
    /// What it answered last, where it did not serve in time and that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<String>,
}

/// Whether the cluster served again once every fault was undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recovery {
    /// From the final heal until every node served a change; `None` if not all did in time.
    pub served_again_ms: Option<u64>,
    /// How long the nodes had for it, in milliseconds; 0 where nobody knows.
    pub deadline_ms: u64,
    /// Each node by itself, in plan order; empty where nobody knows.
    pub nodes: Vec<NodeRecovery>,
    /// Final reads the workload asked for.
    pub final_reads_expected: u64,
    /// Final reads that were answered.
    pub final_reads_ok: u64,
}

impl Recovery {
    /// Whether the run got as far as to look: one that was cut short says nothing.
    pub fn was_looked_for(&self) -> bool {
        self.served_again_ms.is_some() || self.final_reads_expected > 0
    }
}
