//! What a workload promises beside its model, as results keep it.

use squall_results::facts::Beside;
use squall_workloads::{Promise, Workload};

/// The promises of `workload`.
pub(crate) fn of(workload: &dyn Workload) -> Vec<Beside> {
    workload.promises().into_iter().map(beside).collect()
}

fn beside(promise: Promise) -> Beside {
    match promise {
        // Clients move only what they know an account to hold.
        Promise::ConstantTotal { keys, total } => {
            Beside::ConstantTotal { keys, total, may_be_negative: false }
        }
        Promise::FencingTokens => Beside::FencingTokens,
        Promise::Revisions => Beside::Revisions,
    }
}
