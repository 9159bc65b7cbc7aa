//! How many operations a second the recording driver gets out of a node that runs already:
//! reads, writes or both, by clients that never rest.
//!
//! ```text
//! cargo run --release -p squall --example driver_load -- HOST:PORT [--reads PERCENT]
//! ```
//!
//! The clients, sessions and the recorder are those of a run. Prints operations that
//! succeeded, over the time; `benchmarks/driver_vs_wrk.sh` compares it with wrk.

use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::Value;
use squall::{
    clients::{Clients, Pacing},
    plan::Rate,
    recorder::Recorder,
    session::Sessions,
    systems::Node,
};
use squall_checker::{
    history::{FORMAT_VERSION, Header, HeaderTag},
    model::ModelName,
};
use squall_workloads::{
    Client, Function, Invocation, Workload,
    generator::{Endless, Generator},
};

#[derive(Clone, Copy, Debug, Parser)]
struct Arguments {
    /// Where the node listens.
    node: SocketAddr,
    /// Operations that are reads, in percent; the rest are writes.
    #[arg(long, default_value_t = 50)]
    reads: u32,
    /// Clients at once, each with a connection of its own.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Seconds for which they go on.
    #[arg(long, default_value_t = 8)]
    time: u64,
}

const KEYS: [&str; 20] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19",
];

/// Registers that every client reads and writes at the same share.
struct Share {
    read_percent: u32,
}

impl Workload for Share {
    fn name(&self) -> &'static str {
        "register"
    }

    fn model(&self) -> ModelName {
        ModelName::Register
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let read_percent = self.read_percent;
        let mut rng = ChaCha8Rng::seed_from_u64(client.number as u64);
        let mut value = client.number as u64 + 1;
        Box::new(Endless(move || {
            let key = KEYS[rng.random_range(0..KEYS.len())];
            if rng.random_range(0..100) < read_percent {
                return Invocation::read(key);
            }
            value += client.of as u64;
            Invocation::write(key, value)
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        Vec::new()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("history.jsonl");
    let (recorder, writer) = Recorder::start(&path, &header(), Instant::now())?;
    let system = Arc::new(Node::new("squall".into(), None));
    let nodes = [("n1".to_owned(), arguments.node)];
    let timeout = Duration::from_secs(1);
    let sessions = Sessions::new(system, &nodes, recorder.clone(), timeout, arguments.clients);
    let workload = Share { read_percent: arguments.reads };
    let began = Instant::now();
    let pacing = Pacing::closed(Rate::Unlimited);
    let clients = Clients::start(&sessions, &workload, arguments.clients, pacing);
    tokio::time::sleep(Duration::from_secs(arguments.time)).await;
    let (tally, took) = (recorder.tally(), began.elapsed());
    clients.stop().await?;
    writer.finish()?;
    if tally.fail + tally.info > 0 {
        return Err(format!("not every operation was served: {tally:?}").into());
    }
    println!("{:.0}", tally.ok as f64 / took.as_secs_f64());
    Ok(())
}

fn header() -> Header {
    Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "node".to_owned(),
        workload: "register".to_owned(),
        model: "register".to_owned(),
        nodes: vec!["n1".to_owned()],
        seed: 0,
        plan: Value::Null,
        started_unix_ns: None,
        utc_offset_s: None,
    }
}
