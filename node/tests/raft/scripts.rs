//! Runs the scenarios in `scripts/`; each says in its first line why it exists.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p squall-node --test raft scripts` rewrites
//! the expected output, to be read before it is committed.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use squall_node::bugs::{Bug, UnknownBug};
use squall_node::raft::{
    AppendReply, Body, Campaign, Change, Elections, Entry, HardState, Hint, LogIndex, Membership,
    Message, NodeId, Part, Payload, Position, Raft, ReadId, ReadMode, Role, Status, Term,
    VoteReply,
};

use crate::cluster::{
    CHUNK_BYTES_MAX, Cluster, Delivery, ELECTION_TICKS, HEARTBEAT_TICKS, Settings, encode,
};

type Output = Result<String, Box<dyn Error>>;

/// Values separated by commas.
#[derive(Default)]
struct List<T>(Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// How elections are held.
struct How(Elections);

impl Default for How {
    fn default() -> Self {
        Self(Elections::Plain)
    }
}

impl FromStr for How {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "guarded" => Ok(Self(Elections::Guarded)),
            "plain" => Ok(Self(Elections::Plain)),
            _ => Err(format!("elections are not {text}")),
        }
    }
}

/// Where reads get their certainty from.
#[derive(Default)]
struct Source(ReadMode);

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "index" => Ok(Self(ReadMode::ReadIndex)),
            "lease" => Ok(Self(ReadMode::Lease)),
            _ => Err(format!("reads are not by {text}")),
        }
    }
}

/// The rule that is broken, if any.
#[derive(Default)]
struct Planted(Option<Bug>);

impl FromStr for Planted {
    type Err = UnknownBug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|bug| Self(Some(bug)))
    }
}

#[derive(goldenscript::Command)]
enum Command {
    /// Starts a cluster of new nodes. Their elections are plain unless it says
    /// `guarded`: what a script does not show should not happen in it.
    Cluster {
        size: usize,
        #[arg(key, optional)]
        elections: How,
        #[arg(key, optional)]
        reads: Source,
        #[arg(key, optional)]
        bug: Planted,
    },
    /// Restarts a node with a log of entries of these terms on its disk.
    Disk {
        id: NodeId,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        log: List<u64>,
    },
    /// Lets a node wait until it stands for election.
    Timeout(NodeId),
    /// Lets nodes wait for the shortest election timeout, and not stand.
    Silence(List<NodeId>),
    /// Asks a leader to hand over.
    Transfer {
        from: NodeId,
        to: NodeId,
    },
    /// Starts a new node, which waits to be added.
    Join(NodeId),
    /// Asks a leader to add a learner.
    Add {
        leader: NodeId,
        id: NodeId,
    },
    Promote {
        leader: NodeId,
        id: NodeId,
    },
    Remove {
        leader: NodeId,
        id: NodeId,
    },
    /// Shows whom each node takes for the members; learners are in brackets.
    Members,
    /// Lets a tick pass at each node.
    Tick(List<NodeId>),
    /// Moves all clocks on, by milliseconds, while no ticks pass.
    Clock(u64),
    /// Lets a node wait for one heartbeat interval.
    Wait(NodeId),
    /// Delivers messages and finishes writes until nothing is left to do.
    Deliver,
    /// Delivers what is under way from one node to another now.
    Hand {
        from: NodeId,
        to: NodeId,
    },
    /// Loses all messages under way.
    Lose,
    /// Cuts the cluster into two sides.
    Cut(List<NodeId>, List<NodeId>),
    /// Removes all cuts.
    Heal,
    /// Stops a node's disk from finishing writes.
    Stall(NodeId),
    /// Lets all disks finish writes again.
    Unstall,
    Crash(NodeId),
    Restart(NodeId),
    Propose(NodeId, String),
    Read(NodeId, u64),
    /// Makes up an append and steps it; the answer is then under way.
    Append {
        from: NodeId,
        to: NodeId,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        prev: u64,
        #[arg(key)]
        prev_term: u64,
        #[arg(key)]
        entries: List<u64>,
        #[arg(key, optional)]
        commit: u64,
    },
    /// Lets a node take a snapshot of what it has applied, make it durable and drop
    /// the entries it covers.
    Snapshot(NodeId),
    /// Makes up a piece of a snapshot of entries of these terms, as long as may be
    /// from `offset` on, and steps it; the answer is then under way.
    Chunk {
        from: NodeId,
        to: NodeId,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        log: List<u64>,
        #[arg(key, optional)]
        offset: usize,
    },
    /// Makes up a request for the vote and steps it; the answer is then under way.
    RequestVote {
        from: NodeId,
        to: NodeId,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        last: u64,
        #[arg(key)]
        last_term: u64,
    },
    /// Shows the nodes: role, term, commit index, and the log as terms, with the
    /// committed part before the bar; entries that only a snapshot holds too.
    Show,
    /// Shows what nodes applied.
    Applied,
}

