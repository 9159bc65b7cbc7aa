//! What checking a history concludes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The conclusion about a history or one key of it.
///
/// Ordered by precedence: a violation anywhere outweighs an undecided key, which
/// outweighs a linearizable one, so the verdict of a history is the maximum over its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A legal order exists; a certificate shows it.
    Linearizable,
    /// Neither was shown within the budget.
    Unknown,
    /// No legal order exists; a counterexample shows why.
    Violation,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Linearizable => "linearizable",
            Self::Unknown => "unknown",
            Self::Violation => "violation",
        })
    }
}

/// An operation, named by its position among the invocations of clients in the history
/// (0-based, in event order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub u32);

/// The kind of contradiction a counterexample shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contradiction {
    /// A read, or a compare-and-set, found a value that no operation could have written.
    NeverWritten,
    /// A read ended before the write of its value began.
    ReadBeforeWrite,
    /// Two values would each have to be current before the other.
    ValueReturned,
    /// Two compare-and-sets replaced the same value, which was written only once.
    ReplacedTwice,
    /// An operation ended before one began that a chain of compare-and-sets puts before it.
    ChainInverted,
    /// Compare-and-sets that each need the value another left, in a circle.
    ChainClosed,
    /// A compare-and-set was refused although the value it expected was there throughout.
    RefusedInVain,
    /// Two reads of which neither continues the other.
    DivergentReads,
    /// A read shows an element more often than it was added.
    RepeatedElement,
    /// An operation ended before another began, but what both returned says the opposite.
    OutOfOrder,
    /// A read counts more than had begun when it ended.
    CountTooHigh,
    /// A read counts less than had certainly happened when it began.
    CountTooLow,
    /// Two operations were given the same number.
    DuplicateId,
    /// A number was given although too few operations had begun to reach it.
    MissingId,
    /// An element was dequeued twice.
    DequeuedTwice,
    /// An element was dequeued that nobody enqueued.
    NeverEnqueued,
    /// A dequeue ended before the enqueue of its element began.
    DequeuedBeforeEnqueue,
    /// An element was dequeued, or stayed, in the wrong order: not first in, first out.
    Overtaken,
    /// A queue was found empty while something was certainly in it.
    EmptyNotEmpty,
    /// A lock was held twice at once.
    HeldTwice,
    /// A lock was released by one who could not have held it.
    NotHeld,
    /// Transactions whose writes overwrite each other in a circle.
    G0,
    /// A transaction read what a failed transaction wrote.
    #[serde(rename = "g1a")]
    G1a,
    /// A transaction read a state in the middle of another.
    #[serde(rename = "g1b")]
    G1b,
    /// Transactions that each depend on what another wrote, in a circle.
    #[serde(rename = "g1c")]
    G1c,
    /// A circle of dependencies with exactly one read that missed a write.
    GSingle,
    /// A circle of dependencies with several reads that missed writes.
    G2,
    /// A transaction contradicts its own earlier operations.
    Internal,
    /// Two transactions read the same state and both replaced it.
    LostUpdate,
    /// None of the above; the operations are what remained after minimising.
    NoOrder,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NeverWritten => "never-written",
            Self::ReadBeforeWrite => "read-before-write",
            Self::ValueReturned => "value-returned",
            Self::ReplacedTwice => "replaced-twice",
            Self::ChainInverted => "chain-inverted",
            Self::ChainClosed => "chain-closed",
            Self::RefusedInVain => "refused-in-vain",
            Self::DivergentReads => "divergent-reads",
            Self::RepeatedElement => "repeated-element",
            Self::OutOfOrder => "out-of-order",
            Self::CountTooHigh => "count-too-high",
            Self::CountTooLow => "count-too-low",
            Self::DuplicateId => "duplicate-id",
            Self::MissingId => "missing-id",
            Self::DequeuedTwice => "dequeued-twice",
            Self::NeverEnqueued => "never-enqueued",
            Self::DequeuedBeforeEnqueue => "dequeued-before-enqueue",
            Self::Overtaken => "overtaken",
            Self::EmptyNotEmpty => "empty-not-empty",
            Self::HeldTwice => "held-twice",
            Self::NotHeld => "not-held",
            Self::G0 => "g0",
            Self::G1a => "g1a",
            Self::G1b => "g1b",
            Self::G1c => "g1c",
            Self::GSingle => "g-single",
            Self::G2 => "g2",
            Self::Internal => "internal",
            Self::LostUpdate => "lost-update",
            Self::NoOrder => "no-order",
        })
    }
}

