//! When something happened in a run that its logs may explain.

use std::collections::BTreeMap;

use squall_checker::history::{History, Moment, Outcome};
use squall_checker::verdict::{Analysis, Conclusion};

use crate::probes::Probe;

/// When faults began and ended, contradictions became complete, and nodes began or ceased to
/// claim that they lead; in no order.
pub(super) fn of(history: &History, analysis: &Analysis, probes: &[Probe]) -> Vec<u64> {
    let mut moments: Vec<u64> = history.nemesis.iter().map(|event| event.time).collect();
    moments.extend(leadership(probes));
    for key in &analysis.keys {
        let Conclusion::Violation(counterexample) = &key.conclusion else { continue };
        let operations = &counterexample.operations;
        let acknowledged = operations
            .iter()
            .filter_map(|id| history.operations.get(id.0 as usize))
            .filter(|operation| operation.outcome == Outcome::Ok)
            .filter_map(|operation| operation.completed.map(Moment::time_ns));
        moments.extend(acknowledged.max());
    }
    moments
}

fn leadership(probes: &[Probe]) -> impl Iterator<Item = u64> {
    let mut leads: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    probes.iter().filter(|probe| probe.alive).filter_map(move |probe| {
        let leading = probe.role.as_deref() == Some("leader");
        let before = leads.get(probe.node.as_str()).copied();
        match (before, leading) {
            (Some(term), true) if term == probe.term => return None,
            (_, true) => leads.insert(&probe.node, probe.term),
            (Some(_), false) => leads.remove(probe.node.as_str()),
            (None, false) => return None,
        };
        Some(probe.time)
    })
}
