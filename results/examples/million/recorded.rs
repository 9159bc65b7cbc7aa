//! An invented history as a run records it: with values that contradict nothing, and as
//! events in a file.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use squall_checker::history::{
    Event, EventType, EventWriter, History, Moment, Operation, Outcome, Process, Recorded,
};
use squall_checker::verdict::OperationId;
use squall_results::probes::Probe;

/// Gives every operation the values it has if registers take it in the middle of its time.
///
/// Every other indeterminate operation takes effect, failed ones never do.
pub(crate) fn make_consistent(history: &mut History) {
    let mut order: Vec<usize> = (0..history.operations.len()).collect();
    order.sort_by_key(|&at| effect_ns(&history.operations[at]));
    let read = history.names.intern("read");
    let cas = history.names.intern("cas");
    let mut registers = vec![(Value::Null, 0_u64); history.names.count()];
    for at in order {
        let operation = &mut history.operations[at];
        let key = operation.key.expect("every invented operation has a key");
        let (current, written) = &mut registers[key.index()];
        let takes_effect = match operation.outcome {
            Outcome::Ok => true,
            Outcome::Fail => false,
            Outcome::Info => at % 2 == 0,
        };
        let result = if operation.f == read {
            current.clone()
        } else {
            *written += 1;
            let new = json!(*written);
            let argument = if operation.f == cas { json!([current, new]) } else { new.clone() };
            operation.argument = history.values.intern(&argument);
            if takes_effect {
                *current = new;
            }
            argument
        };
        let result = if operation.outcome == Outcome::Ok { result } else { Value::Null };
        operation.result = history.values.intern(&result);
    }
    if let Some(header) = &mut history.header {
        "cas-register".clone_into(&mut header.model);
    }
}

fn effect_ns(operation: &Operation) -> u64 {
    let invoked = operation.invoked.time_ns();
    invoked + (completed_ns(operation) - invoked) / 2
}

fn completed_ns(operation: &Operation) -> u64 {
    operation.completed.map_or(u64::MAX, Moment::time_ns)
}

/// What happens at a moment: what is invoked at the same time as another ends is concurrent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Nemesis(usize),
    Invocation(OperationId),
    Completion(OperationId),
}

/// Writes all events in order of time.
pub(crate) fn write_history(history: &History, path: &Path) -> io::Result<()> {
    let header = history.header.as_ref().expect("an invented history has a header");
    let nemesis = history.nemesis.iter().enumerate();
    let nemesis = nemesis.map(|(at, event)| (event.time, Happening::Nemesis(at)));
    let operations = history.iter().flat_map(|(id, operation)| {
        let invoked = (operation.invoked.time_ns(), Happening::Invocation(id));
        [invoked, (completed_ns(&operation), Happening::Completion(id))]
    });
    let mut order: Vec<_> = nemesis.chain(operations).collect();
    order.sort_unstable();
    let mut writer = EventWriter::new(BufWriter::new(File::create(path)?), header)?;
    for (index, (time, happening)) in (0_u64..).zip(order) {
        let mut event = match happening {
            Happening::Nemesis(at) => history.nemesis[at].clone(),
            Happening::Invocation(id) => invocation(history.get(id)),
            Happening::Completion(id) => completion(history.get(id)),
        };
        (event.index, event.time) = (Some(index), time);
        writer.append(&event)?;
    }
    writer.flush()
}

fn invocation(operation: Recorded<'_>) -> Event {
    let value = operation.history().values.to_json(operation.argument);
    event(operation, EventType::Invoke, value)
}

fn completion(operation: Recorded<'_>) -> Event {
    let kind = match operation.outcome {
        Outcome::Ok => EventType::Ok,
        Outcome::Fail => EventType::Fail,
        Outcome::Info => EventType::Info,
    };
    let value = operation.history().values.to_json(operation.result);
    let error = operation.error().map(str::to_owned);
    Event { error, ..event(operation, kind, value) }
}

fn event(operation: Recorded<'_>, kind: EventType, value: Value) -> Event {
    Event {
        index: None,
        time: 0,
        process: Process::Client(operation.process),
        node: operation.node().map(|node| node.to_owned().into()),
        kind,
        f: operation.f().to_owned().into(),
        key: operation.key().map(|key| key.to_owned().into()),
        value,
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}

/// Writes what the nodes said, one line each.
pub(crate) fn write_probes(probes: &[Probe], path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for probe in probes {
        serde_json::to_writer(&mut file, probe)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}
