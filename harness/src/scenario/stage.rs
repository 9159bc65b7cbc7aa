//! What a script acts on: nodes, network and clients, and the record of all it does.
//!
//! The stage owns the cluster and whatever was done to it. Every operation goes through the
//! recorder, so that the checker judges it in the end. Conditions are polled up to a
//! deadline; nothing waits for a while and hopes.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::Value;
use squall_nemesis::{grudge::Grudge, network::Network};
use squall_workloads::{Invocation, Settings};

use super::{Cast, Line, Seen, StageError, Step};
use crate::{
    clients::{Clients, Pacing},
    cluster::Cluster,
    plan::Rate,
    session::{Session, Sessions},
    system::Completion,
};

/// How long anything may take that a healthy cluster does within a second.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long a client waits for a reply.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(2);
/// Clients working in the background, where a script wants them.
pub(super) const CLIENTS: usize = 8;
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long one look may take before a node counts as silent.
const LOOK_TIMEOUT: Duration = Duration::from_millis(300);

/// The nodes as they were at one look; `None` for one that does not answer.
pub type Look = Vec<Option<Seen>>;

/// The stage of one scenario.
pub struct Stage {
    pub(super) cast: Cast,
    pub(super) cluster: Cluster,
    pub(super) network: Arc<Network>,
    pub(super) sessions: Sessions,
    /// The script's own client of each node.
    pub(super) own: Vec<Session>,
    pub(super) clients: Option<Clients>,
    pub(super) http: reqwest::Client,
    pub(super) began: Instant,
    pub(super) lines: Vec<Line>,
    pub(super) tell: Arc<dyn Fn(&Line) + Send + Sync>,
}

impl Stage {
    /// The sessions a stage opens: background clients first, then the script's own.
    pub(super) fn open_own(sessions: &Sessions) -> Vec<Session> {
        (0..sessions.nodes()).map(|node| sessions.open(CLIENTS + node, node)).collect()
    }

    /// Slots for all of them.
    pub(super) fn slots(nodes: usize) -> usize {
        CLIENTS + nodes
    }

    /// The name of a node counted from 0.
    #[must_use]
    pub fn name(&self, node: usize) -> String {
        format!("n{}", node + 1)
    }

    /// Where clients reach a node, and where it listens.
    #[must_use]
    pub fn address(&self, node: usize) -> SocketAddr {
        self.network.listen(node)
    }

    /// Notes what the script is about to do or has done.
    pub fn did(&mut self, what: impl Into<String>) {
        self.line(Step::Did { what: what.into() });
    }

    /// Notes something worth knowing.
    pub fn note(&mut self, what: impl Into<String>) {
        self.line(Step::Noted { what: what.into() });
    }

    /// Notes an expectation and whether it held; returns whether it did.
    pub fn expect(&mut self, what: impl Into<String>, saw: impl Into<String>, held: bool) -> bool {
        self.line(Step::Expected { what: what.into(), saw: saw.into(), held });
        held
    }

