//! Servers of others for tests, where they are installed, and one that never answers.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use squall_workloads::Invocation;

use crate::system::{Client, Completion};

/// How long anything may take that happens at once on an idle machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The file of `program`; without it, says that `test` is skipped.
pub(super) fn installed(test: &str, program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let also = ["/usr/sbin", "/usr/share/java"].map(PathBuf::from);
    let mut files = std::env::split_paths(&path).chain(also).map(|folder| folder.join(program));
    let found = files.find(|file| file.is_file());
    if found.is_none() {
        println!("{test} skipped: no {program}");
    }
    found
}

/// A server that ends with the test.
pub(super) struct Server(Child);

impl Server {
    /// Runs `program` in `folder`.
    pub(super) fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("the program is installed"))
    }

    /// Stops it; every thread of it stands still when this returns.
    fn stop(&self) {
        kill(self.id(), Signal::SIGSTOP).expect("it runs");
        waitpid(self.id(), Some(WaitPidFlag::WUNTRACED)).expect("it is a child");
    }

    /// Lets it go on.
    fn go_on(&self) {
        kill(self.id(), Signal::SIGCONT).expect("it runs");
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).expect("ids of processes are small"))
    }

    /// Kills it; its sockets are closed when this returns.
    pub(super) fn kill(&mut self) {
        self.0.kill().and_then(|()| self.0.wait().map(drop)).expect("a child can be killed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address at which nothing listens.
pub(super) fn free() -> SocketAddr {
    listening().local_addr().expect("a socket that listens has an address")
}

/// A socket whose connections are accepted by the kernel and answered by nobody.
pub(super) fn listening() -> TcpListener {
    TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).expect("loopback has free ports")
}

/// The outcome at the first node, awaited for [`PATIENCE`].
pub(super) async fn outcome(client: &mut dyn Client, invocation: &Invocation) -> Completion {
    let outcome = tokio::time::timeout(PATIENCE, client.invoke(0, invocation));
    outcome.await.expect("an operation on a healthy server ends")
}

/// Invokes until it is carried out.
pub(super) async fn until_ok(client: &mut dyn Client, invocation: &Invocation) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match outcome(client, invocation).await {
            Completion::Ok { .. } => return,
            other => assert!(Instant::now() < deadline, "still {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Gives up on a write while `server` stands still, and sees that later operations are none the
/// wiser: no reply to it is taken for theirs.
pub(super) async fn giving_up_poisons_nothing(server: &Server, client: &mut dyn Client) {
    until_ok(client, &Invocation::write("a", 1)).await;
    until_ok(client, &Invocation::write("b", 2)).await;
    server.stop();
    let unanswered = Invocation::write("a", 3);
    let given = tokio::time::timeout(Duration::from_millis(100), client.invoke(0, &unanswered));
    assert!(given.await.is_err(), "nobody answers");
    server.go_on();
    for (key, values) in [("b", [2, 2]), ("a", [1, 3])] {
        match outcome(client, &Invocation::read(key)).await {
            Completion::Ok { value, .. } => {
                assert!(values.map(serde_json::Value::from).contains(&value), "{key}: {value}");
            }
            other => panic!("the read of {key} ended in {other:?}"),
        }
    }
}

/// Goes through every kind of operation, absent keys and mismatches among them.
pub(super) async fn every_operation(client: &mut dyn Client) {
    use serde_json::{Value, json};

    let list = json!([1, { "a": null }]);
    let delete = |key| Invocation::new(squall_workloads::Function::Delete, key, Value::Null);
    let steps = [
        (Invocation::read("a/b"), Ok(Value::Null)),
        (delete("a/b"), Ok(Value::Null)),
        (Invocation::cas("a/b", json!(1), json!(2)), Err(Value::Null)),
        (Invocation::cas("a/b", Value::Null, json!(1)), Ok(json!([null, 1]))),
        (Invocation::cas("a/b", Value::Null, json!(2)), Err(json!(1))),
        (Invocation::cas("a/b", json!(1), list.clone()), Ok(json!([1, list]))),
        (Invocation::read("a/b"), Ok(list.clone())),
        (Invocation::cas("a/b", json!(1), json!(2)), Err(list.clone())),
        (Invocation::write("a/b", 3), Ok(json!(3))),
        (Invocation::read("a/b"), Ok(json!(3))),
        (delete("a/b"), Ok(Value::Null)),
        (Invocation::read("a/b"), Ok(Value::Null)),
        (Invocation::cas("a/b", Value::Null, json!(4)), Ok(json!([null, 4]))),
        (Invocation::read("a/b"), Ok(json!(4))),
        (Invocation::write("a", 5), Ok(json!(5))),
        (Invocation::read("a"), Ok(json!(5))),
        (Invocation::read("a/b"), Ok(json!(4))),
    ];
    for (invocation, expected) in steps {
        let ended = match outcome(client, &invocation).await {
            Completion::Ok { value, .. } => Ok(value),
            Completion::Mismatch { found: Some(found) } => Err(found),
            other => panic!("{invocation:?} ended in {other:?}"),
        };
        assert_eq!(ended, expected, "{invocation:?}");
    }
}
