//! Why a run without a contradiction is not linearizable, as a word for each cause.
//!
//! The sentences of a verdict carry figures and names; these words do not, so that runs can be
//! grouped by them. They stand in files that outlive a version: one may be added, none renamed.

/// The cause of a verdict that is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The budget of the check was spent.
    Undecided,
    /// A result had a shape that its function cannot have.
    ResultMisshapen,
    /// The independent verifier rejected the proof of linearizability.
    ProofRejected,
    /// The run was stopped at an event that turned out to be no violation.
    StoppedInVain,
    /// Somebody stopped the run before its time.
    Interrupted,
    /// Some nodes did not serve again.
    NodeGone,
    /// No node served again, or nobody knows which did.
    ClusterGone,
    /// No operation was invoked.
    NothingInvoked,
    /// No operation succeeded.
    NothingSucceeded,
    /// Faults were planned, but none took hold.
    NoFaultTookHold,
    /// No operation succeeded while faults were in force.
    NothingUnderFaults,
    /// Some function never succeeded while faults were in force.
    FunctionUnderFaults,
    /// The run ended before the cluster was healed and read back.
    NotReadBack,
    /// Final reads were not answered.
    FinalReadsMissing,
}

impl Doubt {
    /// The word for it in every format.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::ResultMisshapen => "result-misshapen",
            Self::ProofRejected => "proof-rejected",
            Self::StoppedInVain => "stopped-in-vain",
            Self::Interrupted => "interrupted",
            Self::NodeGone => "node-gone",
            Self::ClusterGone => "cluster-gone",
            Self::NothingInvoked => "nothing-invoked",
            Self::NothingSucceeded => "nothing-succeeded",
            Self::NoFaultTookHold => "no-fault-took-hold",
            Self::NothingUnderFaults => "nothing-under-faults",
            Self::FunctionUnderFaults => "function-under-faults",
            Self::NotReadBack => "not-read-back",
            Self::FinalReadsMissing => "final-reads-missing",
        }
    }
}
