//! Invented runs: plausible histories, probes and facts from a seed.
//!
//! Shared by the tests and the sample report. Nothing here was ever measured.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test and the example include what they need"
)]

mod cluster;
mod hostile;
pub mod shapes;
pub mod store;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

pub use cluster::event;
use cluster::{in_force, nemesis, probes};
pub use hostile::{HOSTILE, hostile};
use serde_json::{Value, json};
use squall_checker::Budget;
use squall_checker::history::{Header, HeaderTag, History, Moment, Operation, Outcome};
use squall_checker::placement::all_but_one;
use squall_checker::verdict::{
    Analysis, Conclusion, Contradiction, Counterexample, Edge, KeyAnalysis, OperationId,
    Precedence, Verdict,
};
use squall_results::checks::LogFindings;
use squall_results::facts::{Host, NodeRecovery, Recovery, RunFacts, Timings};
use squall_results::log_lines::LogLine;
use squall_results::probes::Probe;
use squall_results::report::Material;
use squall_results::summary::{Results, first_contradiction, summarize};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// How an invented run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Linearizable,
    Violation,
}

/// Everything that goes into a report.
pub struct Invented {
    pub history: History,
    pub analysis: Analysis,
    pub probes: Vec<Probe>,
    pub logs: Option<LogFindings>,
    pub log_lines: Vec<LogLine>,
    pub facts: RunFacts,
}

impl Invented {
    /// What the run came to, with what a run asks the checker for beside the verdict.
    pub fn results(&self) -> Results {
        let Self { history, analysis, probes, logs, facts, .. } = self;
        let mut results = summarize(history, analysis, probes, logs.as_ref(), facts.clone());
        if let Some(first) = results.contradictions.first_mut() {
            let found = first_contradiction(history, analysis).expect("the first of them");
            let model = analysis.model.parse();
            let place = |model| all_but_one(history, model, found, &Budget::default());
            first.placement = model.ok().and_then(place);
        }
        results
    }

    /// What the report of it is made of.
    pub fn material<'r>(&'r self, results: &'r Results) -> Material<'r> {
        Material {
            results,
            history: &self.history,
            analysis: &self.analysis,
            probes: &self.probes,
            log_lines: &self.log_lines,
            closeup: None,
        }
    }
}

/// Clients of the planted contradiction; no other has such a number.
const PLANTED_PROCESSES: std::ops::Range<u64> = 0..10;

/// A small generator whose sequence is fixed for ever (SplitMix64, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Invents a run of thirty seconds with about `operations` operations on five nodes.
pub fn run(seed: u64, operations: usize, ending: Ending) -> Invented {
    let mut history =
        History { header: Some(header(seed)), nemesis: nemesis(), ..History::default() };
    traffic(&mut history, seed, operations);
    if ending == Ending::Violation {
        plant_stale_read(&mut history);
    }
    let analysis = analysis(&history, ending);
    let mut facts = facts(seed);
    if ending == Ending::Violation {
        facts.bug = Some("stale-read".to_owned());
    }
    Invented {
        history,
        analysis,
        probes: probes(),
        logs: None,
        log_lines: cluster::log_lines(ending),
        facts,
    }
}

/// A run in which nothing happened.
pub fn nothing() -> Invented {
    let analysis =
        Analysis { verdict: Verdict::Linearizable, model: "register".to_owned(), keys: Vec::new() };
    Invented {
        history: History::default(),
        analysis,
        probes: Vec::new(),
        logs: None,
        log_lines: Vec::new(),
        facts: RunFacts::default(),
    }
}

fn header(seed: u64) -> Header {
    Header {
        squall: 1,
        kind: HeaderTag::Header,
        system: "node".to_owned(),
        workload: "register".to_owned(),
        model: "register".to_owned(),
        nodes: nodes(),
        seed,
        plan: Value::Null,
        started_unix_ns: None,
        utc_offset_s: None,
    }
}

fn nodes() -> Vec<String> {
    (1..=5).map(|n| format!("n{n}")).collect()
}

