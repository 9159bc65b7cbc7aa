//! When something happened in a run that its logs may explain.

use squall_checker::history::{History, Moment, Outcome};
use squall_checker::verdict::{Analysis, Conclusion};

use crate::probes::{Probe, leadership};

/// When faults began and ended, contradictions became complete, and nodes began or ceased to
/// claim that they lead; in no order.
pub(super) fn of(history: &History, analysis: &Analysis, probes: &[Probe]) -> Vec<u64> {
    let mut moments: Vec<u64> = history.nemesis.iter().map(|event| event.time).collect();
    moments.extend(leadership(probes).map(|(probe, _)| probe.time));
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