struct Runner {
    cluster: Cluster,
    bug: Option<Bug>,
}

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Output {
        match command {
            Command::Cluster { size, elections, reads, bug } => {
                let settings =
                    Settings { elections: elections.0, reads: reads.0, seed: 1, bug: bug.0 };
                self.begin(*size, settings);
            }
            Command::Disk { id, term, log } => self.disk(*id, *term, &log.0),
            Command::Timeout(id) => return self.timeout(*id),
            Command::Silence(List(ids)) => self.silence(ids)?,
            Command::Transfer { from, to } => self.transfer(*from, *to)?,
            Command::Join(id) => self.cluster.join(*id),
            Command::Add { leader, id } => {
                let change = Change::AddLearner { id: *id, address: String::new() };
                return self.change(*leader, change);
            }
            Command::Promote { leader, id } => return self.change(*leader, Change::Promote(*id)),
            Command::Remove { leader, id } => return self.change(*leader, Change::Remove(*id)),
            Command::Members => return self.members(),
            Command::Tick(List(ids)) => {
                for &id in ids {
                    self.tick(id)?;
                }
            }
            Command::Clock(passed_ms) => self.cluster.now_ms += passed_ms,
            Command::Wait(id) => {
                for _ in 0..HEARTBEAT_TICKS {
                    self.tick(*id)?;
                }
            }
            Command::Deliver => return self.deliver_all(),
            Command::Hand { from, to } => return self.hand(*from, *to),
            Command::Lose => self.cluster.network.clear(),
            Command::Cut(List(ours), List(theirs)) => self.cut(ours, theirs),
            Command::Heal => self.cluster.cut.clear(),
            Command::Stall(id) => drop(self.cluster.stalled.insert(*id)),
            Command::Unstall => self.cluster.stalled.clear(),
            Command::Crash(id) => self.cluster.crash(*id),
            Command::Restart(id) => self.cluster.start(*id),
            Command::Propose(id, command) => return self.propose(*id, command),
            Command::Read(id, read) => return self.read(*id, ReadId(*read)),
            Command::Append { from, to, term, prev, prev_term, entries, commit } => {
                let prev = position(*prev_term, *prev);
                let body = Body::Append {
                    prev,
                    entries: noops(prev.index, &entries.0),
                    commit: LogIndex(*commit),
                };
                return self.step(*from, *to, *term, body);
            }
            Command::Snapshot(id) => {
                self.cluster.begin_snapshot(*id);
                self.cluster.finish_snapshot(*id);
            }
            Command::Chunk { from, to, term, log, offset } => {
                let body = self.piece(&log.0, *offset);
                return self.step(*from, *to, *term, body);
            }
            Command::RequestVote { from, to, term, last, last_term } => {
                let body = Body::VoteRequest {
                    last: position(*last_term, *last),
                    campaign: Campaign::Timeout,
                };
                return self.step(*from, *to, *term, body);
            }
            Command::Show => return self.show(),
            Command::Applied => return self.applied(),
        }
        Ok(String::new())
    }
}

fn position(term: u64, index: u64) -> Position {
    Position { term: Term(term), index: LogIndex(index) }
}

fn noops(after: LogIndex, terms: &[u64]) -> Vec<Entry> {
    let entry = |(index, &term)| Entry { position: position(term, index), payload: Payload::Noop };
    (after.0 + 1..).zip(terms).map(entry).collect()
}

impl Runner {
    fn disk(&mut self, id: NodeId, term: u64, log: &[u64]) {
        let hard_state = HardState { term: Term(term), vote: None };
        self.cluster.crash(id);
        self.cluster.write_disk(id, hard_state, noops(LogIndex::ZERO, log));
        self.cluster.start(id);
    }

    /// Makes up a piece of a snapshot that stands for entries of these terms.
    fn piece(&self, log: &[u64], offset: usize) -> Body {
        let entries = noops(LogIndex::ZERO, log);
        let data = encode(&entries);
        Body::SnapshotChunk {
            last: entries.last().map(|entry| entry.position).unwrap_or_default(),
            membership: Membership::of_voters(self.cluster.ids()),
            offset: offset as u64,
            total: data.len() as u64,
            data: data.into_iter().skip(offset).take(CHUNK_BYTES_MAX).collect(),
        }
    }