/// Twenty clients, or more for many operations, that each wait for their reply before they
/// go on.
fn traffic(history: &mut History, seed: u64, operations: usize) {
    let mut dice = Dice(seed);
    let clients = (operations as u64 / 3_000).max(20);
    let mean_ns = (29.0 * SECOND as f64) * clients as f64 / operations.max(1) as f64;
    for worker in 0..clients {
        let mut process = PLANTED_PROCESSES.end + worker;
        let mut now = 400 * MS + dice.roll() % (10 * MS);
        while now < 29 * SECOND + 400 * MS {
            let (outcome, took) = invent_reply(&mut dice, now);
            draft(history, &mut dice, process, (now, now + took), outcome);
            if outcome == Outcome::Info {
                process += clients;
            }
            now += took + (mean_ns * (0.2 + 0.8 * dice.unit())) as u64;
        }
    }
    history.operations.sort_by_key(|op| op.invoked.time_ns());
}

fn invent_reply(dice: &mut Dice, now: u64) -> (Outcome, u64) {
    let usual = (0.4 + 2.2 * dice.unit() + 6.0 * dice.unit().powi(12)) * MS as f64;
    let stall = |until_ms: u64| (until_ms * MS).saturating_sub(now);
    match in_force(now) {
        Some(fault) if fault.kind == "pause-majority" => (Outcome::Info, 1_000 * MS),
        Some(fault) if now < (fault.from_ms + 480) * MS && fault.description.contains("leader") => {
            match dice.roll() % 10 {
                0 => (Outcome::Info, 1_000 * MS),
                1 | 2 => (Outcome::Fail, 30 * MS + dice.roll() % (20 * MS)),
                _ => (Outcome::Ok, stall(fault.from_ms + 500) + usual as u64),
            }
        }
        Some(_) => match dice.roll() % 60 {
            0 => (Outcome::Info, 1_000 * MS),
            1 => (Outcome::Fail, 2 * MS),
            _ => (Outcome::Ok, (usual * (1.0 + 4.0 * dice.unit().powi(6))) as u64),
        },
        None => (Outcome::Ok, usual as u64),
    }
}

fn draft(
    history: &mut History,
    dice: &mut Dice,
    process: u64,
    (from_ns, to_ns): (u64, u64),
    outcome: Outcome,
) {
    let key = dice.roll() % 40;
    let (f, argument) = match dice.roll() % 5 {
        0 | 1 => ("write", json!(dice.roll() % 10_000)),
        2 => ("cas", json!([dice.roll() % 100, dice.roll() % 100])),
        _ => ("read", Value::Null),
    };
    let result = match (outcome, f) {
        (Outcome::Ok, "read") => json!(dice.roll() % 10_000),
        (Outcome::Ok, _) => argument.clone(),
        _ => Value::Null,
    };
    let error = match outcome {
        Outcome::Ok => None,
        Outcome::Fail => Some("connection refused"),
        Outcome::Info => Some("timeout"),
    };
    let History { operations, names, values, .. } = history;
    operations.push(Operation {
        process,
        node: Some(names.intern(&format!("n{}", dice.roll() % 5 + 1))),
        f: names.intern(f),
        key: Some(names.intern(&key.to_string())),
        argument: values.intern(&argument),
        result: values.intern(&result),
        outcome,
        invoked: moment(from_ns),
        completed: Some(moment(to_ns)),
        error: error.map(|error| names.intern(error)),
        revision: None,
    });
}

/// A moment of an invented run: its place in the order of events is its time.
fn moment(time_ns: u64) -> Moment {
    let position = u32::try_from(time_ns / 100 + 1).ok().and_then(NonZeroU32::new);
    Moment::new(position.expect("an invented run is short"), time_ns)
}

/// Four operations on key 17 that no order can satisfy, and any three of them can, where a leader
/// was cut off in the middle of a write.
fn plant_stale_read(history: &mut History) {
    let History { operations, names, values, .. } = history;
    let planted = [
        (3, "n1", "write", 31, 1_720, 2_705),
        (9, "n4", "read", 31, 1_780, 1_783),
        (5, "n3", "write", 44, 2_700, 2_708),
        (1, "n1", "read", 31, 3_120, 3_123),
    ];
    for (process, node, f, value, from_ms, to_ms) in planted {
        let argument = if f == "read" { Value::Null } else { json!(value) };
        operations.push(Operation {
            process,
            node: Some(names.intern(node)),
            f: names.intern(f),
            key: Some(names.intern("17")),
            argument: values.intern(&argument),
            result: values.intern(&json!(value)),
            outcome: Outcome::Ok,
            invoked: moment(from_ms * MS),
            completed: Some(moment(to_ms * MS + 215_000)),
            error: None,
            revision: None,
        });
    }
    operations.sort_by_key(|op| op.invoked.time_ns());
}

