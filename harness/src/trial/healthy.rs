//! What clients must be told by a healthy cluster.

use serde_json::{Value, json};
use squall_workloads::{Access, Function, Invocation};

use super::{Callers, Trial, told};
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
            self.elsewhere(callers).await;
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
        for node in 0..callers.clients.len() {
            let (key, value) = (self.key(), self.number());
            let name = format!("n{}", node + 1);
            match callers.insist(node, &Invocation::write(key.clone(), value)).await {
                Completion::Ok { .. } => {}
                other => {
                    self.wrong(format!(
                        "a write of {value} on {name} never succeeded; the last was: {}",
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
        self.good("every node serves writes, and reads return what was written");
        true
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

    /// Reads on one node what was just written on another.
    async fn elsewhere(&mut self, callers: &mut Callers) {
        let nodes = callers.clients.len();
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

    async fn compare_and_set(&mut self, callers: &mut Callers) {
        let (key, first, second, never) = (self.key(), self.number(), self.number(), self.number());
        callers.insist(0, &Invocation::write(key.clone(), first)).await;
        let cas = |expected: Value, new: u64| Invocation::cas(key.clone(), expected, json!(new));
        let mut wrong = Vec::new();
        let done = callers.insist(0, &cas(json!(first), second)).await;
        if !matches!(done, Completion::Ok { .. }) {
            wrong.push(format!(
                "a compare-and-set that expects what the key holds is told as {}: it must be ok. \
                 Is what it expects written as the system keeps it?",
                told(&done)
            ));
        } else if let Some(why) = self.holds(callers, &key, json!(second)).await {
            wrong.push(format!("after a compare-and-set that was ok {why}"));
        }
        let refused = callers.insist(0, &cas(json!(never), first)).await;
        match refused {
            Completion::Mismatch { .. } => {}
            Completion::Ok { .. } => wrong.push(
                "a compare-and-set that expects what the key does not hold is told as ok"
                    .to_owned(),
            ),
            other => wrong.push(format!(
                "a compare-and-set that expects what the key does not hold is told as {}; say \
                 `is = \"mismatch\"` for that reply, so that it can be checked",
                told(&other)
            )),
        }
        let present = callers.insist(0, &cas(Value::Null, first)).await;
        if matches!(present, Completion::Ok { .. }) {
            wrong.push(
                "a compare-and-set that expects nothing is ok on a key that holds something"
                    .to_owned(),
            );
        }
        let absent = self.key();
        let created = callers.insist(0, &Invocation::cas(absent, Value::Null, json!(first))).await;
        if !matches!(created, Completion::Ok { .. }) {
            self.doubtful(format!(
                "a compare-and-set that expects nothing, on a key that holds nothing, is told as \
                 {}: sets, queues, locks and the like cannot be made of it ([operation.create] \
                 can say how it is asked for)",
                told(&created)
            ));
        }
        match wrong.is_empty() {
            true => self.good("compare-and-set takes hold where it should, and only there"),
            false => wrong.into_iter().for_each(|words| self.wrong(words)),
        }
    }

    async fn delete(&mut self, callers: &mut Callers) {
        let (key, value) = (self.key(), self.number());
        callers.insist(0, &Invocation::write(key.clone(), value)).await;
        let delete = Invocation::new(Function::Delete, key.clone(), Value::Null);
        let deleted = callers.insist(0, &delete).await;
        if !matches!(deleted, Completion::Ok { .. }) {
            return self.wrong(format!("a delete is told as {}", told(&deleted)));
        }
        match self.holds(callers, &key, Value::Null).await {
            None => self.good("a deleted key reads as nothing"),
            Some(why) => self.wrong(format!("after a delete that was ok {why}")),
        }
        let again = callers.insist(0, &delete).await;
        if !matches!(again, Completion::Ok { .. }) {
            self.wrong(format!(
                "a delete of a key that holds nothing is told as {}; it must be ok",
                told(&again)
            ));
        }
    }

    /// Functions that change what is there.
    async fn changes(&mut self, callers: &mut Callers) {
        let cases = [
            (Function::Append, json!([1, 2])),
            (Function::SetAdd, json!([1, 2])),
            (Function::Add, json!(3)),
        ];
        for (function, expected) in cases {
            if !self.offers(function) {
                continue;
            }
            let key = self.key();
            for argument in [1, 2] {
                callers.insist(0, &Invocation::new(function, key.clone(), argument)).await;
            }
            match self.holds(callers, &key, expected).await {
                None => self.good(format!("`{function}` does what it says")),
                Some(why) => self.wrong(format!("after `{function}` of 1 and of 2 {why}")),
            }
        }
    }

    async fn transactions(&mut self, callers: &mut Callers) {
        let (one, two) = (self.key(), self.key());
        let write = |key: &str, value: i64| Access::Write(key.to_owned(), json!(value));
        let asked = Invocation::txn([write(&one, 1), Access::read(one.clone()), write(&two, 2)]);
        let expected = json!([["w", one, 1], ["r", one, 1], ["w", two, 2]]);
        let done = callers.insist(0, &asked).await;
        if !matches!(&done, Completion::Ok { value, .. } if *value == expected) {
            return self.wrong(format!(
                "a transaction is told as {}; it must be ok with {expected}",
                told(&done)
            ));
        }
        let absent = self.key();
        let read = Invocation::txn([Access::read(two.clone()), Access::read(absent.clone())]);
        let expected = json!([["r", two, 2], ["r", absent, null]]);
        let done = callers.insist(0, &read).await;
        match &done {
            Completion::Ok { value, .. } if *value == expected => {
                self.good("transactions read and write");
            }
            other => self.wrong(format!(
                "a transaction that reads is told as {}; it must be ok with {expected}",
                told(other)
            )),
        }
        if !self.offers(Function::GuardedTxn) {
            return;
        }
        let guarded = |found: Value, value: i64| {
            Invocation::guarded_txn([Access::Read(two.clone(), found), write(&two, value)])
        };
        let refused = callers.insist(0, &guarded(json!(9), 3)).await;
        let done = callers.insist(0, &guarded(json!(2), 4)).await;
        match (&refused, &done) {
            (Completion::Mismatch { .. }, Completion::Ok { .. }) => {
                self.good("guarded transactions happen only where their reads hold");
            }
            _ => self.wrong(format!(
                "a guarded transaction is told as {} where its read does not hold (must be a \
                 mismatch), and as {} where it does (must be ok)",
                told(&refused),
                told(&done)
            )),
        }
    }

    /// Whether a key reads as it should; if not, how it reads instead.
    async fn holds(&mut self, callers: &mut Callers, key: &str, value: Value) -> Option<String> {
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
            [] => self.doubtful(
                "no node is seen to lead, so faults that strike the leader strike anybody; \
                 [probe] can say `role`",
            ),
            [leader] => self.good(format!("{leader} is seen to lead")),
            leaders => self.doubtful(format!("{} say all that they lead", leaders.join(", "))),
        }
    }
}

/// What is wrong with a read of `found` where `value` was written.
fn misread(value: u64, found: &Value, name: &str) -> String {
    let advice = match found {
        Value::Null => "is the reply of a key that is there taken for that of one that is not?",
        Value::String(_) => {
            "values come back as strings; let `value` turn them into JSON, as in \
             `.value | fromjson`"
        }
        _ => "what does `value` take out of the reply?",
    };
    format!("{name} acknowledged a write of {value} and reads it as {found}: {advice}")
}
