//! Running the binary, and looking at what it left.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A store of its own for one test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    /// The newest run directory.
    pub(crate) fn latest(&self) -> PathBuf {
        self.store().join("latest")
    }

    /// Writes a file and returns its path as an argument.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("a writable temporary folder");
        path.to_str().expect("a plain path").to_owned()
    }

    /// `squall ARGS --store STORE`, not yet started.
    pub(crate) fn with_store(&self, args: &str) -> Command {
        let mut command = squall(args);
        command.arg("--store").arg(self.store());
        command
    }
}

/// `squall ARGS`, not yet started.
pub(crate) fn squall(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(args.split_whitespace()).stdin(Stdio::null());
    command
}

/// Runs to the end and returns the exit code and everything said.
pub(crate) fn finish(mut command: Command) -> (i32, String) {
    let output = command.output().expect("the binary runs");
    (code(&output), said(&output))
}

/// Starts without waiting; output is swallowed.
pub(crate) fn start(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("squall exits by itself")
}

pub(crate) fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The results of a run directory.
pub(crate) fn results(run_dir: &Path) -> Value {
    let path = run_dir.join("results.json");
    let bytes = std::fs::read(&path).expect("the run left results.json");
    serde_json::from_slice(&bytes).expect("results.json is JSON")
}

/// Polls until `condition` holds.
pub(crate) fn eventually(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes of this machine whose command line names `path`.
pub(crate) fn processes_naming(path: &Path) -> Vec<u32> {
    let needle = path.to_str().expect("a plain path");
    let entries = std::fs::read_dir("/proc").expect("/proc is mounted");
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let names = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(needle))
    };
    pids.filter(names).collect()
}