    fn line(&mut self, step: Step) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = Line { at_ms, step };
        (self.tell)(&line);
        self.lines.push(line);
    }

    /// Starts nodes, all at once, and waits until each answers.
    ///
    /// # Errors
    /// When one ends or stays silent.
    pub async fn start(&mut self, nodes: &[usize]) -> Result<(), StageError> {
        self.did(format!("start {}", self.names(nodes)));
        self.cluster.start_some(nodes).await?;
        Ok(())
    }

    /// Starts every node that is not played.
    ///
    /// # Errors
    /// As [`Stage::start`].
    pub async fn start_all(&mut self) -> Result<(), StageError> {
        let real = self.real();
        self.start(&real).await
    }

    /// Kills nodes as `kill -9` does, and waits until they are gone.
    pub async fn kill(&mut self, nodes: &[usize]) {
        self.did(format!("kill {}", self.names(nodes)));
        for &node in nodes {
            self.cluster.kill(node).await;
        }
    }

    /// Cuts the network so that only nodes of the same group hear each other; who is in no
    /// group is alone.
    ///
    /// # Errors
    /// When the network cannot be cut.
    pub async fn cut(&mut self, groups: &[&[usize]]) -> Result<(), StageError> {
        let names: Vec<_> = groups.iter().map(|group| self.names(group)).collect();
        self.did(format!("cut the network: {}", names.join(" | ")));
        let group = |node: usize| groups.iter().position(|group| group.contains(&node));
        let together = |from: usize, to: usize| group(from).is_some() && group(from) == group(to);
        let grudge = Grudge::of(self.cast.nodes, |from, to| !together(from, to));
        self.network.apply(&grudge).await?;
        Ok(())
    }

    /// Heals the network.
    ///
    /// # Errors
    /// When the network cannot be healed.
    pub async fn heal(&mut self) -> Result<(), StageError> {
        self.did("heal the network");
        self.network.heal().await?;
        Ok(())
    }

    /// Writes `value` to `key` at a node and notes what came of it.
    pub async fn write(&mut self, node: usize, key: &'static str, value: u64) -> Completion {
        let completion = self.own[node].run(&Invocation::write(key, value)).await;
        let outcome = in_words(&completion);
        self.did(format!("write {key} = {value} at {}: {outcome}", self.name(node)));
        completion
    }

    /// Reads `key` at a node and notes what came of it.
    pub async fn read(&mut self, node: usize, key: &'static str) -> Completion {
        let completion = self.own[node].run(&Invocation::read(key)).await;
        let outcome = in_words(&completion);
        self.did(format!("read {key} at {}: {outcome}", self.name(node)));
        completion
    }

    /// Tries a write at a node until it is acknowledged; false if it never was.
    ///
    /// Every attempt writes a value of its own, beginning with `value`, so that an
    /// indeterminate one cannot be taken for a later one.
    pub async fn write_until_ok(&mut self, node: usize, key: &'static str, value: u64) -> bool {
        let deadline = Instant::now() + PATIENCE;
        for value in value.. {
            if let Completion::Ok { .. } = self.write(node, key, value).await {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        false
    }

    /// Lets clients read and write at every node that is not played, `per_second`
    /// operations in all, until [`Stage::clients_end`].
    pub fn clients_begin(&mut self, per_second: u32) {
        self.did(format!("{CLIENTS} clients, {per_second} operations a second on all nodes"));
        let settings = Settings { keys: 4, ..Settings::of(1) };
        let workload = squall_workloads::by_name("register", settings)
            .expect("the register workload is always there");
        let pacing = Pacing::closed(Rate::PerSecond(per_second));
        self.clients = Some(Clients::start(&self.sessions, &*workload, CLIENTS, pacing));
    }

    /// Ends the background clients.
    ///
    /// # Errors
    /// When one of them panicked.
    pub async fn clients_end(&mut self) -> Result<(), StageError> {
        if let Some(clients) = self.clients.take() {
            clients.stop().await?;
            self.did("end the clients");
        }
        Ok(())
    }

    /// Looks at every node that is not played.
    pub async fn look(&self) -> Look {
        let each = (0..self.cast.nodes).map(|node| self.look_at(node));
        join_all(each).await
    }

    async fn look_at(&self, node: usize) -> Option<Seen> {
        if self.cast.played.contains(&node) {
            return None;
        }
        let url = format!("http://{}/status", self.address(node));
        let reply = self.http.get(url).timeout(LOOK_TIMEOUT).send().await.ok()?;
        let status: Value = reply.json().await.ok()?;
        serde_json::from_value(status).ok()
    }

    /// Waits until the nodes are as expected and notes it, or that they never were; the last
    /// look is returned.
    pub async fn eventually(&mut self, expected: &str, condition: impl Fn(&Look) -> bool) -> Look {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let look = self.look().await;
            let held = condition(&look);
            if held || Instant::now() > deadline {
                self.expect(expected, self.shown(&look), held);
                return look;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Waits as [`Stage::eventually`] does, for what the rest of the script rests on.
    ///
    /// # Errors
    /// When it did not come about.
    pub async fn until(
        &mut self,
        expected: &str,
        condition: impl Fn(&Look) -> bool,
    ) -> Result<Look, StageError> {
        let look = self.eventually(expected, &condition).await;
        if condition(&look) {
            return Ok(look);
        }
        Err(StageError::Stuck { expected: expected.to_owned(), within: PATIENCE })
    }

    /// Looks again and again for a while and notes whether the nodes were as expected at
    /// every look.
    pub async fn throughout(
        &mut self,
        expected: &str,
        lasting: Duration,
        condition: impl Fn(&Look) -> bool,
    ) {
        let end = Instant::now() + lasting;
        loop {
            let look = self.look().await;
            let held = condition(&look);
            if !held || Instant::now() > end {
                self.expect(expected, self.shown(&look), held);
                return;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Waits until somebody leads whom all nodes in `among` follow; returns who.
    ///
    /// # Errors
    /// When nobody came to.
    pub async fn leader_among(&mut self, among: &[usize]) -> Result<usize, StageError> {
        let expected = format!("{} agree on one leader among them", self.names(among));
        let look = self.until(&expected, |look| agreed(look, among).is_some()).await?;
        Ok(agreed(&look, among).expect("it was agreed at this very look"))
    }

    /// The nodes that are not played.
    #[must_use]
    pub fn real(&self) -> Vec<usize> {
        (0..self.cast.nodes).filter(|node| !self.cast.played.contains(node)).collect()
    }

    /// The names of nodes, for people.
    #[must_use]
    pub fn names(&self, nodes: &[usize]) -> String {
        nodes.iter().map(|&node| self.name(node)).collect::<Vec<_>>().join(", ")
    }

    /// A look in words.
    #[must_use]
    pub fn shown(&self, look: &Look) -> String {
        let nodes = look.iter().enumerate().filter(|(node, _)| !self.cast.played.contains(node));
        let words = nodes.map(|(node, seen)| match seen {
            Some(seen) => seen.to_string(),
            None => format!("{} silent", self.name(node)),
        });
        words.collect::<Vec<_>>().join("; ")
    }
}

/// The one node of `among` that leads and that all of them take for their leader, in the
/// same term.
#[must_use]
pub fn agreed(look: &Look, among: &[usize]) -> Option<usize> {
    let seen: Vec<&Seen> = among.iter().map(|&node| look[node].as_ref()).collect::<Option<_>>()?;
    let leader = seen.iter().position(|seen| seen.leads())?;
    let (name, term) = (&seen[leader].id, seen[leader].term);
    let follows = |seen: &&Seen| seen.term == term && seen.leader.as_ref() == Some(name);
    let all = seen.iter().enumerate().all(|(i, seen)| i == leader || follows(seen));
    all.then_some(among[leader])
}

/// An outcome in words.
#[must_use]
pub fn in_words(completion: &Completion) -> String {
    match completion {
        Completion::Ok { value, .. } => format!("ok, {value}"),
        Completion::Fail(why) | Completion::Declined(why) => format!("refused for certain: {why}"),
        Completion::Mismatch { .. } => "the comparison failed".to_owned(),
        Completion::Info(why) => format!("nobody knows: {why}"),
    }
}

/// The value a read returned, if it did.
#[must_use]
pub fn value_of(completion: &Completion) -> Option<&Value> {
    match completion {
        Completion::Ok { value, .. } => Some(value),
        _ => None,
    }
}
