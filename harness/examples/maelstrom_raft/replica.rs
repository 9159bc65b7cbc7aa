//! One replica of the map: the protocol's core, its disk, and who waits for what.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    path::Path,
    time::Instant,
};

use rand::{SeedableRng as _, rngs::ChaCha8Rng};
use serde_json::{Map, Value, json};
use squall_node::{
    raft::{
        Apply, Config, Elections, Entry, LogIndex, Membership, Message, NodeId, Payload, Persisted,
        Raft, ReadId, ReadMode, Ready, Term,
    },
    storage::{Storage, StorageOptions},
};

/// Where the log is kept, in the directory the node runs in.
const LOG: &str = "raft-log";
/// Between a leader's heartbeats.
const HEARTBEAT_TICKS: u32 = 5;
/// The shortest election timeout.
const ELECTION_TICKS: u32 = 25;

/// The body of a message.
pub(crate) type Body = Map<String, Value>;

/// How reads are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// By the leader, once it has made sure that it still is.
    Linearizable,
    /// By whoever is asked, from what it has applied. Wrong.
    Local,
}

/// A replica, and what it has to say.
pub(crate) struct Replica {
    id: NodeId,
    reads: Reads,
    raft: Raft,
    storage: Storage,
    began: Instant,
    /// As of the entries applied, the last of which is `applied`.
    map: BTreeMap<String, Value>,
    applied: LogIndex,
    /// Changes that this node appended as a leader, by index: the term, and who asked how.
    changes: BTreeMap<LogIndex, (Term, String, Body)>,
    /// Reads that wait until the core lets them go.
    asked: HashMap<ReadId, (String, Body)>,
    last_read: u64,
    out: Vec<(String, Body)>,
}

