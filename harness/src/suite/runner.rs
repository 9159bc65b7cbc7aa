//! Carries out a suite: one process a cell, so many at once, whatever happens to each.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use futures_util::stream::{self, StreamExt};
use squall_results::{
    run_dir::{StoreError, write_atomically},
    suite::{Cell, SuiteResults, render_html, render_junit},
};
use tokio::sync::watch;

use super::definition::{CellPlan, Suite};
use crate::own_process::{self, Errand};

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
    /// How many runs go on at once, at least 1.
    pub jobs: usize,
    /// Becomes true when somebody wants the suite to end after the runs under way.
    pub interrupt: watch::Receiver<bool>,
}

/// Carries out every cell and writes `suite.html`, `suite.json` and `junit.xml`, anew
/// after each cell so that an interrupted night still has its report. `tell` hears of
/// every cell before it starts and after it ended.
///
/// # Errors
/// When the reports cannot be written. A cell that goes wrong is not an error.
pub async fn run(order: SuiteOrder, tell: &dyn Fn(&Told<'_>)) -> Result<SuiteResults, StoreError> {
    let SuiteOrder { suite, executable, folder, started_utc, jobs, interrupt } = order;
    let mut results = SuiteResults { squall: 1, suite: suite.name, started_utc, cells: Vec::new() };
    let total = suite.cells.len();
    let (executable, folder, interrupt) = (&executable, &folder, &interrupt);
    let running = suite.cells.iter().enumerate().map(async |(index, cell)| {
        if *interrupt.borrow() {
            return (index, not_run(cell, folder, "not run: the suite was interrupted before it"));
        }
        tell(&Told::Starts { index, total, cell });
        (index, carry_out(cell, executable, folder, interrupt.clone()).await)
    });
    let mut running = stream::iter(running).buffer_unordered(jobs.max(1));
    let mut indices: Vec<usize> = Vec::new();
    while let Some((index, done)) = running.next().await {
        tell(&Told::Ended { cell: &done });
        // In the order of the file, whichever ended first.
        let place = indices.partition_point(|other| *other < index);
        indices.insert(place, index);
        results.cells.insert(place, done);
        write_reports(&results, folder)?;
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
        fingerprint: None,
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
    let store = folder.join("runs");
    let plan_file = plan_file(folder, cell);
    let errand = Errand { plan: &cell.plan, plan_file: &plan_file, store: &store, executable };
    let outcome = own_process::run(&errand, interrupt).await;
    let mut done = not_run(cell, folder, "");
    done.seconds = began.elapsed().as_secs_f64();
    done.run_dir =
        own_process::run_dir(&store, &cell.name).map(|run| format!("runs/{}", run.display()));
    match outcome {
        Ok(results) => {
            done.verdict = Some(results.verdict);
            done.as_expected = results.verdict == cell.expect;
            done.reason = results.reason;
            done.fingerprint = results.fingerprint;
        }
        Err(why) => done.reason = why,
    }
    done
}

/// Where the plan of a cell is kept.
fn plan_file(folder: &Path, cell: &CellPlan) -> PathBuf {
    folder.join("plans").join(format!("{}.toml", cell.name))
}
