//! Measures what a report of a million operations costs, from the history on disk to the
//! files a reader opens.
//!
//! `cargo run --release -p squall-results --example million -- [DIR]` invents a run of a
//! million operations under faults, writes it to a run directory, and does with it what
//! `squall report` does, one step after the other. With DIR, a folder that becomes a store,
//! the run stays: `squall report DIR/latest` then tells the time as a whole, and
//! `DIR/latest/report.html` can be looked at.

#[path = "../../tests/invented/mod.rs"]
mod invented;
mod recorded;

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use invented::Ending;
use squall_checker::certificate::Certificate;
use squall_checker::history::read_jsonl;
use squall_checker::{CheckOptions, check, verify};
use squall_results::facts::RunFacts;
use squall_results::junit;
use squall_results::probes::read_cluster_jsonl;
use squall_results::report::{self, Material};
use squall_results::run_dir::RunDir;
use squall_results::summary::summarize;

/// Asked of the inventor, whose clients are held up by faults: a million come of it.
const ASKED: usize = 1_720_000;

fn main() -> Result<(), Box<dyn Error>> {
    let given = std::env::args().nth(1).map(PathBuf::from);
    let scratch = tempfile::tempdir()?;
    let store = given.unwrap_or_else(|| scratch.path().to_owned());
    let run_dir = RunDir::create(&store, "million", "invented", 1)?;
    let facts = invent(&run_dir)?;
    conclude(&run_dir, facts)
}

/// Leaves on disk what a run leaves, and returns what only the harness knows.
fn invent(run_dir: &RunDir) -> Result<RunFacts, Box<dyn Error>> {
    let mut run = invented::run(1, ASKED, Ending::Linearizable);
    recorded::make_consistent(&mut run.history);
    recorded::write_history(&run.history, &run_dir.history())?;
    recorded::write_probes(&run.probes, &run_dir.cluster())?;
    Ok(run.facts)
}

/// Does what `squall report` does after it has read the facts.
fn conclude(run_dir: &RunDir, facts: RunFacts) -> Result<(), Box<dyn Error>> {
    let bytes = fs::metadata(run_dir.history())?.len();
    let mut clock = Clock::start();
    let history = clock.time("read the history", || {
        read_jsonl(BufReader::with_capacity(1 << 20, open(&run_dir.history())))
    })?;
    let probes = clock
        .time("read the probes", || read_cluster_jsonl(BufReader::new(open(&run_dir.cluster()))))?;
    let read = clock.total;
    let analysis = clock.time("check", || check(&history, &CheckOptions::default()))?;
    let certificate = clock.time("make the certificate", || Certificate::of(&analysis));
    clock.time("write the certificate", || {
        let file = File::create(run_dir.certificate()).expect("a new file in a folder of ours");
        certificate.write_json(BufWriter::new(file))
    })?;
    clock.time("verify it", || verify(&history, &certificate))?;
    let judged = clock.total;
    let results = clock.time("summarize", || summarize(&history, &analysis, &probes, None, facts));
    let material = Material {
        results: &results,
        history: &history,
        analysis: &analysis,
        probes: &probes,
        log_lines: &[],
        closeup: None,
    };
    let html = clock.time("render the report", || report::render(&material));
    clock.time("write report.html", || run_dir.write(&run_dir.report(), html.as_bytes()))?;
    let json = clock.time("make results.json", || serde_json::to_vec_pretty(&results))?;
    clock.time("write results.json", || run_dir.write(&run_dir.results(), &json))?;
    clock.time("write junit.xml", || {
        run_dir.write(&run_dir.junit(), junit::render(&results).as_bytes())
    })?;
    println!("{:<24}{}", "in all", clock.total);
    println!("{:<24}{}", "with history in memory", clock.total.since(read));
    println!("{:<24}{}", "summary and files", clock.total.since(judged));
    println!();
    let count = history.operations.len();
    println!("{count} operations, {}, {} MB of history", results.verdict, bytes / 1_000_000);
    println!("report.html: {} kB, results.json: {} kB", html.len() / 1_000, json.len() / 1_000);
    if let Some(peak) = memory_peak() {
        // The history that was invented is no more, but its memory may count.
        println!("memory at its peak, inventing included: {} MB", peak / 1_000_000);
    }
    println!("run directory: {}", run_dir.path().display());
    Ok(())
}

fn open(path: &Path) -> File {
    File::open(path).expect("it was just written")
}

/// Tells how long steps take: by the clock on the wall, and in time on processors, which a
/// busy machine does not lengthen.
struct Clock {
    total: Taken,
}

impl Clock {
    fn start() -> Self {
        println!("{:<24}{:>12}{:>14}", "", "wall", "processors");
        Self { total: Taken::default() }
    }

    fn time<T>(&mut self, step: &str, work: impl FnOnce() -> T) -> T {
        let (begun, before) = (Instant::now(), on_processors());
        let done = work();
        let taken =
            Taken { wall: begun.elapsed(), processors: on_processors().saturating_sub(before) };
        println!("{step:<24}{taken}");
        self.total.wall += taken.wall;
        self.total.processors += taken.processors;
        done
    }
}

#[derive(Clone, Copy, Default)]
struct Taken {
    wall: Duration,
    processors: Duration,
}

impl Taken {
    fn since(self, earlier: Self) -> Self {
        Self {
            wall: self.wall.saturating_sub(earlier.wall),
            processors: self.processors.saturating_sub(earlier.processors),
        }
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        write!(f, "{:>9.1} ms{:>11.1} ms", ms(self.wall), ms(self.processors))
    }
}

/// How long the threads of this process have had a processor so far; nothing where the
/// kernel does not tell.
fn on_processors() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let spent = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    });
    spent.sum()
}

/// The most memory this process ever had, in bytes (Linux).
fn memory_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}
