//! A cluster of dummies: real process trees that compute nothing.

use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use squall_nemesis::network::Network;
use squall_nemesis::{Exit, Nodes};
use tokio::sync::watch;

/// A shell, a child in its group, and a daemon that has left group and session. All end with
/// their standard input, so that none outlives the test.
const TREE: &str = "exec 3<&0; cat <&3 & setsid cat <&3 & wait";

struct Running {
    pid: u32,
    _input: ChildStdin,
    exited: watch::Receiver<Option<ExitStatus>>,
}

/// The nodes; the first leads, as long as somebody says so.
pub(crate) struct Dummies {
    names: Vec<String>,
    network: Arc<Network>,
    running: Vec<Mutex<Option<Running>>>,
    pub(crate) leader: Option<usize>,
    spawner: Mutex<std::sync::mpsc::Sender<Order>>,
}

type Order = (Command, std::sync::mpsc::Sender<std::io::Result<Child>>);

impl Dummies {
    /// Starts one process tree for each of `nodes` nodes.
    pub(crate) fn start(network: Arc<Network>, nodes: usize) -> Self {
        let (orders_to, orders) = std::sync::mpsc::channel::<Order>();
        // Outside a sandbox the nodes die with the thread that spawned them.
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                reply.send(command.spawn()).expect("somebody asked");
            }
        });
        let dummies = Self {
            names: (1..=nodes).map(|node| format!("n{node}")).collect(),
            network,
            running: (0..nodes).map(|_| Mutex::new(None)).collect(),
            leader: Some(0),
            spawner: Mutex::new(orders_to),
        };
        for node in 0..nodes {
            dummies.spawn(node).expect("a shell");
        }
        dummies
    }

    fn spawn(&self, node: usize) -> std::io::Result<u32> {
        let mut command = Command::new("sh");
        command.args(["-c", TREE]).stdin(Stdio::piped()).stdout(Stdio::null());
        self.network.prepare(node, &mut command);
        let (reply_to, reply) = std::sync::mpsc::channel();
        let spawner = self.spawner.lock().expect("no thread panics with it");
        spawner.send((command, reply_to)).expect("it lives on");
        let mut child = reply.recv().expect("it replies")?;
        let pid = child.id();
        let input = child.stdin.take().expect("it is piped");
        let (exited_to, exited) = watch::channel(None);
        std::thread::spawn(move || {
            let status = child.wait().expect("a child is waited for once");
            exited_to.send_replace(Some(status));
        });
        *self.running[node].lock().expect("no thread panics with it") =
            Some(Running { pid, _input: input, exited });
        Ok(pid)
    }
}

impl Nodes for Dummies {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn leader(&self) -> Option<usize> {
        self.leader
    }

    fn pid(&self, node: usize) -> Option<u32> {
        let running = self.running[node].lock().expect("no thread panics with it");
        let alive = |running: &&Running| running.exited.borrow().is_none();
        running.as_ref().filter(alive).map(|running| running.pid)
    }

    async fn exited(&self, node: usize) -> Exit {
        let exited = {
            let running = self.running[node].lock().expect("no thread panics with it");
            running.as_ref().map(|running| running.exited.clone())
        };
        let mut exited = exited.expect("it was started");
        let status = *exited.wait_for(Option::is_some).await.expect("it is reaped");
        Exit::from(status.expect("that was waited for"))
    }

    async fn start(&self, node: usize) -> Result<u32, String> {
        self.spawn(node).map_err(|error| error.to_string())
    }
}

impl Drop for Dummies {
    fn drop(&mut self) {
        for node in 0..self.names.len() {
            if let Some(group) = self.pid(node).and_then(|pid| i32::try_from(pid).ok()) {
                let group = nix::unistd::Pid::from_raw(group);
                // It may have ended since; there is nothing to do about it either way.
                let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
            }
        }
    }
}
