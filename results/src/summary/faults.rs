//! Faults: the nemesis's events paired into what was done, undone and observed.
//!
//! A fault is in force from the event that says it took hold until its undo is invoked: from
//! then on it may be gone already. Without evidence it did not take hold, whatever was
//! intended. The final heal undoes whatever is left, so nothing is in force once it began.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_checker::history::{Event, EventType};

use super::service::{Service, Traffic, Window};

/// One fault of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// The nemesis's number for it; absent in histories of other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The function of the nemesis, e.g. `partition`.
    pub f: String,
    /// Its kind more closely, e.g. `isolate-leader`.
    pub kind: String,
    /// The nodes it was aimed at.
    pub targets: Vec<String>,
    /// What was done, in words.
    pub description: String,
    /// What the nemesis remarks, e.g. that no leader was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// For a partition: who was cut off from whom, in directed pairs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<(String, String)>,
    /// Its effect was observed.
    pub took_hold: bool,
    /// When the nemesis began to bring it about.
    pub invoked_ns: u64,
    /// When it was in force.
    pub start_ns: u64,
    /// When its undo, or else the final heal, was invoked; the end of the run if neither was.
    pub end_ns: u64,
    /// When it was seen to be undone; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_ns: Option<u64>,
    /// What showed that it took hold, or did not.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub evidence: Value,
    /// What showed that it was undone.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub undo_evidence: Value,
    /// Why it failed to take hold or to be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What clients were served while it was in force.
    pub service: Service,
}

impl FaultRecord {
    /// When it was in force.
    pub fn window(&self) -> Window {
        Window { start_ns: self.start_ns, end_ns: self.end_ns }
    }
}

/// Pairs the events of the nemesis; the result is in order of invocation.
pub(super) fn pair(events: &[Event], run_end_ns: u64, traffic: &Traffic<'_>) -> Vec<FaultRecord> {
    let mut faults: Vec<FaultRecord> = Vec::new();
    for event in events {
        match undoes(&event.f) {
            Undo::Nothing => record_step(&mut faults, event, run_end_ns),
            Undo::Fault(f) => record_undo(&mut faults, event, f),
        }
    }
    for fault in &mut faults {
        if fault.took_hold {
            fault.service = traffic.service(&[fault.window()]);
        }
    }
    faults
}

/// What an event of the nemesis undoes.
enum Undo {
    /// It brings a fault about.
    Nothing,
    /// It undoes a fault of this function.
    Fault(&'static str),
}

fn undoes(f: &str) -> Undo {
    match f {
        "restart" => Undo::Fault("kill"),
        "resume" => Undo::Fault("pause"),
        "heal" => Undo::Fault("partition"),
        "readmit" => Undo::Fault("membership"),
        "settle" => Undo::Fault("admin"),
        _ => Undo::Nothing,
    }
}

fn record_step(faults: &mut Vec<FaultRecord>, event: &Event, run_end_ns: u64) {
    if event.kind == EventType::Invoke {
        faults.push(begin(event, run_end_ns));
        return;
    }
    let id = id_of(event);
    let open = faults.iter_mut().rev().find(|fault| fault.f == event.f && fault.id == id);
    let fault = match open {
        Some(fault) => fault,
        // The invocation is missing: the completion is evidence enough.
        None => {
            faults.push(begin(event, run_end_ns));
            faults.last_mut().expect("one was pushed just now")
        }
    };
    // The completion knows more than the invocation, e.g. who led at that moment.
    describe(fault, event);
    fault.evidence.clone_from(&event.evidence);
    fault.start_ns = event.time;
    fault.took_hold = event.kind == EventType::Ok;
    if event.error.is_some() {
        fault.error.clone_from(&event.error);
    }
}

fn record_undo(faults: &mut [FaultRecord], event: &Event, undone_f: &str) {
    let id = id_of(event);
    end(faults, event, undone_f);
    let matching = faults
        .iter_mut()
        .rev()
        .filter(|fault| fault.f == undone_f && fault.undone_ns.is_none())
        .filter(|fault| id.is_none() || fault.id == id);
    match event.kind {
        EventType::Invoke => {}
        EventType::Ok if id.is_none() => matching.for_each(|fault| undo(fault, event)),
        EventType::Ok => matching.take(1).for_each(|fault| undo(fault, event)),
        EventType::Fail | EventType::Info => {
            for fault in matching.take(1) {
                fault.undo_evidence.clone_from(&event.evidence);
                fault.error.clone_from(&event.error);
            }
        }
    }
}

/// Ends the windows of the faults that `event` begins to undo, or undid without a beginning.
fn end(faults: &mut [FaultRecord], event: &Event, undone_f: &str) {
    let id = id_of(event);
    for fault in faults {
        let ends = match (id, fault.id) {
            // The final heal, which is one for all faults, whatever it does first.
            (None, Some(_)) => true,
            // Another tool's nemesis, which does not number its faults.
            (None, None) => fault.f == undone_f,
            (Some(_), _) => fault.f == undone_f && fault.id == id,
        };
        if ends {
            fault.end_ns = fault.end_ns.min(event.time).max(fault.start_ns);
        }
    }
}

fn undo(fault: &mut FaultRecord, event: &Event) {
    fault.undone_ns = Some(event.time.max(fault.start_ns));
    fault.undo_evidence.clone_from(&event.evidence);
}

fn begin(event: &Event, run_end_ns: u64) -> FaultRecord {
    let mut fault = FaultRecord {
        id: id_of(event),
        f: event.f.clone().into_owned(),
        kind: event.f.clone().into_owned(),
        targets: Vec::new(),
        description: event.f.clone().into_owned(),
        note: None,
        cut: Vec::new(),
        took_hold: false,
        invoked_ns: event.time,
        start_ns: event.time,
        end_ns: run_end_ns,
        undone_ns: None,
        evidence: Value::Null,
        undo_evidence: Value::Null,
        error: None,
        service: Service::default(),
    };
    describe(&mut fault, event);
    fault
}

fn id_of(event: &Event) -> Option<u64> {
    event.value.get("id").and_then(Value::as_u64)
}

fn describe(fault: &mut FaultRecord, event: &Event) {
    let text = |name: &str| event.value.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(kind) = text("kind") {
        fault.kind = kind;
    }
    if let Some(note) = text("note") {
        fault.note = Some(note);
    }
    if let Some(targets) = event.value.get("targets").and_then(Value::as_array) {
        fault.targets = targets.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    if let Some(cut) = event.value.get("cut") {
        // A cut in a form of its own is left to the evidence rather than guessed at.
        fault.cut = serde_json::from_value(cut.clone()).unwrap_or_default();
    }
    match text("description") {
        Some(description) => fault.description = description,
        None if !fault.targets.is_empty() => {
            fault.description = format!("{} {}", fault.kind, fault.targets.join(", "));
        }
        None => {}
    }
}
