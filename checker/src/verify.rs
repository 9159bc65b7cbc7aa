//! The verifier: judges a certificate against a history, trusting neither search nor
//! procedure.
//!
//! It shares no code with what it judges: it reads operations and values as they stand in
//! the history, and every rule is stated here once, in full. What it needs to believe is
//! small: the [`register`] semantics, the [`order`] rules and the [`closure`] argument;
//! [`claims`] are what a counterexample says on top.

mod claims;
mod closure;
mod order;
mod register;

use rustc_hash::{FxHashMap, FxHashSet};
use thiserror::Error;

use crate::certificate::Certificate;
use crate::history::History;
use crate::verdict::{Conclusion, Contradiction, Edge, OperationId, Verdict};

/// What a certificate was found to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// `linearizable` or `violation`.
    pub verdict: Verdict,
    /// Keys whose proof was gone through.
    pub keys: usize,
    /// Operations named by those proofs.
    pub operations: usize,
}

/// The rule a certificate breaks; messages complete "failed to ...".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The certificate proves nothing.
    #[error(
        "verify the certificate: its verdict is unknown, which proves nothing; check with a \
         larger budget"
    )]
    Unknown,
    /// A model the verifier has no rules for.
    #[error(
        "verify the certificate: there are no rules for model `{model}`, only for register and \
         cas-register"
    )]
    Model {
        /// The model named.
        model: String,
    },
    /// The verdict is not the one its keys add up to.
    #[error("verify the certificate: it claims `{claimed}` but its keys add up to `{found}`")]
    Verdict {
        /// What it claims.
        claimed: Verdict,
        /// What its keys claim.
        found: Verdict,
    },
    /// A key of the history is missing.
    #[error("find a proof for key {key} of the history, which linearizable needs for every key")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A key of the certificate is not in the history.
    #[error("find key {key} of the certificate in the history")]
    ForeignKey {
        /// The key.
        key: String,
    },
    /// A key has two proofs.
    #[error("verify the proof of key {key}: it has two")]
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// A proof of one key fails.
    #[error("verify the proof of key {key}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with its proof.
        #[source]
        flaw: Flaw,
    },
}

/// What is wrong with the proof of one key; messages complete "failed to ...".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// An operation that the history does not have.
    #[error("find operation {} in the history", .0.0)]
    NoSuchOperation(OperationId),
    /// An operation of another key.
    #[error("let operation {} take part: it belongs to another key", .0.0)]
    OtherKey(OperationId),
    /// An operation named twice.
    #[error("let operation {} take part twice", .0.0)]
    Repeated(OperationId),
    /// An operation that certainly had no effect.
    #[error("let operation {} take part: it failed", .0.0)]
    Failed(OperationId),
    /// An indeterminate read.
    #[error("let operation {} take part: it is a read that returned nothing", .0.0)]
    NothingReturned(OperationId),
    /// An operation that certainly took effect is missing.
    #[error("find operation {} in the order, where it must be as it succeeded", .0.0)]
    Missing(OperationId),
    /// The order contradicts real time.
    #[error(
        "let operation {} come after operation {}, before which it ended",
        .early.0, .late.0
    )]
    RealTime {
        /// The one that ended first.
        early: OperationId,
        /// The one that the order has first.
        late: OperationId,
    },
    /// The replay fails.
    #[error("replay operation {}: it needs the value {expected}, but the order has {found} there", .operation.0)]
    Illegal {
        /// The operation that cannot happen.
        operation: OperationId,
        /// The value it returned or expected.
        expected: String,
        /// The value current at its place.
        found: String,
    },
    /// An operation of a function or value the model has no rule for.
    #[error("judge operation {}: it is no operation of the model", .0.0)]
    NotOfTheModel(OperationId),
    /// A counterexample without an operation its reads depend on.
    #[error(
        "leave operation {} out of the counterexample: it could have produced the value of \
         operation {}",
        .source_operation.0, .operation.0
    )]
    NotClosed {
        /// The operation whose value needs explaining.
        operation: OperationId,
        /// The operation left out.
        source_operation: OperationId,
    },
    /// A counterexample that is none.
    #[error("contradict the history: the operations of the counterexample have a legal order")]
    Explained,
    /// A counterexample that shows something else.
    #[error("find a contradiction of the kind `{0}` in the operations of the counterexample")]
    NotOfTheKind(Contradiction),
    /// An edge at an operation that the counterexample does not name.
    #[error("find operation {}, where an edge ends, in the counterexample", .0.0)]
    EdgeOutside(OperationId),
    /// An edge without what is said to force it.
    #[error("confirm the edge from operation {} to operation {}: `{}` does not hold", .0.from.0, .0.to.0, .0.why)]
    Edge(Edge),
    /// Edges that are no cycle.
    #[error(
        "follow the edges: one ends at operation {}, the next begins at operation {}",
        .end.0, .beginning.0
    )]
    NoCycle {
        /// Where an edge ends.
        end: OperationId,
        /// Where the next begins.
        beginning: OperationId,
    },
    /// A counterexample too large to enumerate.
    #[error(
        "enumerate the orders of the counterexample: there are too many ({configurations} tried)"
    )]
    TooLarge {
        /// Configurations enumerated before giving up.
        configurations: usize,
    },
}

