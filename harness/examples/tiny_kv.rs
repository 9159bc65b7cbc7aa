//! A key-value store that is as simple as one can be that keeps its promises under faults.
//!
//! The node called `n1` holds all state: it appends every write to a file and syncs that before
//! it answers. Other nodes pass operations on to it and answer what it answered. There is no
//! fail-over: while `n1` is away nothing is served.
//!
//! `GET /kv/KEY` answers `{"value":V}`, with null for nothing, and `PUT /kv/KEY {"value":V}`
//! answers `{"stored":true}`. A node that knows that an operation has no effect and never will
//! answers 503 with `"definite":true`.
//!
//! `--local-reads` makes other nodes answer reads from a copy they fetch now and then. That is
//! wrong, and Squall finds it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{self, State},
    http::{Method, StatusCode, Uri},
    routing::get,
};
use clap::Parser;
use serde_json::{Value, json};
use squall::http::{Connection, Lost};

/// The node that holds the state.
const PRIMARY: &str = "n1";
/// Time between two fetches of the copy that `--local-reads` answers from.
const COPY_INTERVAL: Duration = Duration::from_millis(200);

/// One node of a tiny key-value store.
#[derive(Parser)]
struct Args {
    /// Its name.
    #[arg(long)]
    name: String,
    /// Where it listens, for clients and other nodes alike.
    #[arg(long)]
    listen: SocketAddr,
    /// The directory of its file.
    #[arg(long)]
    data: PathBuf,
    /// Another node, as NAME=ADDRESS.
    #[arg(long = "peer")]
    peers: Vec<String>,
    /// Answer reads from a copy that may be old.
    #[arg(long)]
    local_reads: bool,
}

type Map = BTreeMap<String, Value>;
type Reply = (StatusCode, Json<Value>);

/// Everything the primary holds, in memory and on disk.
struct Store {
    map: Map,
    log: File,
}

impl Store {
    /// Reads back what was written; a line that a crash cut short was never acknowledged.
    fn open(path: &Path) -> io::Result<Self> {
        let mut log = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let map = lines.map(serde_json::from_slice).collect::<Result<Vec<(String, Value)>, _>>()?;
        log.set_len(whole as u64)?;
        Ok(Self { map: map.into_iter().collect(), log })
    }

    /// Nobody sees a write before it is on disk.
    fn write(&mut self, key: String, value: Value) -> io::Result<()> {
        let mut line = serde_json::to_vec(&(&key, &value))?;
        line.push(b'\n');
        self.log.write_all(&line)?;
        self.log.sync_data()?;
        self.map.insert(key, value);
        Ok(())
    }
}

/// A node that holds the state, or knows who does.
enum Node {
    Primary(Mutex<Store>),
    Other { primary: SocketAddr, copy: Option<Mutex<Map>> },
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds the state")
}

fn read_from(map: &Map, key: &str) -> Reply {
    (StatusCode::OK, Json(json!({ "value": map.get(key) })))
}

type Key = extract::Path<String>;

async fn read(State(node): State<Arc<Node>>, key: Key, uri: Uri) -> Reply {
    match &*node {
        Node::Primary(store) => read_from(&locked(store).map, &key),
        Node::Other { copy: Some(copy), .. } => read_from(&locked(copy), &key),
        Node::Other { primary, copy: None } => {
            pass_on(*primary, Method::GET, &uri, Bytes::new()).await
        }
    }
}

async fn write(State(node): State<Arc<Node>>, key: Key, uri: Uri, body: Bytes) -> Reply {
    let store = match &*node {
        Node::Primary(store) => store,
        Node::Other { primary, .. } => return pass_on(*primary, Method::PUT, &uri, body).await,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(value) = body.get("value").cloned() else {
        let why = json!({ "error": "the body holds no value", "definite": true });
        return (StatusCode::BAD_REQUEST, Json(why));
    };
    match locked(store).write(key.0, value) {
        Ok(()) => (StatusCode::OK, Json(json!({ "stored": true }))),
        Err(error) => {
            // What of it is on disk is not known, so nothing may be served any more.
            eprintln!("failed to write: {error}");
            std::process::exit(1);
        }
    }
}

async fn whole(State(node): State<Arc<Node>>) -> Json<Value> {
    let Node::Primary(store) = &*node else { return Json(Value::Null) };
    Json(json!(locked(store).map))
}

async fn status(State(node): State<Arc<Node>>) -> Json<Value> {
    Json(json!({ "role": if matches!(*node, Node::Primary(_)) { "leader" } else { "follower" } }))
}

/// One attempt at the primary, on a connection of its own.
async fn pass_on(primary: SocketAddr, method: Method, uri: &Uri, body: Bytes) -> Reply {
    let refused = |why: String, definite: bool| {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": why, "definite": definite })))
    };
    match Connection::to(primary).exchange(method, uri.path(), body).await {
        Ok((status, body)) => match serde_json::from_slice(&body) {
            Ok(body) => (status, Json(body)),
            Err(error) => refused(format!("the primary answered {status}: {error}"), false),
        },
        Err(Lost::NotSent(why)) => refused(why, true),
        Err(Lost::Unknown(why)) => refused(why, false),
    }
}

/// Fetches the copy for ever; while the primary is away it grows old.
async fn keep_copying(node: Arc<Node>) {
    let Node::Other { primary, copy: Some(copy) } = &*node else { return };
    loop {
        let fetched = Connection::to(*primary).exchange(Method::GET, "/whole", Bytes::new()).await;
        if let Some(map) = fetched.ok().and_then(|(_, body)| serde_json::from_slice(&body).ok()) {
            *locked(copy) = map;
        }
        tokio::time::sleep(COPY_INTERVAL).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let node = if args.name == PRIMARY {
        Node::Primary(Mutex::new(Store::open(&args.data.join("writes.jsonl"))?))
    } else {
        let prefix = format!("{PRIMARY}=");
        let primary = args.peers.iter().find_map(|peer| peer.strip_prefix(&prefix));
        let primary = primary.ok_or("name the address of n1 by --peer")?.parse()?;
        Node::Other { primary, copy: args.local_reads.then(Mutex::default) }
    };
    let node = Arc::new(node);
    tokio::spawn(keep_copying(Arc::clone(&node)));
    let routes = Router::new()
        .route("/kv/{key}", get(read).put(write))
        .route("/whole", get(whole))
        .route("/status", get(status))
        .with_state(node);
    axum::serve(tokio::net::TcpListener::bind(args.listen).await?, routes).await?;
    Ok(())
}
