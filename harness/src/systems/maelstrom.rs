//! Nodes that speak the Maelstrom protocol, in its workload `lin-kv`, each behind a bridge.

mod bridge;
mod call;
mod client;
mod error_code;
mod weather;

use std::{
    collections::BTreeMap, net::SocketAddr, path::PathBuf, process::Command, time::Duration,
};

pub use bridge::{Bridge, BridgeError};
use squall_workloads::Function;
pub use weather::Weather;

use self::client::MaelstromClient;
use crate::system::{BoxFuture, Client, NodeSetup, Status, System};

/// How long a probe may take before the node counts as not answering.
const PROBE_TIMEOUT: Duration = Duration::from_millis(150);

/// A program that is a Maelstrom node, run behind `squall maelstrom-node`.
#[derive(Debug)]
pub struct Maelstrom {
    executable: PathBuf,
    binary: PathBuf,
    args: Vec<String>,
    weather: Weather,
    probes: reqwest::Client,
}

impl Maelstrom {
    /// Nodes that are `binary` with `args`, behind bridges that `executable` runs, which is the
    /// `squall` binary. The options are `latency`, `jitter` and `loss`, as in [`Weather`].
    ///
    /// A `binary` that is a path, or the name of a file that is here, is that file; another name
    /// is looked for in `PATH`. Nodes run in directories of their own, so a path among `args` is
    /// best absolute.
    ///
    /// # Errors
    /// Names the option that is wrong and what it may be, or the file that is not there.
    pub fn new(
        executable: PathBuf,
        binary: PathBuf,
        args: Vec<String>,
        options: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let weather = Weather::of(options)?;
        let binary = located(binary)?;
        let probes = reqwest::Client::builder()
            .timeout(PROBE_TIMEOUT)
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .expect("a client without TLS or proxies has nothing to fail on");
        Ok(Self { executable, binary, args, weather, probes })
    }
}

/// Where the program is, whatever directory it is run in.
fn located(binary: PathBuf) -> Result<PathBuf, String> {
    if binary.is_file() {
        return std::path::absolute(&binary)
            .map_err(|error| format!("find {}: {error}", binary.display()));
    }
    if binary.components().count() == 1 && !binary.starts_with(".") {
        return Ok(binary);
    }
    Err(format!("use the program `{}`: there is no such file", binary.display()))
}

impl System for Maelstrom {
    fn name(&self) -> &str {
        "maelstrom"
    }

    fn creates_by_cas(&self) -> bool {
        false
    }

    fn version(&self) -> String {
        let words = [self.binary.display().to_string()].into_iter().chain(self.args.clone());
        words.collect::<Vec<_>>().join(" ")
    }

    fn offers(&self, function: Function) -> bool {
        matches!(function, Function::Read | Function::Write | Function::Cas)
    }

    fn command(&self, node: &NodeSetup) -> Command {
        let mut command = Command::new(&self.executable);
        command.arg("maelstrom-node").arg("--name").arg(&node.name);
        command.arg("--listen").arg(node.listen.to_string());
        command.arg("--data").arg(&node.data);
        for (name, address) in &node.peers {
            command.arg("--peer").arg(format!("{name}={address}"));
        }
        let Weather { latency, jitter, loss } = self.weather;
        command.arg("--latency").arg(humantime::format_duration(latency).to_string());
        command.arg("--jitter").arg(humantime::format_duration(jitter).to_string());
        command.arg("--loss").arg(loss.to_string());
        command.arg("--seed").arg(node.number.to_string());
        command.arg("--").arg(&self.binary).args(&self.args);
        command
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(MaelstromClient::of(nodes))
    }

    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async move {
            let reply = self.probes.get(format!("http://{node}/status")).send().await.ok()?;
            // The protocol has no question for who leads.
            reply.status().is_success().then(Status::default)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_from_any_directory_or_named_as_missing() {
        assert_eq!(located("Cargo.toml".into()).map(|path| path.is_absolute()), Ok(true));
        assert_eq!(located("python3".into()), Ok("python3".into()));
        for missing in ["./no-such-node", "/no/such/node", "", "."] {
            assert!(located(missing.into()).is_err(), "{missing}");
        }
    }
}
