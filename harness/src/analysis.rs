//! Everything after the history: read it back from disk, check it, verify the proof, and
//! write results, certificate and report. Needs nothing but a run directory, so any of it
//! can be done again later.

use std::{
    fs::File,
    io::{self, BufReader},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::OFlag;
use serde::Deserialize;
use squall_checker::{
    Budget, CheckError, CheckOptions,
    certificate::{Certificate, CertificateError},
    check,
    history::{FORMAT_VERSION, History, HistoryError, read_jsonl},
    placement::{Placement, all_but_one},
    verdict::{Analysis, Verdict},
    verify,
};
use squall_results::{
    checks::logs::LogFindings,
    facts::RunFacts,
    junit,
    log_lines::{LogLine, Reading},
    probes::{Probe, read_cluster_jsonl},
    report::{self, Material},
    run_dir::{RunDir, StoreError},
    summary::{Results, Window, first_contradiction, summarize},
};
use squall_workloads::by_name;

use crate::{plan::Plan, promises, whole_file::write_whole};

/// What was recorded cannot be judged or shown.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// A file cannot be opened or read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The history is not one.
    #[error("read the history {}", path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: HistoryError,
    },
    /// Events were lost, and with them whatever they would have shown.
    #[error("judge the history {}: {missing} of its events are missing", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// How many indices no event has.
        missing: u64,
    },
    /// The history is not one the model can judge.
    #[error("check the history")]
    Check(#[from] CheckError),
    /// The results file is of a later version.
    #[error("read the results {}: they are of version {found}, and this squall knows {FORMAT_VERSION}; use a newer squall, or delete the file to go by the history alone", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The results file is not one.
    #[error("read the results {}; restore the file, or delete it to go by the history alone", path.display())]
    Results {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A stretch of the run was asked for that it does not have.
    #[error(
        "show a stretch of a run of {run_s:.3} s: it must begin before its end and lie within the run"
    )]
    NoStretch {
        /// How long the run is, in seconds.
        run_s: f64,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate cannot be written.
    #[error("write {}; check free space and permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
}

/// What a run knows beside its history.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// What only the harness knows.
    pub facts: RunFacts,
    /// What the nodes said of themselves, in order of time.
    pub probes: Vec<Probe>,
}

/// Reads a history from disk; `path` may also be a run directory.
///
/// # Errors
/// When the file cannot be read, or names the line that is not what it should be.
pub fn read_history(path: &Path) -> Result<History, AnalysisError> {
    let inside = path.join("history.jsonl");
    let path = if inside.is_file() { &inside } else { path };
    let file = open(path)?;
    read_jsonl(BufReader::with_capacity(1 << 20, file))
        .map_err(|source| AnalysisError::History { path: path.to_owned(), source })
}

fn open(path: &Path) -> Result<File, AnalysisError> {
    open_file(path).map_err(|source| AnalysisError::Read { path: path.to_owned(), source })
}

/// Opens a file of a run. A pipe or device in its place, as a run of strangers may have, would
/// keep a reader for ever.
fn open_file(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// How long the searches of one analysis may take before what is undecided stays so.
pub const SEARCH_TIME_MAX: Duration = Duration::from_secs(60);

/// Does `work` with a budget whose time runs out after `limit`.
pub fn within<T>(limit: Duration, work: impl FnOnce(Budget<'_>) -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (done, over) = mpsc::channel::<()>();
        let stop = &stop;
        scope.spawn(move || {
            // Told of the end by `done` being dropped, also where the work panics.
            if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                stop.store(true, Ordering::Relaxed);
            }
        });
        let result = work(Budget { stop: Some(stop), ..Budget::default() });
        drop(done);
        result
    })
}

/// A history judged, and all that belongs to it in memory.
struct Judged {
    history: History,
    analysis: Analysis,
    certificate: Certificate,
    probes: Vec<Probe>,
    log_lines: Vec<LogLine>,
    results: Results,
    /// From the end of the verification.
    reporting: Instant,
}

impl Judged {
    fn report(&self, closeup: Option<Window>) -> String {
        report::render(&Material {
            results: &self.results,
            history: &self.history,
            analysis: &self.analysis,
            probes: &self.probes,
            log_lines: &self.log_lines,
            closeup,
        })
    }
}

