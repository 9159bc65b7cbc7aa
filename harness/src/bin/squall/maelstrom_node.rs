//! `squall maelstrom-node`: runs one node that speaks the Maelstrom protocol.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use squall::systems::maelstrom::{Bridge, Weather};

use crate::exit::{Exit, Failure};

/// Run one node that speaks the Maelstrom protocol, and give it an address
///
/// `squall test --system maelstrom` starts one for each node. Clients `POST /rpc` with the body
/// of a message and are answered with the body of the node's reply; `GET /status` says whether
/// the node has answered `init` and how many messages went where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of the node
    #[arg(long)]
    name: String,
    /// Address to listen on, for clients and peers alike
    #[arg(long, value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Directory the node runs in, which survives restarts; created if it does not exist
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Another node and where it is reached; one for each
    #[arg(long = "peer", value_name = "NAME=IP:PORT", value_parser = peer)]
    peers: Vec<(String, SocketAddr)>,
    /// Least delay of each message to another node
    #[arg(long, default_value = "0", value_parser = delay)]
    latency: Duration,
    /// Most that is added to that, drawn for each message
    #[arg(long, default_value = "0", value_parser = delay)]
    jitter: Duration,
    /// Probability with which a message to another node is lost
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    loss: f64,
    /// Decides which messages are lost and how long each takes
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The program of the node and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

fn peer(text: &str) -> Result<(String, SocketAddr), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, address)| Some((name.to_owned(), address.parse().ok()?)));
    parsed.ok_or_else(|| format!("`{text}` is not a name and an address, such as n2=127.0.0.1:80"))
}

fn probability(text: &str) -> Result<f64, String> {
    one("loss", text).map(|weather| weather.loss)
}

fn delay(text: &str) -> Result<Duration, String> {
    one("latency", text).map(|weather| weather.latency)
}

/// Weather of one option, within its bounds.
fn one(name: &str, text: &str) -> Result<Weather, String> {
    Weather::of(&[(name.to_owned(), text.to_owned())].into())
}

pub(crate) fn main(args: Args) -> Result<Exit, Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    std::fs::create_dir_all(&args.data).map_err(|error| Failure::setup(&error))?;
    let Args { name, listen, data, peers, latency, jitter, loss, seed, command } = args;
    let weather = Weather { latency, jitter, loss };
    let bridge = Bridge { name, listen, data, peers, weather, seed, command };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    runtime.block_on(bridge.run()).map_err(|error| Failure::setup(&error))?;
    Ok(Exit::Done)
}
