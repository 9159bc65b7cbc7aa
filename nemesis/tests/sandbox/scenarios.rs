//! What is played inside a sandbox.

use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use squall_nemesis::grudge::Grudge;
use squall_nemesis::network::{Backend, Network};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::ChildStdout;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::ordeal;
use crate::shapes::{every_shape_is_what_probes_see, shows};

/// In the environment: where to leave a file.
pub(crate) const FOLDER: &str = "SQUALL_TEST_FOLDER";
const PATIENCE: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(300);

/// Plays the scenario `name`; success unless it panics or has an exit code of its own.
pub(crate) async fn play(name: &str) -> ExitCode {
    match name {
        "nft" => cut_by(Backend::SandboxNft).await,
        "nft-program" => cut_by(Backend::SandboxNftProgram).await,
        "iptables" => cut_by(Backend::SandboxIptables).await,
        "connections" => connections().await,
        "faults" => faults().await,
        "masked" => {
            let own = std::fs::read_link("/proc/self").expect("proc");
            assert_ne!(own.to_str(), Some(std::process::id().to_string().as_str()));
            faults().await;
        }
        "timings" => timings().await,
        "orphans" => orphans().await,
        "leave-a-file" => leave_a_file(),
        "linger" => linger().await,
        "await-term" => return await_term().await,
        "die" => die(),
        unknown => panic!("no scenario {unknown}"),
    }
    ExitCode::SUCCESS
}

async fn cut_by(backend: Backend) {
    let network = Network::sandbox_cut_by(&[backend], 5).await.expect("a network");
    assert_eq!(network.backend(), backend);
    assert_eq!(network.peer(0, 3), network.listen(3));
    assert_eq!(network.listen(3).ip(), IpAddr::V4(Ipv4Addr::new(10, 77, 0, 4)));
    shows(&network, "fresh", &Grudge::none(5)).await;
    every_shape_is_what_probes_see(&network).await;
}

async fn faults() {
    let network = Network::sandbox(5).await.expect("a network");
    ordeal::every_fault_leaves_evidence(network).await;
}

/// An established connection falls silent at once, resumes, and clients notice nothing.
async fn connections() {
    let network = Network::sandbox(3).await.expect("a network");
    let address = network.listen(1);
    let _server = program(&network, 1, &["--echo", &address.to_string()]);
    let mut talker = program(&network, 0, &["--talk", &address.to_string()]);
    let output = talker.stdout.take().expect("it is piped");
    let mut rounds = BufReader::new(output).lines();
    assert!(talks(&mut rounds, PATIENCE).await, "never connected");

    let mut client = TcpStream::connect(address).await.expect("the bridge");
    for grudge in [Grudge::isolate(1, 3), Grudge::one_way(&[1], &[0], 3)] {
        network.apply(&grudge).await.expect("cut");
        // What had arrived before the cut may still come out of the pipe.
        while talks(&mut rounds, SILENCE).await {}
        assert!(!talks(&mut rounds, SILENCE).await, "a byte came through");
        client.write_all(b"!").await.expect("clients are not cut off");
        let echo = timeout(PATIENCE, client.read_u8()).await;
        assert_eq!(echo.expect("no silence").expect("a connection"), b'!');
        network.heal().await.expect("heal");
        assert!(talks(&mut rounds, PATIENCE).await, "never resumed");
    }
}

fn program(network: &Network, node: usize, arguments: &[&str]) -> tokio::process::Child {
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments).stdout(Stdio::piped());
    network.prepare(node, &mut command);
    tokio::process::Command::from(command).spawn().expect("this executable")
}

async fn talks(rounds: &mut Lines<BufReader<ChildStdout>>, patience: Duration) -> bool {
    match timeout(patience, rounds.next_line()).await {
        Ok(line) => line.expect("a pipe").is_some(),
        Err(_) => false,
    }
}

/// Prints what the network costs; asserts only an order of magnitude, since machines are busy.
async fn timings() {
    let began = Instant::now();
    let network = Network::sandbox(5).await.expect("a network");
    let built = began.elapsed();
    let grudge = Grudge::isolate(2, 5);
    let mut cuts = Vec::new();
    let mut heals = Vec::new();
    let mut round_trips = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        network.apply(&grudge).await.expect("cut");
        cuts.push(began.elapsed());
        let began = Instant::now();
        network.heal().await.expect("heal");
        heals.push(began.elapsed());
        let began = Instant::now();
        assert!(network.probe(PATIENCE).await.expect("probe").is_full());
        round_trips.push(began.elapsed());
    }
    let median = |mut spans: Vec<Duration>| {
        spans.sort_unstable();
        spans[spans.len() / 2]
    };
    println!(
        "built in {built:?}; medians: cut {:?}, heal {:?}, 20 probes {:?}",
        median(cuts),
        median(heals),
        median(round_trips)
    );
    assert!(built < Duration::from_secs(5));
}

/// Orphans are reaped, yet never a child that somebody waits for.
async fn orphans() {
    for _ in 0..20 {
        let mut shell = Command::new("sh");
        let status = shell.args(["-c", "sh -c 'true & true' & exit 7"]).status();
        assert_eq!(status.expect("a shell").code(), Some(7));
    }
    let deadline = Instant::now() + PATIENCE;
    while zombies() > 0 {
        assert!(Instant::now() < deadline, "zombies are left");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn zombies() -> usize {
    let entries = std::fs::read_dir("/proc").expect("proc");
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.contains(") Z "))
        .count()
}

/// Writes where it is told to, as a run does into its store.
fn leave_a_file() {
    let folder = std::env::var_os(FOLDER).expect("it is told where");
    let file = std::path::PathBuf::from(folder).join("left");
    std::fs::write(file, "by the sandbox").expect("the user's own folder");
}

/// Stands until it is killed, with daemons on every node.
async fn linger() {
    let network = Network::sandbox(3).await.expect("a network");
    let daemons = (0..3).map(|node| {
        let mut command = Command::new("sh");
        command.args(["-c", "setsid sleep 7777 & sleep 7777"]);
        network.prepare(node, &mut command);
        tokio::process::Command::from(command).spawn().expect("a shell")
    });
    let _daemons: Vec<_> = daemons.collect();
    network.apply(&Grudge::isolate(0, 3)).await.expect("cut");
    println!("standing");
    std::future::pending::<()>().await;
}

async fn await_term() -> ExitCode {
    let mut terminated = signal(SignalKind::terminate()).expect("a handler");
    println!("standing");
    terminated.recv().await;
    ExitCode::from(42)
}

fn die() {
    nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL)
        .expect("this very process");
}