/// Judges `certificate` against `history`.
///
/// `linearizable` needs an order for every key; `violation` needs a counterexample for one
/// key, and other keys may be absent or unknown. Every proof that is there must hold, and of
/// a counterexample its kind and edges too; the explanation is for people and not judged.
/// A linearizable key costs O(n); a counterexample of m operations one pass over its key
/// per operation and at worst the number of sets of its concurrent operations.
///
/// # Errors
/// The first rule broken, with the operation that breaks it.
pub fn verify(history: &History, certificate: &Certificate) -> Result<Verified, VerifyError> {
    if !matches!(certificate.model.as_str(), "register" | "cas-register") {
        return Err(VerifyError::Model { model: certificate.model.clone() });
    }
    claim_adds_up(certificate)?;
    let keys = Keys::of(history);
    let mut proven = FxHashSet::default();
    let mut named = vec![false; history.operations.len()];
    let mut verified = Verified { verdict: certificate.verdict, keys: 0, operations: 0 };
    for proof in &certificate.keys {
        let key = proof.key.as_deref();
        let Some(&number) = keys.numbers.get(&key) else {
            return Err(VerifyError::ForeignKey { key: spell(key) });
        };
        if !proven.insert(number) {
            return Err(VerifyError::RepeatedKey { key: spell(key) });
        }
        let members = &keys.members[number as usize];
        if certificate.model == "register" {
            without_cas(history, members)
                .map_err(|flaw| VerifyError::Key { key: spell(key), flaw })?;
        }
        let judged = match &proof.conclusion {
            Conclusion::Unknown { .. } => continue,
            Conclusion::Linearizable { order } => {
                verified.operations += order.len();
                order::verify_order(history, &keys.key_of, number, members, order, &mut named)
            }
            Conclusion::Violation(counterexample) => {
                let named = &counterexample.operations;
                verified.operations += named.len();
                closure::verify_counterexample(history, &keys.key_of, number, members, named)
                    .and_then(|()| claims::verify_claims(history, members, counterexample))
            }
        };
        judged.map_err(|flaw| VerifyError::Key { key: spell(key), flaw })?;
        verified.keys += 1;
    }
    if certificate.verdict == Verdict::Linearizable {
        let missing = (0..).zip(&keys.names).find(|(number, _)| !proven.contains(number));
        if let Some((_, key)) = missing {
            return Err(VerifyError::MissingKey { key: spell(*key) });
        }
    }
    Ok(verified)
}

/// The verdict must be the maximum over the keys, and not unknown.
fn claim_adds_up(certificate: &Certificate) -> Result<(), VerifyError> {
    if certificate.verdict == Verdict::Unknown {
        return Err(VerifyError::Unknown);
    }
    let keys = certificate.keys.iter().map(|proof| proof.conclusion.verdict());
    let found = keys.max().unwrap_or(Verdict::Linearizable);
    if found == certificate.verdict {
        Ok(())
    } else {
        Err(VerifyError::Verdict { claimed: certificate.verdict, found })
    }
}

/// A plain register has no compare-and-set.
fn without_cas(history: &History, members: &[OperationId]) -> Result<(), Flaw> {
    let cas = members.iter().find(|id| history.get(**id).f() == "cas");
    cas.map_or(Ok(()), |id| Err(Flaw::NotOfTheModel(*id)))
}

/// The keys of a history, numbered by first appearance.
struct Keys<'a> {
    numbers: FxHashMap<Option<&'a str>, u32>,
    names: Vec<Option<&'a str>>,
    /// The key of each operation.
    key_of: Vec<u32>,
    /// The operations of each key.
    members: Vec<Vec<OperationId>>,
}

impl<'a> Keys<'a> {
    fn of(history: &'a History) -> Self {
        let mut keys = Self {
            numbers: FxHashMap::default(),
            names: Vec::new(),
            key_of: Vec::with_capacity(history.operations.len()),
            members: Vec::new(),
        };
        for (id, operation) in history.iter() {
            let key = operation.key();
            let number = *keys.numbers.entry(key).or_insert_with(|| {
                keys.names.push(key);
                keys.members.push(Vec::new());
                keys.names.len() as u32 - 1
            });
            keys.key_of.push(number);
            keys.members[number as usize].push(id);
        }
        keys
    }
}

fn spell(key: Option<&str>) -> String {
    key.unwrap_or("(none)").to_owned()
}
