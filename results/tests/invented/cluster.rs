//! The cluster of an invented run: faults, leaders, and what the nodes said of themselves.

use std::borrow::Cow;

use serde_json::{Value, json};
use squall_checker::history::{Event, EventType, Process};
use squall_results::checks::logs::Trouble;
use squall_results::log_lines::LogLine;
use squall_results::probes::Probe;

use super::{Ending, MS, nodes};

/// A fault of the invented plan.
pub struct Planned {
    pub f: &'static str,
    pub undo: &'static str,
    pub kind: &'static str,
    pub targets: &'static [&'static str],
    pub description: &'static str,
    pub from_ms: u64,
    pub to_ms: u64,
}

const FAULTS: [Planned; 7] = [
    Planned {
        f: "partition",
        undo: "heal",
        kind: "isolate-leader",
        targets: &["n1"],
        description: "n1 (leader) cut off from n2, n3, n4, n5",
        from_ms: 2_010,
        to_ms: 5_200,
    },
    Planned {
        f: "kill",
        undo: "restart",
        kind: "kill-one",
        targets: &["n4"],
        description: "n4 killed",
        from_ms: 6_300,
        to_ms: 8_100,
    },
    Planned {
        f: "pause",
        undo: "resume",
        kind: "pause-majority",
        targets: &["n2", "n3", "n5"],
        description: "n2, n3, n5 paused",
        from_ms: 9_400,
        to_ms: 11_600,
    },
    Planned {
        f: "partition",
        undo: "heal",
        kind: "one-way",
        targets: &["n2"],
        description: "n2 heard by nobody: packets to n1, n3, n4, n5 dropped",
        from_ms: 13_000,
        to_ms: 16_100,
    },
    Planned {
        f: "kill",
        undo: "restart",
        kind: "kill-leader",
        targets: &["n3"],
        description: "n3 (leader) killed",
        from_ms: 17_400,
        to_ms: 19_000,
    },
    Planned {
        f: "partition",
        undo: "heal",
        kind: "majorities-ring",
        targets: &["n1", "n2", "n3", "n4", "n5"],
        description: "majorities ring: each node sees only its neighbours",
        from_ms: 20_500,
        to_ms: 23_600,
    },
    Planned {
        f: "pause",
        undo: "resume",
        kind: "pause-leader",
        targets: &["n5"],
        description: "n5 (leader) paused",
        from_ms: 25_000,
        to_ms: 27_200,
    },
];

/// Who leads from when on, in which term.
const LEADERS: [(u64, &str, u64); 6] = [
    (350, "n1", 4),
    (2_580, "n3", 5),
    (9_800, "", 5),
    (11_900, "n3", 5),
    (17_900, "n5", 6),
    (25_500, "n2", 7),
];

pub fn in_force(at_ns: u64) -> Option<&'static Planned> {
    FAULTS.iter().find(|fault| (fault.from_ms * MS..fault.to_ms * MS).contains(&at_ns))
}

/// The events of the nemesis.
pub fn nemesis() -> Vec<Event> {
    let mut events = Vec::new();
    for (id, fault) in FAULTS.iter().enumerate() {
        let mut value = json!({ "id": id, "kind": fault.kind, "targets": fault.targets, "description": fault.description });
        if fault.f == "partition" {
            value["cut"] = json!(cut(fault.kind));
        }
        let evidence = json!({ "probes": { "through": 12, "lost": 8 }, "matched": true });
        events.push(event(EventType::Invoke, fault.f, fault.from_ms - 12, &value, &Value::Null));
        events.push(event(EventType::Ok, fault.f, fault.from_ms, &value, &evidence));
        events.push(event(EventType::Invoke, fault.undo, fault.to_ms - 9, &value, &Value::Null));
        events.push(event(
            EventType::Ok,
            fault.undo,
            fault.to_ms,
            &value,
            &json!({ "probes": { "through": 20, "lost": 0 } }),
        ));
    }
    events
}

/// Who gets nothing from whom: sender and receiver.
fn cut(kind: &str) -> Vec<(String, String)> {
    let nodes = nodes();
    let pairs = nodes.iter().flat_map(|from| nodes.iter().map(move |to| (from, to)));
    let place = |node: &String| nodes.iter().position(|other| other == node).unwrap_or(0);
    let is_cut = |from: &String, to: &String| match kind {
        "isolate-leader" => from == "n1" || to == "n1",
        "one-way" => from == "n2",
        _ => !matches!(place(from).abs_diff(place(to)), 1 | 4),
    };
    pairs
        .filter(|(from, to)| from != to && is_cut(from, to))
        .map(|(from, to)| (from.clone(), to.clone()))
        .collect()
}

/// What the nodes would have written: a line for each change of leader, and a panic where it
/// ends in a violation.
pub fn log_lines(ending: Ending) -> Vec<LogLine> {
    let mut lines = Vec::new();
    for (from_ms, leader, term) in LEADERS {
        for (node, number) in nodes().into_iter().zip(1..) {
            let text = match leader == node {
                true => format!("INFO raft: won the election term={term}"),
                false => format!("INFO raft: follows leader={leader} term={term}"),
            };
            let time_ns = (from_ms + number) * MS;
            lines.push(LogLine { node, time_ns, line: number, text, trouble: None });
        }
    }
    if ending == Ending::Violation {
        lines.push(LogLine {
            node: "n4".to_owned(),
            time_ns: 6_305 * MS,
            line: 9,
            text: "thread 'main' panicked at src/storage.rs:81:9: index out of order".to_owned(),
            trouble: Some(Trouble::Panic),
        });
    }
    lines.sort_by_key(|line| line.time_ns);
    lines
}

/// One event of the nemesis.
pub fn event(
    kind: EventType,
    f: &'static str,
    at_ms: u64,
    value: &Value,
    evidence: &Value,
) -> Event {
    Event {
        index: None,
        time: at_ms * MS,
        process: Process::NEMESIS,
        node: None,
        kind,
        f: Cow::Borrowed(f),
        key: None,
        value: value.clone(),
        error: None,
        revision: None,
        evidence: evidence.clone(),
    }
}

/// Five probes a second of each node.
pub fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    for tick in 0..150_u64 {
        for node in nodes() {
            let at_ms = tick * 200 + 17;
            let down = in_force(at_ms * MS).is_some_and(|fault| {
                fault.f != "partition" && fault.targets.contains(&node.as_str())
            });
            let (_, leader, term) = LEADERS
                .iter()
                .rev()
                .find(|(from, ..)| *from <= at_ms)
                .copied()
                .unwrap_or((0, "", 3));
            // Cut off, the old leader does not know better.
            let stale = node == "n1" && (2_010..5_200).contains(&at_ms);
            let role = match (leader == node, leader.is_empty(), stale) {
                (_, _, true) | (true, _, _) => "leader",
                (_, true, _) => "candidate",
                _ => "follower",
            };
            probes.push(Probe {
                time: at_ms * MS,
                node,
                alive: !down,
                role: (!down).then(|| role.to_owned()),
                term: (!down).then_some(if stale { 4 } else { term }),
                leader: (!down && !leader.is_empty()).then(|| leader.to_owned()),
                commit: (!down).then_some(tick * 190),
                applied: (!down).then_some(tick * 190),
            });
        }
    }
    probes
}
