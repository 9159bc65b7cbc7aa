//! The verifier: judges a certificate against a history, trusting neither search nor
//! procedure.
//!
//! It shares no code with what it judges: it reads operations and values as they stand in
//! the history, and every rule is stated here once, in full. What it needs to believe is
//! small: the [`rules`] of the model and one pass over an [`order`]; and for a
//! counterexample, why a few operations condemn the whole history, which is argued once for
//! each shape of counterexample: [`closure`] for registers, [`projection`] for collections,
//! [`holds`] for locks with owners, [`window`] where the state before may be anything,
//! [`counts`] for sums, [`serial`] for transactions, and [`prefix`] for any model. What they
//! leave is enumerated in full. [`claims`] are what a counterexample says on top.

mod chosen;
mod claims;
mod closure;
mod counterexample;
mod counts;
mod enumerate;
mod holds;
mod objects;
mod order;
mod prefix;
mod projection;
mod rules;
mod serial;
mod window;

use rustc_hash::{FxHashMap, FxHashSet};
use thiserror::Error;

use crate::certificate::{Certificate, KeyCertificate};
use crate::history::{History, Name, Outcome, Value};
use crate::model::{ModelName, UnknownModel};
use crate::verdict::{Conclusion, Contradiction, Edge, OperationId, Verdict};
use objects::{Division, Object, Objects};
use order::{Bound, verify_order};
use rules::{
    Bank, Counter, Discipline, ElementDeed, Elements, Ids, List, Lock, Map, Queue, QueueDeed,
    Register, Taken, Text, Transactions, TransactionsOf, is_refusal,
};

