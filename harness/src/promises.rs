//! What a workload promises beside its model, as results keep it.

use squall_results::facts::Beside;
use squall_workloads::{Promise, Workload};

/// The promises of `workload` that hold of a system, of whose revisions something is known or
/// not.
pub(crate) fn of(workload: &dyn Workload, revisions_are_of_values: bool) -> Vec<Beside> {
    let mut promises = workload.promises();
    promises
        .retain(|promise| revisions_are_of_values || !matches!(promise, Promise::Revisions { .. }));
    promises.into_iter().map(beside).collect()
}

fn beside(promise: Promise) -> Beside {
    match promise {
        // Clients move only what they know an account to hold.
        Promise::ConstantTotal { keys, total } => {
            Beside::ConstantTotal { keys, total, may_be_negative: false }
        }
        Promise::FencingTokens => Beside::FencingTokens,
        Promise::Revisions { keys_prefix } => Beside::Revisions { keys_prefix },
    }
}