fn analysis(history: &History, ending: Ending) -> Analysis {
    let mut of_key = BTreeMap::new();
    for (_, op) in history.iter() {
        *of_key.entry(op.key()).or_insert(0) += 1;
    }
    // Whether these orders are legal nobody asks: values are invented too.
    let mut orders: BTreeMap<Option<String>, Vec<OperationId>> = BTreeMap::new();
    for (id, op) in history.iter().filter(|(_, op)| op.outcome == Outcome::Ok) {
        orders.entry(op.key().map(str::to_owned)).or_default().push(id);
    }
    let mut keys: Vec<KeyAnalysis> = (0..40)
        .map(|key| KeyAnalysis {
            key: Some(key.to_string()),
            operations: of_key.get(&Some(key.to_string().as_str())).copied().unwrap_or(0),
            procedure: "unique-register".to_owned(),
            revisions: None,
            conclusion: Conclusion::Linearizable {
                order: orders.remove(&Some(key.to_string())).unwrap_or_default(),
            },
        })
        .collect();
    if ending == Ending::Linearizable {
        return Analysis { verdict: Verdict::Linearizable, model: "register".to_owned(), keys };
    }
    let planted: Vec<_> = history
        .iter()
        .filter(|(_, op)| PLANTED_PROCESSES.contains(&op.process))
        .map(|(id, _)| id)
        .collect();
    let edge = |from: usize, to: usize, why| Edge { from: planted[from], to: planted[to], why };
    keys[17].conclusion = Conclusion::Violation(Counterexample {
        kind: Contradiction::ValueReturned,
        explanation: "n1 answered 31 to a read that began 412 ms after the write of 44 was \
                      acknowledged, and 44 had replaced 31: 31 would have to be current both \
                      before and after 44."
            .to_owned(),
        edges: vec![
            edge(1, 2, Precedence::RealTime),
            edge(2, 3, Precedence::RealTime),
            edge(3, 1, Precedence::SameValue),
        ],
        operations: planted,
    });
    Analysis { verdict: Verdict::Violation, model: "register".to_owned(), keys }
}

fn facts(seed: u64) -> RunFacts {
    RunFacts {
        name: "register".to_owned(),
        system: "node".to_owned(),
        workload: "register".to_owned(),
        bug: None,
        nodes: nodes(),
        seed,
        plan: json!({ "system": "node", "workload": "register", "nodes": 5, "time_ms": 30_000, "nemesis": ["kill", "pause", "partition"] }),
        faults_planned: 7,
        command: format!("squall test --workload register --time 30s --seed {seed}"),
        network: "sandbox: own network per node, cuts by nft (netlink)".to_owned(),
        network_caveats: vec![
            "Client traffic reaches every node, also one that is cut off from its peers."
                .to_owned(),
        ],
        started_utc: "2026-01-02 03:04:05 UTC".to_owned(),
        started_unix_ns: Some(1_767_323_045 * SECOND),
        utc_offset_s: Some(0),
        versions: [("squall".to_owned(), "0.1.0".to_owned())].into(),
        host: Host {
            os: "Debian GNU/Linux 13".to_owned(),
            kernel: "6.12.0".to_owned(),
            cpus: 8,
            memory_mb: 32_000,
        },
        timings: Timings {
            boot_ms: 240,
            first_write_ms: Some(610),
            clients_began_ms: Some(640),
            workload_ms: 30_000,
            heal_ms: 420,
            final_reads_ms: 180,
            check_ms: 6,
            verify_ms: Some(2),
            report_ms: None,
        },
        recovered: Recovery {
            served_again_ms: Some(420),
            deadline_ms: 15_000,
            nodes: nodes()
                .into_iter()
                .map(|node| NodeRecovery { node, served_again_ms: Some(420), last_answer: None })
                .collect(),
            final_reads_expected: 40,
            final_reads_ok: 40,
        },
        checks: BTreeMap::new(),
        beside: Vec::new(),
        pace: None,
        interrupted: false,
        stopped_at: None,
        notes: Vec::new(),
        proof_verified: Some(true),
        verify_error: None,
    }
}