/// A few operations that contradict each other, whatever the rest of the history holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterexample {
    /// The kind of contradiction.
    pub kind: Contradiction,
    /// The operations, by invocation; removing any one leaves no contradiction.
    pub operations: Vec<OperationId>,
    /// One sentence for a person, naming nodes, values and durations.
    pub explanation: String,
    /// The cycle behind the contradiction, in order: each edge starts where the one before
    /// it ended. Empty where no single cycle shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Edge>,
}

/// One step of a cycle of operations: `from` would have to come before `to`, or, for
/// [`Precedence::SameValue`], the two stand for the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The operation that comes first.
    pub from: OperationId,
    /// The operation that comes after it.
    pub to: OperationId,
    /// What forces the order.
    pub why: Precedence,
}

/// What forces one operation before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precedence {
    /// The first ended before the second began.
    RealTime,
    /// The second returned the value that the first wrote: a write-read dependency.
    ReadsFrom,
    /// Both belong to one value, whose operations no operation of another value can part:
    /// what is forced before or after one of them is so for all.
    SameValue,
    /// The first returned the initial value, which every write replaces for good.
    InitialValue,
    /// Both wrote to one key, the first before the second: a read shows their order.
    WriteWrite,
    /// The first read a key without what the second wrote to it.
    ReadWrite,
}

impl fmt::Display for Precedence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RealTime => "real-time",
            Self::ReadsFrom => "reads-from",
            Self::SameValue => "same-value",
            Self::InitialValue => "initial-value",
            Self::WriteWrite => "write-write",
            Self::ReadWrite => "read-write",
        })
    }
}

/// What is known about one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyAnalysis {
    /// The key; `None` for a history without keys.
    pub key: Option<String>,
    /// Operations of this key that took part in the check; all of it where a result of a wrong
    /// shape left none to.
    pub operations: usize,
    /// The procedure that decided it, e.g. `"unique-register"` or `"search"`; `"none"` where a
    /// result of a wrong shape left nothing to decide.
    pub procedure: String,
    /// What revisions and values together show, where revisions were told. It never bears on
    /// the verdict, which is on values alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisions: Option<RevisionConclusion>,
    /// What it concluded, with the proof.
    #[serde(flatten)]
    pub conclusion: Conclusion,
}

/// What the revisions that operations of a register told show, beside its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum RevisionConclusion {
    /// There is an order in which each operation finds the value and the revision it told.
    Linearizable,
    /// There is none; values alone may still have one.
    Violation(Counterexample),
}

/// A verdict together with what proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Conclusion {
    /// Legal in this order.
    Linearizable {
        /// Every operation that took effect, in the order of linearization points.
        order: Vec<OperationId>,
    },
    /// Not decided.
    Unknown {
        /// Why, and how far the proof got.
        reason: String,
    },
    /// Impossible.
    Violation(Counterexample),
}

impl Conclusion {
    /// The bare verdict.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Linearizable { .. } => Verdict::Linearizable,
            Self::Unknown { .. } => Verdict::Unknown,
            Self::Violation(_) => Verdict::Violation,
        }
    }
}

/// The outcome of checking a whole history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Maximum over the keys; an empty history is linearizable.
    pub verdict: Verdict,
    /// The model the keys were judged by, by name.
    pub model: String,
    /// Per key, in order of first appearance.
    pub keys: Vec<KeyAnalysis>,
}