impl Replica {
    /// Takes up the part that `init` gives, with what an earlier process left on disk.
    pub(crate) fn open(init: &Body, reads: Reads) -> Result<Self, Box<dyn Error>> {
        let name = init.get("node_id").and_then(Value::as_str).ok_or("init names no node")?;
        let all = init.get("node_ids").and_then(Value::as_array).ok_or("init lists no nodes")?;
        let members: Result<Vec<NodeId>, _> =
            all.iter().map(|name| name.as_str().unwrap_or_default().parse()).collect();
        let (storage, recovered) = Storage::open(Path::new(LOG), StorageOptions::default())?;
        let id: NodeId = name.parse()?;
        let config = Config {
            id,
            members: Membership::of_voters(members?),
            heartbeat_ticks: HEARTBEAT_TICKS,
            election_ticks: ELECTION_TICKS,
            tick_ms: 10,
            elections: Elections::Guarded,
            append_bytes_max: 64 << 10,
            append_entries_max: 256,
            uncommitted_bytes_max: 16 << 20,
            kept_entries: 0,
            chunk_bytes_max: 1 << 20,
            snapshot_bytes_max: 1 << 30,
            reads: ReadMode::ReadIndex,
            bug: None,
        };
        let persisted = Persisted {
            hard_state: recovered.hard_state,
            entries: recovered.entries,
            ..Persisted::default()
        };
        let raft = Raft::new(config, persisted, ChaCha8Rng::from_rng(&mut rand::rng()));
        Ok(Self {
            id,
            reads,
            raft,
            storage,
            began: Instant::now(),
            map: BTreeMap::new(),
            applied: LogIndex::ZERO,
            changes: BTreeMap::new(),
            asked: HashMap::new(),
            last_read: 0,
            out: Vec::new(),
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.id.as_str()
    }

    /// What it has to say, and to whom.
    pub(crate) fn take_messages(&mut self) -> Vec<(String, Body)> {
        std::mem::take(&mut self.out)
    }

    /// Lets a tick pass.
    pub(crate) fn tick(&mut self) {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.raft.set_time(now_ms);
        self.raft.tick();
    }

    /// Answers the message from `src` with that body.
    pub(crate) fn reply(&mut self, src: &str, body: &Body, answer: Value) {
        let Value::Object(mut answer) = answer else { return };
        answer.insert("in_reply_to".to_owned(), body["msg_id"].clone());
        self.out.push((src.to_owned(), answer));
    }

    fn refuse(&mut self, src: &str, body: &Body, code: u32, text: &str) {
        self.reply(src, body, json!({ "type": "error", "code": code, "text": text }));
    }

    /// Takes in a message.
    pub(crate) fn take_in(&mut self, src: &str, mut body: Body) -> Result<(), Box<dyn Error>> {
        match body.get("type").and_then(Value::as_str).unwrap_or_default() {
            "raft" => {
                let message: Message = serde_json::from_value(body["message"].take())?;
                self.raft.step(message)?;
            }
            // A follower passes on what it is asked; it is the client who is answered.
            "forward" => {
                let client = body["client"].as_str().unwrap_or_default().to_owned();
                if let Value::Object(asked) = body["asked"].take() {
                    self.operate(&client, asked, None);
                }
            }
            "read" if self.reads == Reads::Local => self.answer_read(src, &body),
            "read" | "write" | "cas" => {
                let leader = self.raft.status().leader.filter(|leader| *leader != self.id);
                self.operate(src, body, leader);
            }
            _ => self.refuse(src, &body, 10, "there is no such operation"),
        }
        Ok(())
    }

    /// Begins an operation where this node leads, passes it on where `leader` does, and refuses
    /// it where nobody is known to. Until it is in the log it certainly has no effect.
    fn operate(&mut self, client: &str, body: Body, leader: Option<NodeId>) {
        if let Some(leader) = leader {
            let forward = json!({ "type": "forward", "client": client, "asked": body });
            if let Value::Object(forward) = forward {
                self.out.push((leader.to_string(), forward));
            }
            return;
        }
        if body["type"] == "read" {
            self.last_read += 1;
            let id = ReadId(self.last_read);
            match self.raft.read(id) {
                Ok(()) => drop(self.asked.insert(id, (client.to_owned(), body))),
                Err(_) => self.refuse(client, &body, 11, "this node knows of no leader"),
            }
            return;
        }
        match self.raft.propose(Value::Object(body.clone()).to_string().into_bytes()) {
            Ok(at) => {
                self.changes.insert(at.index, (at.term, client.to_owned(), body));
            }
            Err(_) => self.refuse(client, &body, 11, "this node cannot take it on"),
        }
    }

    /// Does what the protocol wants done: messages, the disk, the map, answers.
    pub(crate) fn work(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some(ready) = self.raft.ready() {
            let Ready { messages, write, apply, reads, refused_reads, .. } = ready;
            self.send(messages)?;
            if let Some(write) = write {
                if let Some(hard_state) = write.hard_state {
                    self.storage.set_hard_state(hard_state)?;
                }
                if !write.entries.is_empty() {
                    self.storage.append(&write.entries)?;
                }
                self.send(write.messages)?;
                self.raft.written(write.number);
            }
            // No snapshots are ever taken, so none arrives.
            if let Apply::Onwards(entries) = apply {
                for entry in entries {
                    self.apply(entry)?;
                }
            }
            for read in reads {
                if let Some((client, body)) = self.asked.remove(&read.id) {
                    assert!(read.index <= self.applied, "everything committed is applied first");
                    self.answer_read(&client, &body);
                }
            }
            for id in refused_reads {
                if let Some((client, body)) = self.asked.remove(&id) {
                    self.refuse(&client, &body, 11, "this node leads no more");
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, messages: Vec<Message>) -> Result<(), Box<dyn Error>> {
        for message in messages {
            let to = message.to.to_string();
            let mut body = Body::new();
            body.insert("type".to_owned(), "raft".into());
            body.insert("message".to_owned(), serde_json::to_value(message)?);
            self.out.push((to, body));
        }
        Ok(())
    }

    /// Applies an entry, and answers whoever waits at its index.
    fn apply(&mut self, entry: Entry) -> Result<(), Box<dyn Error>> {
        let Entry { position, payload } = entry;
        self.applied = position.index;
        let mut answer = None;
        if let Payload::Command(command) = payload {
            let command: Body = serde_json::from_slice(&command)?;
            answer = Some(change(&mut self.map, &command));
        }
        let Some((term, client, body)) = self.changes.remove(&position.index) else {
            return Ok(());
        };
        match answer.filter(|_| term == position.term) {
            Some(answer) => self.reply(&client, &body, answer),
            // What was proposed there was replaced, so it never takes effect.
            None => self.refuse(&client, &body, 14, "another leader took over"),
        }
        Ok(())
    }

    fn answer_read(&mut self, client: &str, body: &Body) {
        match self.map.get(&key(body)).cloned() {
            Some(value) => self.reply(client, body, json!({ "type": "read_ok", "value": value })),
            None => self.refuse(client, body, 20, "there is no such key"),
        }
    }
}

/// Keys are any JSON; they are equal where their texts are.
fn key(body: &Body) -> String {
    body["key"].to_string()
}

/// Carries out a write or a compare-and-set, and returns the answer.
fn change(map: &mut BTreeMap<String, Value>, body: &Body) -> Value {
    let key = key(body);
    if body["type"] == "write" {
        map.insert(key, body["value"].clone());
        return json!({ "type": "write_ok" });
    }
    match map.get_mut(&key) {
        None => json!({ "type": "error", "code": 20, "text": "there is no such key" }),
        Some(value) if *value == body["from"] => {
            *value = body["to"].clone();
            json!({ "type": "cas_ok" })
        }
        Some(value) => {
            let text = format!("the value is {value}");
            json!({ "type": "error", "code": 22, "text": text })
        }
    }
}
