//! What clients saw, as histories for our own checker.

use std::collections::BTreeMap;

use serde_json::Value;
use squall_checker::history::{Event, EventType, HistoryBuilder, Process};
use squall_checker::model::ModelName;
use squall_checker::verdict::{Conclusion, Verdict};
use squall_checker::{CheckOptions, check};
use squall_node::raft::NodeId;

use super::promises::Broken;
use super::schedule::Moment;
use super::workload::{Deed, Kind, Object};

/// How an operation ended, as its history has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    /// It took effect; a read with what it found.
    Ok(Value),
    /// A compare-and-set was refused, because the key held this.
    Mismatch(Value),
    /// It never takes effect.
    Fail,
    /// It may take effect at any time, or never.
    Info,
}

/// One history for each kind of object, in one order of events.
#[derive(Default)]
pub(crate) struct Recorder {
    histories: BTreeMap<Kind, HistoryBuilder>,
    next_index: u64,
    /// How many operations ended well.
    pub(crate) ok: u64,
    /// How many were left open.
    pub(crate) info: u64,
}

impl Recorder {
    pub(crate) fn invoked(&mut self, at: Moment, process: u64, object: Object, deed: Deed) {
        let event = event(at, process, EventType::Invoke, object, deed);
        self.push(object.kind, Event { value: deed.argument(), ..event });
    }

    /// Notes how an operation ended, as answered by `node`.
    pub(crate) fn completed(
        &mut self,
        at: Moment,
        process: u64,
        (object, deed): (Object, Deed),
        node: Option<NodeId>,
        ending: &Ending,
    ) {
        let kind = match ending {
            Ending::Ok(_) => EventType::Ok,
            Ending::Mismatch(_) | Ending::Fail => EventType::Fail,
            Ending::Info => EventType::Info,
        };
        self.ok += u64::from(kind == EventType::Ok);
        self.info += u64::from(kind == EventType::Info);
        let (value, error) = match ending {
            Ending::Ok(found) if deed == Deed::Read => (found.clone(), None),
            Ending::Mismatch(found) => (found.clone(), Some("mismatch".to_owned())),
            Ending::Ok(_) | Ending::Info => (deed.argument(), None),
            Ending::Fail => (deed.argument(), Some("refused".to_owned())),
        };
        let node = node.map(|node| node.to_string().into());
        let event = event(at, process, kind, object, deed);
        self.push(object.kind, Event { value, error, node, ..event });
    }

    fn push(&mut self, kind: Kind, mut event: Event) {
        event.index = Some(self.next_index);
        self.next_index += 1;
        let line = self.next_index as usize;
        self.histories
            .entry(kind)
            .or_default()
            .push(line, event)
            .expect("a simulated client has one operation in flight");
    }

    /// Demands an order of all operations in which each finds what it found.
    pub(crate) fn judge(self) -> Result<(), Broken> {
        for (kind, builder) in self.histories {
            let model = match kind {
                Kind::Register => ModelName::CasRegister,
                Kind::List => ModelName::ListAppend,
                Kind::Counter => ModelName::Counter,
            };
            let options = CheckOptions { model: Some(model), ..CheckOptions::default() };
            let analysis = check(&builder.finish(), &options)
                .expect("simulated clients use the functions of the model");
            if analysis.verdict == Verdict::Linearizable {
                continue;
            }
            for key in analysis.keys {
                match key.conclusion {
                    Conclusion::Linearizable { .. } => {}
                    Conclusion::Violation(counterexample) => {
                        return Err(Broken::Linearizability(counterexample.explanation));
                    }
                    Conclusion::Unknown { reason } => return Err(Broken::Undecided(reason)),
                }
            }
        }
        Ok(())
    }
}

fn event(at: Moment, process: u64, kind: EventType, object: Object, deed: Deed) -> Event {
    Event {
        index: None,
        time: at.0 * 1_000,
        process: Process::Client(process),
        node: None,
        kind,
        f: deed.function().into(),
        key: Some(object.to_string().into()),
        value: Value::Null,
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}
