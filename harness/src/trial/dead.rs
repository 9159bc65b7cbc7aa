//! What clients must be told by a cluster that cannot serve.

use squall_nemesis::Nodes as _;
use squall_workloads::{Function, Invocation};

use super::{Callers, Trial, told};
use crate::{cluster::Cluster, system::Completion};

impl Trial<'_> {
    /// One node alone among dead ones, and what became of its write when the others are back.
    async fn minority(&mut self, cluster: &Cluster, callers: &mut Callers) {
        let (key, value) = (self.key(), self.number());
        let ended = callers.call(0, &Invocation::write(key.clone(), value)).await;
        let why = match &ended {
            Completion::Ok { .. } => {
                return self.doubtful(
                    "n1 acknowledged a write while every other node was dead: unless it alone \
                     keeps the data, no majority can have it, and a run will find a violation",
                );
            }
            Completion::Fail(why) => why,
            other => {
                let other = told(other);
                return self.good(format!("alone among dead nodes, n1 tells a write as {other}"));
            }
        };
        let others: Vec<usize> = (1..cluster.names().len()).collect();
        if let Err(error) = cluster.start_some(&others).await {
            return self.wrong(format!("failed to {}", crate::run::chain(&error)));
        }
        match self.seen(callers, &key, why).await {
            Some(words) => self.wrong(words),
            None => self.good(format!(
                "alone among dead nodes, n1 tells a write as fail ({why}), and it never took effect"
            )),
        }
        for node in others {
            cluster.kill(node).await;
        }
    }

    /// A minority alone, then nobody.
    pub(super) async fn dead(&mut self, cluster: &Cluster) {
        let nodes = cluster.names().len();
        let (read, write) = (self.offers(Function::Read), self.offers(Function::Write));
        if !write {
            return;
        }
        let callers = &mut Callers::of(&*self.system, cluster);
        if nodes >= 3 && self.system.every_node_serves() {
            for node in 1..nodes {
                cluster.kill(node).await;
            }
            self.minority(cluster, callers).await;
        }
        for node in 0..nodes {
            cluster.kill(node).await;
        }
        // On a connection that was open and on one that was not.
        let fresh = &mut Callers::of(&*self.system, cluster);
        let (key, value) = (self.key(), self.number());
        let change = Invocation::write(key.clone(), value);
        let mut wrong = Vec::new();
        for clients in [&mut *callers, fresh] {
            let ended = clients.call(0, &change).await;
            if matches!(ended, Completion::Ok { .. } | Completion::Mismatch { .. }) {
                wrong.push(format!("a write is told as {}", told(&ended)));
            }
            if read {
                let ended = clients.call(0, &Invocation::read(key.clone())).await;
                if matches!(ended, Completion::Ok { .. }) {
                    wrong.push(format!("a read is told as {}", told(&ended)));
                }
            }
        }
        let refused = Callers::of(&*self.system, cluster).call(0, &change).await;
        match (wrong.is_empty(), refused) {
            (false, _) => self.wrong(format!(
                "while every node was dead, {}: whatever else the reply says, it is not ok",
                wrong.join(" and ")
            )),
            (true, Completion::Fail(_)) => {
                self.good("while every node is dead, operations fail");
            }
            (true, other) => self.doubtful(format!(
                "while every node is dead, a write is told as {}; where no connection can be had \
                 nothing was sent, and `fail` would keep histories small",
                told(&other)
            )),
        }
        if self.system.probe(cluster.addresses()[0].1).await.is_some() {
            self.wrong("a dead node answers its probe");
        }
    }
}
