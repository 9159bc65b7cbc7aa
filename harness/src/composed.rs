//! Operations that a system does not offer, made of a read and a compare-and-set.
//!
//! What the two are is a [recipe](squall_workloads::recipe). The operation takes effect with
//! the compare-and-set, so until that is sent it certainly has not.

use std::sync::atomic::{AtomicBool, Ordering};

use squall_workloads::{
    Invocation,
    recipe::{self, Decision},
};

use crate::system::{Client, Completion};

/// Carries out `invocation` on `node` by its recipe, one attempt at each request.
///
/// `may_change` is set just before the first request that may change anything: whoever gives
/// up before that knows that nothing has happened.
pub async fn invoke(
    client: &mut dyn Client,
    node: usize,
    invocation: &Invocation,
    may_change: &AtomicBool,
) -> Completion {
    let key = recipe::state_key(invocation);
    // Where several keys hold what is one object, none of their revisions is that object's.
    let own = invocation.key.as_ref() == Some(&key);
    let (found, revision) = match client.invoke(node, &Invocation::read(key.clone())).await {
        Completion::Ok { value, revision } => (value, revision.filter(|_| own)),
        // A read changes nothing, so neither has the whole.
        Completion::Info(why) => return Completion::Fail(format!("cannot look first: {why}")),
        other => return other,
    };
    let (new, answer) = match recipe::decide(invocation.function, &invocation.value, &found) {
        Decision::Answer(value) => return Completion::Ok { value, revision },
        Decision::Refuse(why) => return Completion::Declined(why),
        Decision::Replace { new, answer } => (new, answer),
    };
    may_change.store(true, Ordering::Relaxed);
    match client.invoke(node, &Invocation::cas(key, found, new)).await {
        Completion::Ok { revision, .. } => {
            Completion::Ok { value: answer, revision: revision.filter(|_| own) }
        }
        Completion::Mismatch { .. } => {
            Completion::Declined("somebody changed it in between".to_owned())
        }
        other => other,
    }
}