/// What a certificate was found to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The model it is proven for, which is the certificate's; whether that is the model
    /// meant is for the caller to say.
    pub model: ModelName,
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
    #[error("verify the certificate")]
    Model {
        /// The model named.
        #[from]
        source: UnknownModel,
    },
    /// An operation of a mixed history whose key does not begin with a model and a slash.
    #[error(
        "tell what judges operation {}: the history is mixed, and its key {key} names no model",
        .operation.0
    )]
    KeyNamesNoModel {
        /// The operation.
        operation: OperationId,
        /// Its key.
        key: String,
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
    #[error("replay operation {}: it cannot happen in the state that the order has there", .operation.0)]
    Illegal {
        /// The operation that cannot happen.
        operation: OperationId,
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
    /// An element enqueued twice, of which the rules cannot tell which one is taken.
    #[error("tell the elements apart: operation {} enqueues one that another enqueues too", .0.0)]
    EnqueuedTwice(OperationId),
    /// An owner of a lock who does two things at once.
    #[error("tell the holds of an owner apart: operations {} and {} overlap", .one.0, .other.0)]
    OwnerOverlaps {
        /// One of them.
        one: OperationId,
        /// The other.
        other: OperationId,
    },
    /// Increments of a counter that differ, so that counting them proves nothing.
    #[error("count the increments: they do not all add the same")]
    AmountsDiffer,
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
/// A linearizable key costs one replay; a counterexample of m operations one pass over its
/// key per operation and at worst the number of sets of its concurrent operations.
///
/// # Errors
/// The first rule broken, with the operation that breaks it.
pub fn verify(history: &History, certificate: &Certificate) -> Result<Verified, VerifyError> {
    let model: ModelName = certificate.model.parse()?;
    claim_adds_up(certificate)?;
    let objects = Objects::of(history, division(history, model));
    let judges = judges(history, model, &objects)?;
    let mut proven = FxHashSet::default();
    let mut named = vec![false; history.operations.len()];
    let mut verified = Verified { model, verdict: certificate.verdict, keys: 0, operations: 0 };
    for proof in &certificate.keys {
        let key = proof.key.as_deref();
        let Some(number) = objects.find(history, key) else {
            return Err(VerifyError::ForeignKey { key: spell(key) });
        };
        if !proven.insert(number) {
            return Err(VerifyError::RepeatedKey { key: spell(key) });
        }
        let object = objects.object(number);
        if matches!(proof.conclusion, Conclusion::Unknown { .. }) {
            continue;
        }
        let judge_of_it = judges[number as usize];
        verified.operations += judge(history, judge_of_it, &object, proof, &mut named)
            .map_err(|flaw| VerifyError::Key { key: spell(key), flaw })?;
        verified.keys += 1;
    }
    if certificate.verdict == Verdict::Linearizable {
        let missing = (0..).zip(objects.keys()).find(|(number, _)| !proven.contains(number));
        if let Some((_, key)) = missing {
            let key = spell(key.map(|key| history.names.get(key)));
            return Err(VerifyError::MissingKey { key });
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

/// Keys are objects, unless operations are about several of them; in a mixed history always.
fn division(history: &History, model: ModelName) -> Division {
    match model {
        ModelName::Bank | ModelName::TxnAppend | ModelName::TxnRegister => Division::Whole,
        ModelName::Kv if history.operations.iter().any(|operation| operation.key.is_none()) => {
            Division::Whole
        }
        _ => Division::ByKey,
    }
}

/// The model that judges each object: the one claimed, or, where that is `mixed`, what stands
/// before the first slash of the key, which then must be a model and not `mixed` itself.
fn judges(
    history: &History,
    model: ModelName,
    objects: &Objects<'_>,
) -> Result<Vec<ModelName>, VerifyError> {
    let judge = |(number, key): (u32, &Option<Name>)| {
        if model != ModelName::Mixed {
            return Ok(model);
        }
        let key = key.map(|key| history.names.get(key));
        let slash = key.and_then(|key| Some((key, key.find('/')?)));
        match slash.map(|(key, slash)| key[..slash].parse()) {
            Some(Ok(named)) if named != ModelName::Mixed => Ok(named),
            _ => Err(VerifyError::KeyNamesNoModel {
                operation: objects.object(number).members[0],
                key: spell(key),
            }),
        }
    };
    (0..).zip(objects.keys()).map(judge).collect()
}

/// Judges the proof of one object; how many operations it names.
fn judge(
    history: &History,
    model: ModelName,
    object: &Object<'_>,
    proof: &KeyCertificate,
    named: &mut [bool],
) -> Result<usize, Flaw> {
    if model == ModelName::Register {
        without_cas(history, object)?;
    }
    match &proof.conclusion {
        Conclusion::Unknown { .. } => Ok(0),
        Conclusion::Linearizable { order } => {
            replay(history, model, object, order, named)?;
            Ok(order.len())
        }
        Conclusion::Violation(counterexample) => {
            counterexample::verify_counterexample(history, model, object, counterexample)?;
            Ok(counterexample.operations.len())
        }
    }
}

/// Judges an order by the rules of the model.
fn replay(
    history: &History,
    model: ModelName,
    object: &Object<'_>,
    order: &[OperationId],
    named: &mut [bool],
) -> Result<(), Flaw> {
    macro_rules! by {
        ($rules:expr) => {
            verify_order(&$rules, history, object, order, named, &Bound::Together, |_, _| {})
        };
    }
    match model {
        ModelName::Kv if object.division == Division::Whole => by!(Map),
        ModelName::Register | ModelName::CasRegister | ModelName::Kv => by!(Register),
        ModelName::KvAppend => by!(Text),
        ModelName::ListAppend => by!(List { history }),
        ModelName::Counter => by!(Counter),
        ModelName::Mutex => by!(Lock),
        ModelName::Ids => by!(Ids),
        ModelName::Bank => by!(Bank),
        ModelName::TxnAppend => by!(Transactions { of: TransactionsOf::Lists }),
        ModelName::TxnRegister => by!(Transactions { of: TransactionsOf::Registers }),
        ModelName::Queue => by!(Queue { discipline: Discipline::Fifo }),
        ModelName::Bag => replay_bag(history, object, order, named),
        ModelName::Set => {
            let read = history.names.find("read");
            let reads_all = object.members.iter().any(|id| {
                let operation = history.get(*id);
                Some(operation.f) == read && operation.outcome == Outcome::Ok
            });
            let part: &dyn Fn(&ElementDeed) -> Option<Value> = &ElementDeed::element;
            let bound = if reads_all { Bound::Together } else { Bound::PerPart(part) };
            verify_order(&Elements, history, object, order, named, &bound, |_, _| {})
        }
        ModelName::Mixed => unreachable!("a key is judged by the model it names"),
    }
}

/// Judges an order of a bag, in which what nobody is known to take is alike.
///
/// Where an element was enqueued several times, each dequeue that returned it may be taken to
/// have taken the latest one before it that none has: any other choice keeps an earlier one
/// from those that follow, and exchanging the two leaves all of them an enqueue before them.
fn replay_bag(
    history: &History,
    object: &Object<'_>,
    order: &[OperationId],
    named: &mut [bool],
) -> Result<(), Flaw> {
    let mut there: FxHashMap<Value, Vec<OperationId>> = FxHashMap::default();
    let mut taken: FxHashSet<OperationId> = FxHashSet::default();
    for &id in order.iter().filter(|id| object.claims(**id).is_ok()) {
        let operation = history.get(id);
        match (operation.f(), operation.outcome) {
            ("enqueue", _) => there.entry(operation.argument).or_default().push(id),
            ("dequeue", Outcome::Ok) => {
                taken.extend(there.get_mut(&operation.result).and_then(Vec::pop));
            }
            _ => {}
        }
    }
    let bag = Queue { discipline: Discipline::Bag };
    verify_order(&bag, history, object, order, named, &Bound::Together, |id, deed| {
        if let QueueDeed::Enqueue { taken: known, .. } = deed
            && !taken.contains(&id)
        {
            *known = Taken::ByNobodyKnown;
        }
    })
}

/// A plain register has no compare-and-set.
fn without_cas(history: &History, object: &Object<'_>) -> Result<(), Flaw> {
    let Some(cas) = history.names.find("cas") else { return Ok(()) };
    // One that failed takes no part, unless it was refused.
    let takes_part = |id: &&OperationId| {
        let operation = history.get(**id);
        operation.f == cas && (operation.outcome != Outcome::Fail || is_refusal(operation))
    };
    let found = object.members.iter().find(takes_part);
    found.map_or(Ok(()), |id| Err(Flaw::NotOfTheModel(*id)))
}

fn spell(key: Option<&str>) -> String {
    key.unwrap_or("(none)").to_owned()
}