/// Judges the history of a run; writes nothing.
fn judge(
    run_dir: &RunDir,
    mut circumstances: Circumstances,
    budget: Budget<'_>,
) -> Result<Judged, AnalysisError> {
    let history = read_history(&run_dir.history())?;
    if history.missing > 0 {
        let missing = history.missing;
        return Err(AnalysisError::Incomplete { path: run_dir.history(), missing });
    }
    let checking = Instant::now();
    let analysis = check(&history, &CheckOptions { model: None, budget })?;
    circumstances.facts.timings.check_ms = ms(checking.elapsed());

    let certificate = Certificate::of(&analysis);
    verify_into(&history, &certificate, &mut circumstances.facts);

    let reporting = Instant::now();
    let Circumstances { mut facts, probes } = circumstances;
    if facts.timings.first_write_ms.is_none() {
        facts.timings.first_write_ms = first_write_ms(&history);
    }
    let reading = Reading::of_run(&facts, &history, &analysis, &probes);
    let (logs, log_lines) = read_logs(run_dir, &facts.nodes, reading);
    let mut results = summarize(&history, &analysis, &probes, logs.as_ref(), facts);
    if let Some(first) = results.contradictions.first_mut() {
        first.placement = placement(&history, &analysis, &budget);
    }
    Ok(Judged { history, analysis, certificate, probes, log_lines, results, reporting })
}

/// How all operations but one of the first contradiction fit an order, if they do.
fn placement(history: &History, analysis: &Analysis, budget: &Budget<'_>) -> Option<Placement> {
    let found = first_contradiction(history, analysis)?;
    all_but_one(history, analysis.model.parse().ok()?, found, budget)
}

/// Judges the history of a run and writes everything that follows from it.
///
/// # Errors
/// When the history cannot be judged or the results cannot be written.
pub fn conclude(
    run_dir: &RunDir,
    circumstances: Circumstances,
    budget: Budget<'_>,
) -> Result<Results, AnalysisError> {
    let mut judged = judge(run_dir, circumstances, budget)?;
    let mut certificate = Vec::new();
    judged
        .certificate
        .write_json(&mut certificate)
        .map_err(|source| AnalysisError::Write { path: run_dir.certificate(), source })?;
    run_dir.write(&run_dir.certificate(), &certificate)?;
    run_dir.write(&run_dir.report(), judged.report(None).as_bytes())?;
    let results = &mut judged.results;
    run_dir.write(&run_dir.junit(), junit::render(results).as_bytes())?;
    results.facts.timings.report_ms = Some(ms(judged.reporting.elapsed()));
    let json = serde_json::to_vec_pretty(results).expect("results are plain data");
    run_dir.write(&run_dir.results(), &json)?;
    Ok(judged.results)
}

/// Does everything after the history again, from the run directory alone.
///
/// # Errors
/// As [`conclude`]; also when the results of before are there but cannot be read.
pub fn conclude_again(run_dir: &RunDir, budget: Budget<'_>) -> Result<Results, AnalysisError> {
    conclude(run_dir, circumstances_of(run_dir)?, budget)
}

/// Writes a report that begins with a stretch of the run and holds every operation of it as far
/// as a page can, beside the report of the whole run, which stays as it is. Gives the path.
///
/// # Errors
/// As [`conclude_again`]; also when the run has nothing in that stretch.
pub fn close_up(
    run_dir: &RunDir,
    stretch: Window,
    budget: Budget<'_>,
) -> Result<(Results, PathBuf), AnalysisError> {
    let judged = judge(run_dir, circumstances_of(run_dir)?, budget)?;
    let run_ns = judged.results.duration_ns;
    if stretch.start_ns >= run_ns || stretch.start_ns >= stretch.end_ns {
        return Err(AnalysisError::NoStretch { run_s: run_ns as f64 / 1e9 });
    }
    let stretch = Window { end_ns: stretch.end_ns.min(run_ns), ..stretch };
    let seconds = |ns: u64| ns as f64 / 1e9;
    let name = format!("report-{}s-{}s.html", seconds(stretch.start_ns), seconds(stretch.end_ns));
    let path = run_dir.path().join(name);
    run_dir.write(&path, judged.report(Some(stretch)).as_bytes())?;
    Ok((judged.results, path))
}

fn circumstances_of(run_dir: &RunDir) -> Result<Circumstances, AnalysisError> {
    Ok(Circumstances { facts: facts_of(run_dir)?, probes: probes_of(run_dir)? })
}

/// What of earlier results is still needed.
#[derive(Deserialize)]
struct OldResults {
    squall: u32,
    facts: RunFacts,
}

