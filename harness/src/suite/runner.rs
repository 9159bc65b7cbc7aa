//! Carries out a suite: one process a cell, one after another, whatever happens to each.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use squall_results::{
    run_dir::{StoreError, write_atomically},
    suite::{Cell, SuiteResults, render_html, render_junit},
    summary::Results,
};
use tokio::{process::Command, sync::watch};

use super::definition::{CellPlan, Suite};
use crate::run::wait_true;

/// Time a run may need beside its workload before it counts as hanging.
const OVERHEAD_MAX: Duration = Duration::from_secs(180);

/// What to run and where.
pub struct SuiteOrder {
    /// The suite.
    pub suite: Suite,
    /// The `squall` binary.
    pub executable: PathBuf,
    /// The folder of this run of the suite; it must exist and be empty.
    pub folder: PathBuf,
    /// When it began.
    pub started_utc: String,
    /// Becomes true when somebody wants the suite to end after the run under way.
    pub interrupt: watch::Receiver<bool>,
}

/// Carries out every cell and writes `suite.html`, `suite.json` and `junit.xml`, anew
/// after each cell so that an interrupted night still has its report. `tell` hears of
/// every cell before it starts and after it ended.
///
/// # Errors
/// When the reports cannot be written. A cell that goes wrong is not an error.
pub async fn run(order: SuiteOrder, tell: &dyn Fn(&Told<'_>)) -> Result<SuiteResults, StoreError> {
    let SuiteOrder { suite, executable, folder, started_utc, interrupt } = order;
    let mut results = SuiteResults { squall: 1, suite: suite.name, started_utc, cells: Vec::new() };
    let total = suite.cells.len();
    for (index, cell) in suite.cells.iter().enumerate() {
        let done = if *interrupt.borrow() {
            not_run(cell, &folder, "not run: the suite was interrupted before it")
        } else {
            tell(&Told::Starts { index, total, cell });
            carry_out(cell, &executable, &folder, interrupt.clone()).await
        };
        tell(&Told::Ended { cell: &done });
        results.cells.push(done);
        write_reports(&results, &folder)?;
    }
    Ok(results)
}

/// News of a suite.
pub enum Told<'a> {
    /// A cell starts.
    Starts {
        /// Counted from 0.
        index: usize,
        /// Cells in all.
        total: usize,
        /// The cell.
        cell: &'a CellPlan,
    },
    /// A cell ended, or was not run.
    Ended {
        /// What it came to.
        cell: &'a Cell,
    },
}

fn write_reports(results: &SuiteResults, folder: &Path) -> Result<(), StoreError> {
    write_atomically(&folder.join("suite.json"), results.to_json().as_bytes())?;
    write_atomically(&folder.join("suite.html"), render_html(results).as_bytes())?;
    write_atomically(&folder.join("junit.xml"), render_junit(results).as_bytes())
}

fn not_run(cell: &CellPlan, folder: &Path, reason: &str) -> Cell {
    Cell {
        name: cell.name.clone(),
        plan: in_words(cell),
        expected: cell.expect,
        verdict: None,
        as_expected: false,
        run_dir: None,
        seconds: 0.0,
        reason: reason.to_owned(),
        seed: cell.plan.seed,
        command: cell.plan.command(&plan_file(folder, cell)),
    }
}

fn in_words(cell: &CellPlan) -> String {
    let plan = &cell.plan;
    let bug = plan.bug.as_ref().map(|bug| format!(" with {bug}")).unwrap_or_default();
    format!(
        "{}{bug}, {}, {} nodes, {}, {}",
        plan.system,
        plan.workload,
        plan.nodes,
        plan.nemesis,
        humantime::format_duration(plan.time)
    )
}

async fn carry_out(
    cell: &CellPlan,
    executable: &Path,
    folder: &Path,
    interrupt: watch::Receiver<bool>,
) -> Cell {
    let began = Instant::now();
    let outcome = execute(cell, executable, folder, interrupt).await;
    let mut done = not_run(cell, folder, "");
    done.seconds = began.elapsed().as_secs_f64();
    done.run_dir = run_dir(folder, &cell.name);
    match outcome {
        Ok(results) => {
            done.verdict = Some(results.verdict);
            done.as_expected = results.verdict == cell.expect;
            done.reason = results.reason;
        }
        Err(why) => done.reason = why,
    }
    done
}

/// Runs the cell's plan in a process of its own; the reason when it has no results.
async fn execute(
    cell: &CellPlan,
    executable: &Path,
    folder: &Path,
    mut interrupt: watch::Receiver<bool>,
) -> Result<Results, String> {
    let plan = plan_file(folder, cell);
    let plans = plan.parent().unwrap_or(folder);
    std::fs::create_dir_all(plans)
        .map_err(|error| format!("failed to make {}: {error}", plans.display()))?;
    write_atomically(&plan, cell.plan.to_toml().as_bytes())
        .map_err(|error| format!("failed to {}", crate::run::chain(&error)))?;
    let mut child = Command::new(executable)
        .args(["test", "--json", "--lifeline", "--plan"])
        .arg(&plan)
        .arg("--store")
        .arg(folder.join("runs"))
        // Held open as long as the suite lives; see `--lifeline`.
        .stdin(Stdio::piped())
        // Ctrl-C on a terminal reaches the suite, which passes it on once.
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("failed to start {}: {error}", executable.display()))?;
    let lifeline = child.stdin.take();
    let pid = child.id();
    let limit = cell.plan.time + OVERHEAD_MAX;
    let ended = tokio::time::timeout(limit, child.wait_with_output());
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

/// Where the plan of a cell is kept.
fn plan_file(folder: &Path, cell: &CellPlan) -> PathBuf {
    folder.join("plans").join(format!("{}.toml", cell.name))
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

/// The only run directory of the cell, relative to the suite's folder.
fn run_dir(folder: &Path, cell: &str) -> Option<String> {
    let mut runs = std::fs::read_dir(folder.join("runs").join(cell)).ok()?;
    let run = runs.next()?.ok()?;
    Some(format!("runs/{cell}/{}", run.file_name().to_string_lossy()))
}
