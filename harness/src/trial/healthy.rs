//! What clients must be told by a healthy cluster.

use std::time::Instant;

use serde_json::{Value, json};
use squall_workloads::{Function, Invocation};

use super::{ATTEMPT_INTERVAL, Callers, Trial, told};
use crate::{cluster::Cluster, system::Completion};

/// Pairs of a write and a read of it elsewhere.
const ROUNDS: u64 = 30;

impl Trial<'_> {
    /// Everything it offers, on a cluster without faults.
    pub(super) async fn healthy(&mut self, cluster: &Cluster) {
        let callers = &mut Callers::of(&*self.system, cluster);
        let plain = self.offers(Function::Read) && self.offers(Function::Write);
        if plain && self.values(callers).await {
            self.absent(callers).await;
            self.failures(callers).await;
            if self.system.revisions_are_of_values() {
                self.revisions(callers).await;
            }
            if callers.serving.len() > 1 {
                self.elsewhere(callers).await;
            }
            self.shapes(callers).await;
            if self.offers(Function::Cas) {
                self.compare_and_set(callers).await;
            }
            if self.offers(Function::Delete) {
                self.delete(callers).await;
            }
            self.changes(callers).await;
        }
        if self.offers(Function::Txn) {
            self.transactions(callers).await;
        }
        if !plain && !self.offers(Function::Txn) {
            self.doubtful(
                "it offers neither reads and writes nor transactions, so that little can be tried",
            );
        }
        self.probes(cluster).await;
    }

    /// Writes one value on every node and reads it there; whether that goes at all.
    async fn values(&mut self, callers: &mut Callers) -> bool {
        if !self.system.every_node_serves() {
            self.find_server(callers).await;
        }
        for node in callers.serving.clone() {
            let (key, value) = (self.key(), self.number());
            let name = format!("n{}", node + 1);
            match callers.insist(node, &Invocation::write(key.clone(), value)).await {
                Completion::Ok { .. } => {}
                other => {
                    self.wrong(format!(
                        "a write of {value} on {name} never succeeded; the last was: {}. Is it only \
                         the leader that serves? Then say `every_node_serves = false`",
                        told(&other)
                    ));
                    return false;
                }
            }
            match callers.insist(node, &Invocation::read(key)).await {
                Completion::Ok { value: found, .. } if found == json!(value) => {}
                Completion::Ok { value: found, .. } => {
                    self.wrong(misread(value, &found, &name));
                    return false;
                }
                other => {
                    self.wrong(format!(
                        "a read on {name} never succeeded; the last was: {}",
                        told(&other)
                    ));
                    return false;
                }
            }
        }
        if self.system.every_node_serves() {
            self.good("every node serves writes, and reads return what was written");
        } else {
            self.good("reads return what was written");
        }
        true
    }

    /// Looks for the node that serves where not every node does, and asks no other after that.
    async fn find_server(&mut self, callers: &mut Callers) {
        let deadline = Instant::now() + callers.patience;
        for node in (0..callers.clients.len()).cycle() {
            let (key, value) = (self.key(), self.number());
            let ended = callers.call(node, &Invocation::write(key, value)).await;
            if matches!(ended, Completion::Ok { .. }) {
                callers.serving = vec![node];
                return self.good(format!("n{} serves, as not every node has to", node + 1));
            }
            if Instant::now() > deadline {
                return;
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
        }
    }

    async fn absent(&mut self, callers: &mut Callers) {
        let key = self.key();
        match callers.insist(0, &Invocation::read(key)).await {
            Completion::Ok { value: Value::Null, .. } => {
                self.good("a key that was never written reads as nothing");
            }
            other => self.wrong(format!(
                "a read of a key that was never written is told as {}; it must be ok with null",
                told(&other)
            )),
        }
    }

    /// Many writes, each tried once: those that are told as `fail` must not be seen.
    async fn failures(&mut self, callers: &mut Callers) {
        let mut failed = Vec::new();
        for round in 0..2 * ROUNDS {
            let (key, value) = (self.key(), self.number());
            let node = usize::try_from(round).expect("a small number") % callers.clients.len();
            let write = Invocation::write(key.clone(), value);
            if let Completion::Fail(why) = callers.call(node, &write).await {
                failed.push((key, why));
            }
        }
        for (key, why) in &failed {
            if let Some(words) = self.seen(callers, key, why).await {
                return self.wrong(words);
            }
        }
        if !failed.is_empty() {
            let count = failed.len();
            self.good(format!("none of {count} writes that were told as fail took effect"));
        }
    }

    /// Whether a write of a key of its own that was told as `fail` is seen; in words.
    pub(super) async fn seen(
        &mut self,
        callers: &mut Callers,
        key: &str,
        why: &str,
    ) -> Option<String> {
        match callers.insist(0, &Invocation::read(key.to_owned())).await {
            Completion::Ok { value, .. } if !value.is_null() => Some(format!(
                "a write that was told as fail ({why}) took effect all the same: such a reply does \
                 not prove that nothing was done, so let it be info"
            )),
            _ => None,
        }
    }

    /// Revisions that are claimed to be of values.
    async fn revisions(&mut self, callers: &mut Callers) {
        let (key, first, second) = (self.key(), self.number(), self.number());
        let mut told = Vec::new();
        for value in [first, second] {
            let write = Invocation::write(key.clone(), value);
            if let Completion::Ok { revision, .. } = callers.insist(0, &write).await {
                told.push(revision);
            }
        }
        let Completion::Ok { value, revision: read } =
            callers.insist(0, &Invocation::read(key)).await
        else {
            return self.doubtful("revisions cannot be tried, since a read did not succeed");
        };
        let rising = matches!(told.as_slice(), [Some(first), Some(second)] if first < second);
        let same =
            told.last().is_some_and(|last| last.is_none() || read.is_none() || *last == read);
        let untold = told.iter().all(Option::is_none);
        match (rising || untold) && same && value == json!(second) {
            true => self.good("revisions rise with writes, and reads tell that of what they return"),
            false => self.wrong(format!(
                "two writes of a key told the revisions {told:?}, and a read of the second {read:?}: \
                 they are not of values, so do not claim `revisions_are_of_values`"
            )),
        }
    }

    /// Reads on one node what was just written on another.
    async fn elsewhere(&mut self, callers: &mut Callers) {
        let nodes = callers.serving.len();
        let key = self.key();
        let mut stale = None;
        for round in 0..ROUNDS {
            let value = self.number();
            let at = usize::try_from(round).expect("a small number") % nodes;
            let write = callers.insist(at, &Invocation::write(key.clone(), value)).await;
            if !matches!(write, Completion::Ok { .. }) {
                continue;
            }
            let reader = (at + 1) % nodes;
            let read = callers.insist(reader, &Invocation::read(key.clone())).await;
            if let Completion::Ok { value: found, .. } = read
                && found != json!(value)
            {
                stale.get_or_insert((value, found, at + 1, reader + 1));
            }
        }
        match stale {
            None => self.good("reads on other nodes see what was written just before"),
            Some((value, found, writer, reader)) => self.doubtful(format!(
                "a read on n{reader} returned {found} after n{writer} had acknowledged a write of \
                 {value}, without any fault: reads are stale, and a run will find a violation"
            )),
        }
    }

    /// Values of all shapes that workloads write.
    async fn shapes(&mut self, callers: &mut Callers) {
        let shapes = [
            json!([1, 2, 3]),
            json!({ "owner": "c1", "token": 7 }),
            json!([]),
            json!(true),
            json!(-5),
            json!(9_007_199_254_740_993_u64),
        ];
        let mut wrong = Vec::new();
        for shape in shapes {
            let key = self.key();
            let write = callers.insist(0, &Invocation::write(key.clone(), shape.clone())).await;
            let read = callers.insist(0, &Invocation::read(key)).await;
            match (&write, &read) {
                (Completion::Ok { .. }, Completion::Ok { value, .. }) if *value == shape => {}
                (Completion::Ok { .. }, _) => {
                    wrong.push(format!("{shape} reads as {}", told(&read)));
                }
                _ => wrong.push(format!("a write of {shape} is told as {}", told(&write))),
            }
        }
        match wrong.is_empty() {
            true => self.good("lists, objects and great numbers come back as they were written"),
            false => self.doubtful(format!(
                "not every value comes back: {}; workloads that keep lists or objects in one key \
                 will not do",
                wrong.join("; ")
            )),
        }
    }

    /// Whether a key reads as it should; if not, how it reads instead.
    pub(super) async fn holds(
        &mut self,
        callers: &mut Callers,
        key: &str,
        value: Value,
    ) -> Option<String> {
        match callers.insist(0, &Invocation::read(key.to_owned())).await {
            Completion::Ok { value: found, .. } if found == value => None,
            other => Some(format!("the key reads as {}, not as {value}", told(&other))),
        }
    }

    async fn probes(&mut self, cluster: &Cluster) {
        let mut leaders = Vec::new();
        for (name, address) in cluster.addresses() {
            match self.system.probe(address).await {
                None => {
                    self.doubtful(format!("{name} does not answer its probe, though it serves"));
                }
                Some(status) if status.role.as_deref() == Some("leader") => leaders.push(name),
                Some(_) => {}
            }
        }
        match leaders.as_slice() {
            [] => self.doubtful(format!(
                "no node is seen to lead, so faults that strike the leader strike anybody{}",
                self.hint("; [probe] can say `role`")
            )),
            [leader] => self.good(format!("{leader} is seen to lead")),
            leaders => self.doubtful(format!("{} say all that they lead", leaders.join(", "))),
        }
    }
}

/// What is wrong with a read of `found` where `value` was written.
fn misread(value: u64, found: &Value, name: &str) -> String {
    let advice = match found {
        Value::Number(number) if number.as_f64() == Some(value as f64) => {
            "that is another number to a checker; let `value` make it whole, as in `.value | floor`"
        }
        Value::Null => "is the reply of a key that is there taken for that of one that is not?",
        Value::String(_) => {
            "values come back as strings; let `value` turn them into JSON, as in \
             `.value | fromjson`"
        }
        _ => "what does `value` take out of the reply?",
    };
    format!("{name} acknowledged a write of {value} and reads it as {found}: {advice}")
}
