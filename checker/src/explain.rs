//! One sentence about a contradiction, for a tired person at three in the morning.
//!
//! Says what a node did wrong and by how much, in the words of the history: nodes, values,
//! durations. Every clause is a fact of the history, whichever operations it is about. Each
//! family of models has its sentences in a module of its own; what none of them can tell is
//! listed.

mod counter;
mod ids;
mod list;
mod mutex;
mod queue;
mod register;
mod set;
pub(crate) mod transactions;
mod words;

use std::fmt::Write;

use crate::history::{History, Recorded};
use crate::model::ModelName;
use crate::verdict::{Contradiction, Edge, OperationId};
pub(crate) use words::show;
use words::{deed, duration, shorten};

/// Operations of an unordered heap that are listed one by one.
const LISTED_MAX: usize = 6;

/// Characters after which no further operation is listed.
const CHARACTERS_MAX: usize = 280;

/// Explains why `operations` contradict each other under `model`.
///
/// `edges` is the cycle they form, if one was found.
pub(crate) fn explain(
    history: &History,
    model: ModelName,
    kind: Contradiction,
    operations: &[OperationId],
    edges: &[Edge],
) -> String {
    let members: Vec<Recorded<'_>> = operations.iter().map(|id| history.get(*id)).collect();
    let sentence = match model {
        ModelName::Register | ModelName::CasRegister | ModelName::Kv => {
            register::explain(history, kind, &members, edges)
        }
        ModelName::ListAppend => list::explain(history, kind, &members),
        ModelName::Counter => counter::explain(history, kind, &members),
        ModelName::Ids => ids::explain(history, kind, &members),
        ModelName::Set => set::explain(history, kind, &members),
        ModelName::Queue | ModelName::Bag => queue::explain(kind, &members),
        ModelName::Mutex => mutex::explain(kind, &members),
        _ => None,
    };
    let sentence = sentence.unwrap_or_else(|| no_order(&members));
    let key = members.first().and_then(|member| member.key());
    let one_key = members.iter().all(|member| member.key() == key);
    match key.filter(|_| one_key) {
        Some(key) => format!("key {}: {sentence}", shorten(key)),
        None => sentence,
    }
}

fn no_order(members: &[Recorded<'_>]) -> String {
    let count = members.len();
    let Some(began) = members.iter().map(|member| member.invoked.time_ns()).min() else {
        return "no operation is left to explain".to_owned();
    };
    let mut sentence = format!("no order of {count} operations is legal: ");
    let mut listed = 0;
    for member in members.iter().take(LISTED_MAX) {
        let separator = if listed == 0 { "" } else { "; " };
        let at = duration(member.invoked.time_ns() - began);
        let clause = format!("{separator}{} at +{at}", deed(*member));
        if listed > 0 && sentence.chars().count() + clause.chars().count() > CHARACTERS_MAX {
            break;
        }
        sentence += &clause;
        listed += 1;
    }
    if count > listed {
        // Writing to a string cannot fail.
        let _ = write!(sentence, "; and {} more", count - listed);
    }
    sentence
}