    fn timeout(&mut self, id: NodeId) -> Output {
        let before = self.cluster.raft(id).ok_or("node is down")?.status();
        let under_way = self.cluster.network.len();
        for _ in 0..2 * ELECTION_TICKS {
            let status = self.tick(id)?;
            // A node that asks again may do so in the same role and term.
            let asks = before.role != Role::Leader && self.cluster.network.len() > under_way;
            if asks || (status.role, status.term) != (before.role, before.term) {
                break;
            }
        }
        let status = self.cluster.raft(id).ok_or("node is down")?.status();
        let stands = format!("{id} {} in term {}\n", status.role.as_str(), status.term);
        Ok(stands + &self.answered_reads()?)
    }

    fn silence(&mut self, ids: &[NodeId]) -> Result<(), Box<dyn Error>> {
        for &id in ids {
            for _ in 0..ELECTION_TICKS {
                self.tick(id)?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, id: NodeId) -> Result<Status, Box<dyn Error>> {
        let raft = self.cluster.raft(id).ok_or("node is down")?;
        raft.tick();
        let status = raft.status();
        self.cluster.act(id);
        Ok(status)
    }

    fn begin(&mut self, size: usize, settings: Settings) {
        self.bug = settings.bug;
        self.cluster = Cluster::new(size, settings);
    }

    fn cut(&mut self, ours: &[NodeId], theirs: &[NodeId]) {
        for &a in ours {
            for &b in theirs {
                self.cluster.cut.extend([(a, b), (b, a)]);
            }
        }
    }

    fn transfer(&mut self, from: NodeId, to: NodeId) -> Result<(), Box<dyn Error>> {
        self.cluster.raft(from).ok_or("node is down")?.transfer(to)?;
        self.cluster.act(from);
        Ok(())
    }

    fn read(&mut self, id: NodeId, read: ReadId) -> Output {
        self.cluster.raft(id).ok_or("node is down")?.read(read)?;
        self.cluster.act(id);
        self.answered_reads()
    }

    fn propose(&mut self, id: NodeId, command: &str) -> Output {
        let raft = self.cluster.raft(id).ok_or("node is down")?;
        let position = raft.propose(command.as_bytes().to_vec())?;
        self.cluster.act(id);
        Ok(format!("{position}\n"))
    }

    fn change(&mut self, leader: NodeId, change: Change) -> Output {
        let raft = self.cluster.raft(leader).ok_or("node is down")?;
        let position = raft.propose_membership(change)?;
        self.cluster.act(leader);
        Ok(format!("{position}\n"))
    }

    fn members(&self) -> Output {
        let mut output = String::new();
        for (id, node) in &self.cluster.nodes {
            if let Some(raft) = &node.raft {
                writeln!(output, "{id} knows {}", named(raft.membership()))?;
            }
        }
        Ok(output)
    }

    fn deliver_all(&mut self) -> Output {
        let mut output = String::new();
        // Bounded, so that a cluster that never falls silent fails the script.
        for _ in 0..100 {
            self.cluster.finish_writes();
            let messages = std::mem::take(&mut self.cluster.network);
            if messages.is_empty() {
                return Ok(output + &self.answered_reads()?);
            }
            for message in messages {
                self.deliver(message, &mut output)?;
            }
        }
        Err("messages go on for ever".into())
    }

    fn hand(&mut self, from: NodeId, to: NodeId) -> Output {
        self.cluster.finish_writes();
        let between = |message: &mut Message| message.from == from && message.to == to;
        let messages: Vec<_> = self.cluster.network.extract_if(.., between).collect();
        let mut output = String::new();
        for message in messages {
            self.deliver(message, &mut output)?;
        }
        Ok(output + &self.answered_reads()?)
    }

    fn deliver(&mut self, message: Message, output: &mut String) -> Result<(), Box<dyn Error>> {
        let line = describe(&message);
        let lost = match self.cluster.deliver(message)? {
            Delivery::Done => "",
            Delivery::Lost => " (lost)",
        };
        writeln!(output, "{line}{lost}")?;
        Ok(())
    }

    /// Steps a message made up by the script and shows what it is answered.
    fn step(&mut self, from: NodeId, to: NodeId, term: u64, body: Body) -> Output {
        let before = self.cluster.network.len();
        self.cluster.deliver(Message { from, to, term: Term(term), body })?;
        self.cluster.finish_writes();
        let answers = &self.cluster.network[before..];
        Ok(answers.iter().fold(String::new(), |output, answer| output + &describe(answer) + "\n"))
    }

    fn answered_reads(&mut self) -> Output {
        let mut output = String::new();
        for (id, node) in &mut self.cluster.nodes {
            for read in node.reads.drain(..) {
                writeln!(output, "{id} answers read {} at {}", read.id.0, read.index)?;
            }
            for read in node.refused_reads.drain(..) {
                writeln!(output, "{id} refuses read {}", read.0)?;
            }
        }
        Ok(output)
    }

    fn show(&self) -> Output {
        let mut output = String::new();
        for (id, node) in &self.cluster.nodes {
            let Some(raft) = &node.raft else {
                writeln!(output, "{id} down")?;
                continue;
            };
            let status = raft.status();
            let committed = |entry: &Entry| entry.position.index <= status.commit;
            let (committed, open) = node.log.split_at(node.log.partition_point(committed));
            let log = format!("{}| {}", terms(committed), terms(open));
            let gone = raft.first_index().previous();
            let gone = if gone == LogIndex::ZERO {
                String::new()
            } else {
                format!(" (up to {gone} in a snapshot)")
            };
            writeln!(
                output,
                "{id} {:<9} term {} log {}{gone}",
                status.role.as_str(),
                status.term,
                log.trim_end()
            )?;
        }
        Ok(output)
    }

    fn applied(&self) -> Output {
        let mut output = String::new();
        for (id, node) in &self.cluster.nodes {
            let commands: Vec<_> = node.applied.iter().filter_map(command).collect();
            writeln!(output, "{id} applied [{}]", commands.join(" "))?;
        }
        Ok(output)
    }
}

fn command(entry: &Entry) -> Option<String> {
    match &entry.payload {
        Payload::Noop => None,
        Payload::Command(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Payload::Membership(membership) => Some(format!("members {}", named(membership))),
    }
}

/// Names the members, with learners in brackets.
fn named(membership: &Membership) -> String {
    let names: Vec<_> = membership
        .members()
        .map(|(id, member)| match member.part {
            Part::Voter => id.to_string(),
            Part::Learner => format!("[{id}]"),
        })
        .collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(",") }
}

/// Shows entries by their terms, commands with their text.
fn terms(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |mut line, entry| {
        line += &entry.position.term.to_string();
        if let Some(command) = command(entry) {
            line += &format!("({command})");
        }
        line + " "
    })
}

fn describe(Message { from, to, term, body }: &Message) -> String {
    let body = match body {
        Body::VoteRequest { last, campaign: Campaign::Timeout } => {
            format!("asks for the vote, last {last}")
        }
        Body::VoteRequest { last, campaign: Campaign::Transfer } => {
            format!("asks for the vote to take over, last {last}")
        }
        Body::PreVoteRequest { term, last } => {
            format!("asks whether it would get the vote of term {term}, last {last}")
        }
        Body::PreVoteReply { term, reply: VoteReply::Granted } => {
            format!("would vote for it in term {term}")
        }
        Body::PreVoteReply { term, reply: VoteReply::Denied } => {
            format!("would not vote for it in term {term}")
        }
        Body::TimeoutNow => "asks to take over".to_owned(),
        Body::SnapshotChunk { last, offset, total, data, .. } => {
            format!("snapshot of {last}: {} of {total} bytes from {offset}", data.len())
        }
        Body::SnapshotReply { last, received } => {
            format!("holds {received} bytes of the snapshot of {last}")
        }
        Body::VoteReply(reply) => format!("{reply:?} vote").to_lowercase(),
        Body::Append { prev, entries, commit } => {
            format!("appends after {prev}: {}commit {commit}", terms(entries))
        }
        Body::AppendReply(AppendReply::Accepted { matched }) => format!("holds up to {matched}"),
        Body::AppendReply(AppendReply::Refused { prev, hint: Hint::Short(first) }) => {
            format!("refuses what follows {prev}, lacks {first}")
        }
        Body::AppendReply(AppendReply::Refused { prev, hint: Hint::Conflict { term, first } }) => {
            format!("refuses what follows {prev}, has term {term} from {first}")
        }
        Body::Heartbeat { commit, round } => format!("beats, commit {commit}, round {round}"),
        Body::HeartbeatReply { round } => format!("follows, round {round}"),
        Body::Deposed => "deposes".to_owned(),
    };
    format!("{from}->{to} term {term}: {body}")
}

#[test]
fn scripts() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raft/scripts");
    let mut paths: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let mut runner = Runner { cluster: Cluster::new(1, Settings::default()), bug: None };
        goldenscript::run(&mut runner, &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // What holds at the end of every scenario: one leader a term.
        let leaders: Vec<_> = runner
            .cluster
            .nodes
            .values()
            .filter_map(|node| node.raft.as_ref().map(Raft::status))
            .filter(|status| status.role == Role::Leader)
            .map(|status| status.term)
            .collect();
        let distinct = leaders.is_sorted_by(|a, b| a != b);
        assert!(distinct || runner.bug.is_some(), "{}: {leaders:?}", path.display());
    }
}
