//! A node for Maelstrom's workload `lin-kv`, made of the core and the storage of the built-in
//! Raft node. It keeps its log in the directory it runs in, so it may be killed at any time.
//!
//! ```text
//! cargo build --release --example maelstrom_raft
//! squall test --system maelstrom --binary target/release/examples/maelstrom_raft --workload cas-register
//! ```
//!
//! With `--local-reads` every node answers reads from what it has applied, without asking the
//! leader: Squall shows how that is not linearizable.

mod replica;

use std::{
    io::{self, BufRead as _, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use replica::{Reads, Replica};
use serde_json::{Map, Value, json};

/// How long a tick of the protocol lasts.
const TICK: Duration = Duration::from_millis(10);
/// Most messages taken in between two looks at what the protocol wants done.
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let local = std::env::args().any(|argument| argument == "--local-reads");
    let reads = if local { Reads::Local } else { Reads::Linearizable };
    let (lines, inbox) = mpsc::sync_channel(1024);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() || line.is_ok_and(|line| lines.send(line).is_err()) {
                return;
            }
        }
    });

    let init = parse(&inbox.recv()?)?;
    let mut replica = Replica::open(&init.body, reads)?;
    let mut out = io::stdout().lock();
    let mut ids = 0..;
    let mut print = |replica: &mut Replica| -> io::Result<()> {
        for (dest, mut body) in replica.take_messages() {
            body.insert("msg_id".to_owned(), ids.next().map_or(Value::Null, u64::into));
            writeln!(out, "{}", json!({ "src": replica.name(), "dest": dest, "body": body }))?;
        }
        out.flush()
    };
    replica.reply(&init.src, &init.body, json!({ "type": "init_ok" }));
    print(&mut replica)?;

    let mut tick = Instant::now() + TICK;
    loop {
        match inbox.recv_timeout(tick.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                for line in [line].into_iter().chain(inbox.try_iter().take(BATCH)) {
                    let message = parse(&line)?;
                    replica.take_in(&message.src, message.body)?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if Instant::now() >= tick {
            replica.tick();
            // Ticks that a pause swallowed are not made up for.
            tick = Instant::now() + TICK;
        }
        replica.work()?;
        print(&mut replica)?;
    }
}

/// A message without its addressee, which is this node.
struct Message {
    src: String,
    body: Map<String, Value>,
}

fn parse(line: &str) -> Result<Message, Box<dyn std::error::Error>> {
    let mut message: Value = serde_json::from_str(line)?;
    let (src, body) = (message["src"].take(), message["body"].take());
    match (src, body) {
        (Value::String(src), Value::Object(body)) => Ok(Message { src, body }),
        _ => Err(format!("not a message: {line}").into()),
    }
}