/// The facts a run left, or those its header still tells when it was cut short.
fn facts_of(run_dir: &RunDir) -> Result<RunFacts, AnalysisError> {
    let path = run_dir.results();
    match open_file(&path).map(BufReader::new).map(serde_json::from_reader::<_, OldResults>) {
        Ok(Ok(old)) if old.squall != FORMAT_VERSION => {
            Err(AnalysisError::Version { path, found: old.squall })
        }
        Ok(Ok(old)) => Ok(old.facts),
        Ok(Err(source)) => Err(AnalysisError::Results { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let history = read_history(&run_dir.history())?;
            Ok(facts_from_header(&history))
        }
        Err(source) => Err(AnalysisError::Read { path, source }),
    }
}

fn facts_from_header(history: &History) -> RunFacts {
    let note = "This run was cut short: what follows is what its history still tells.";
    let mut facts =
        RunFacts { interrupted: true, notes: vec![note.to_owned()], ..RunFacts::default() };
    if let Some(header) = &history.header {
        facts.name = format!("{}-{}", header.system, header.workload);
        facts.system.clone_from(&header.system);
        facts.workload.clone_from(&header.workload);
        facts.nodes.clone_from(&header.nodes);
        facts.seed = header.seed;
        facts.started_unix_ns = header.started_unix_ns;
        facts.utc_offset_s = header.utc_offset_s;
        facts.plan = header.plan.clone();
        let checks = header.plan.get("checks").cloned().map(serde_json::from_value);
        facts.checks = checks.and_then(Result::ok).unwrap_or_default();
        let plan: Option<Plan> = serde_json::from_value(header.plan.clone()).ok();
        let settings = plan.map(|plan| plan.workload_settings());
        // A workload of somebody's own is known only to whoever ran it.
        let workload = settings.and_then(|settings| by_name(&header.workload, settings).ok());
        // Nobody is left to ask of revisions.
        facts.beside = workload.map(|workload| promises::of(&*workload, false)).unwrap_or_default();
    }
    facts
}

fn probes_of(run_dir: &RunDir) -> Result<Vec<Probe>, AnalysisError> {
    let path = run_dir.cluster();
    match open_file(&path) {
        Ok(file) => read_cluster_jsonl(BufReader::new(file))
            .map_err(|source| AnalysisError::Read { path, source: io::Error::other(source) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(AnalysisError::Read { path, source }),
    }
}

/// What the logs of the nodes tell, and those of their lines that have a place in time; nothing
/// if a run left none, as one behind a finished cluster may.
fn read_logs(
    run_dir: &RunDir,
    nodes: &[String],
    mut reading: Reading,
) -> (Option<LogFindings>, Vec<LogLine>) {
    for node in nodes {
        match open_file(&run_dir.log(node)) {
            Ok(log) => reading.log(node, BufReader::with_capacity(1 << 18, log)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => reading.unreadable(node, &error),
        }
    }
    reading.finish()
}

/// Writes a certificate, as [`write_whole`] does.
///
/// # Errors
/// When it cannot be written.
pub fn write_certificate(certificate: &Certificate, path: &Path) -> Result<(), AnalysisError> {
    write_whole(path, |sink| certificate.write_json(sink))
        .map_err(|source| AnalysisError::Write { path: path.to_owned(), source })
}

fn verify_into(history: &History, certificate: &Certificate, facts: &mut RunFacts) {
    // What an earlier analysis of the same run found does not count.
    (facts.proof_verified, facts.verify_error, facts.timings.verify_ms) = (None, None, None);
    if certificate.verdict == Verdict::Unknown {
        return;
    }
    let verifying = Instant::now();
    let verified = verify(history, certificate);
    facts.timings.verify_ms = Some(ms(verifying.elapsed()));
    facts.proof_verified = Some(verified.is_ok());
    facts.verify_error = verified.err().map(|error| crate::run::chain(&error));
}

/// Milliseconds until the first acknowledged change of a run, whatever the workload calls it.
fn first_write_ms(history: &History) -> Option<u64> {
    let writes = history.iter().filter(|(_, operation)| {
        operation.f() != "read" && operation.outcome == squall_checker::history::Outcome::Ok
    });
    let first = writes.filter_map(|(_, write)| Some(write.completed?.time_ns())).min();
    first.map(|time_ns| time_ns / 1_000_000)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a check shorter than 584 million years")
}

#[cfg(test)]
mod tests;
