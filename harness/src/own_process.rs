//! A run in a process of its own, so that nothing it does reaches whoever started it.
//!
//! The child is `squall test`: it has its own sandbox, ends with its parent (its stdin is the
//! lifeline) and answers with its results as JSON. Deliberately absent: what the results
//! should have been.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use squall_results::{run_dir::write_atomically, summary::Results};
use tokio::{process::Command, sync::watch};

use crate::{
    plan::Plan,
    run::{chain, wait_true},
};

/// Time a run may need beside its workload before it counts as hanging.
const OVERHEAD_MAX: Duration = Duration::from_secs(180);

/// What to run, and where.
pub(crate) struct Errand<'a> {
    /// The plan, resolved and named.
    pub(crate) plan: &'a Plan,
    /// Where the plan is written before the run; its folder is made.
    pub(crate) plan_file: &'a Path,
    /// The store of the run.
    pub(crate) store: &'a Path,
    /// The `squall` binary.
    pub(crate) executable: &'a Path,
}

/// Carries the errand out. Once `interrupt` is true the run heals, reads back, judges what
/// there is and ends.
///
/// # Errors
/// Why there are no results, in words.
pub(crate) async fn run(
    errand: &Errand<'_>,
    mut interrupt: watch::Receiver<bool>,
) -> Result<Results, String> {
    let Errand { plan, plan_file, store, executable } = *errand;
    let plans = plan_file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(plans)
        .map_err(|error| format!("failed to make {}: {error}", plans.display()))?;
    write_atomically(plan_file, plan.to_toml().as_bytes())
        .map_err(|error| format!("failed to {}", chain(&error)))?;
    let mut child = Command::new(executable)
        .args(["test", "--json", "--lifeline", "--plan"])
        .arg(plan_file)
        .arg("--store")
        .arg(store)
        // Held open as long as the parent lives; see `--lifeline`.
        .stdin(Stdio::piped())
        // Ctrl-C on a terminal reaches the parent, which passes it on once.
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("failed to start {}: {error}", executable.display()))?;
    let lifeline = child.stdin.take();
    let pid = child.id();
    let ended = tokio::time::timeout(plan.time + OVERHEAD_MAX, child.wait_with_output());
    tokio::pin!(ended);
    let output = tokio::select! {
        output = &mut ended => output,
        () = wait_true(&mut interrupt) => {
            end_early(pid);
            ended.await
        }
    };
    drop(lifeline);
    let Ok(output) = output else {
        return Err(format!("killed: not done {} s after its workload", OVERHEAD_MAX.as_secs()));
    };
    let output = output.map_err(|error| format!("failed to wait for the run: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
        format!("no results ({}): {}", output.status, last.unwrap_or("nothing on stderr"))
    })
}

/// The only run directory of the run called `name`, relative to `store`.
pub(crate) fn run_dir(store: &Path, name: &str) -> Option<PathBuf> {
    let mut runs = std::fs::read_dir(store.join(name)).ok()?;
    let run = runs.next()?.ok()?;
    Some(Path::new(name).join(run.file_name()))
}

/// Asks a run to end with a verdict on what there is.
fn end_early(pid: Option<u32>) {
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) else { return };
    match kill(Pid::from_raw(pid), Signal::SIGTERM) {
        // It may have ended by itself meanwhile.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!("cannot end the run {pid}: {error}"),
    }
}
