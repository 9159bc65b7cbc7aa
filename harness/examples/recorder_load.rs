//! What recording costs: pushes events through the recorder at a steady rate, then reads the
//! file back and accounts for every one of them.
//!
//! ```text
//! cargo run --release -p squall --example recorder_load -- [--rate EVENTS_PER_S] [--time SECONDS]
//! ```
//!
//! First come a few seconds of the same tasks making the same operations at the same pace
//! without recording them; what the process uses beyond that is the recorder's. Fails if an
//! event was lost, if the recorder took more than a tenth of a core, or if memory grew.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use serde_json::{Value, json};
use squall::{recorder::Recorder, system::Completion};
use squall_checker::history::{Event, FORMAT_VERSION, Header, HeaderTag};
use squall_workloads::{Function, Invocation};
use tokio::task::JoinSet;

/// The most of one core that recording may take.
const SHARE_MAX: f64 = 0.10;
/// The most that memory may grow between two thirds of the run.
const GROWTH_MAX_KIB: u64 = 8 * 1024;
/// How long the tasks go without recording.
const BASELINE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, Parser)]
struct Arguments {
    /// Events a second, two for each operation.
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// Seconds for which they are recorded.
    #[arg(long, default_value_t = 60)]
    time: u64,
    /// Tasks from which they come.
    #[arg(long, default_value_t = 16)]
    tasks: u64,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().expect("a folder for the history");
    let path = folder.path().join("history.jsonl");

    let idle = measure(arguments, None, BASELINE).await;
    println!("without recording: {:.1} % of a core", 100.0 * idle.share(idle.process));

    let (recorder, writer) = Recorder::start(&path, &header(), Instant::now()).expect("a file");
    let load = measure(arguments, Some(recorder), Duration::from_secs(arguments.time)).await;
    let written = writer.finish().expect("the disk takes it");

    let whole = load.share(load.process) - idle.share(idle.process);
    let writing = load.share(load.recorder);
    println!("recorded: {} events in {:.1} s", load.events, load.wall.as_secs_f64());
    println!(
        "recorder: {:.1} % of a core, of which {:.1} % in its thread; {:.0} ns an event",
        100.0 * whole,
        100.0 * writing,
        1e9 * whole * load.wall.as_secs_f64() / load.events as f64
    );
    let [start, middle, end] = load.rss_kib.map(|kib| kib / 1024);
    println!("memory: {start} MiB after a tenth, {middle} MiB half-way, {end} MiB at the end");

    println!("longest wait of an event: {:.1} ms", written.waited_max.as_secs_f64() * 1e3);
    let lost = account(&path, load.events);
    println!("lost or out of place: {lost} events");
    let grown = load.rss_kib[2].saturating_sub(load.rss_kib[1]) > GROWTH_MAX_KIB;
    if lost > 0 || grown || whole > SHARE_MAX { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn header() -> Header {
    Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "none".to_owned(),
        workload: "cas-register".to_owned(),
        model: "cas-register".to_owned(),
        nodes: (1..=5).map(|number| format!("n{number}")).collect(),
        seed: 1,
        plan: Value::Null,
        started_unix_ns: None,
        utc_offset_s: None,
    }
}

/// What some time of work took.
struct Measured {
    wall: Duration,
    events: u64,
    process: Duration,
    recorder: Duration,
    /// After a tenth, half and all of the time.
    rss_kib: [u64; 3],
}

impl Measured {
    fn share(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() / self.wall.as_secs_f64()
    }
}

async fn measure(arguments: Arguments, recorder: Option<Recorder>, time: Duration) -> Measured {
    let (began, cpu) = (Instant::now(), cpu_time());
    let mut tasks = JoinSet::new();
    for number in 0..arguments.tasks {
        tasks.spawn(operate(number, arguments, recorder.clone(), began, time));
    }
    let mut rss_kib = [0; 3];
    for (rss_kib, tenths) in rss_kib.iter_mut().zip([1, 5, 10]) {
        tokio::time::sleep_until((began + time * tenths / 10).into()).await;
        *rss_kib = resident_kib();
    }
    let events = tasks.join_all().await.into_iter().sum();
    let [process, recorder] = [0, 1].map(|which| cpu_time()[which] - cpu[which]);
    Measured { wall: began.elapsed(), events, process, recorder, rss_kib }
}

/// Carries out the share of one task, as operations that overlap with those of others.
async fn operate(
    task: u64,
    arguments: Arguments,
    recorder: Option<Recorder>,
    began: Instant,
    time: Duration,
) -> u64 {
    let operations_per_s = arguments.rate as f64 / 2.0 / arguments.tasks as f64;
    let mut done = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    while began.elapsed() < time {
        tick.tick().await;
        let due = (began.elapsed().min(time).as_secs_f64() * operations_per_s) as u64;
        for number in done..due {
            let invocation = operation(task, number);
            if let Some(recorder) = &recorder {
                recorder.invoke(task, NODES[task as usize % NODES.len()], &invocation);
            }
            tokio::task::yield_now().await;
            let completion = completion(&invocation, number);
            if let Some(recorder) = &recorder {
                let node = NODES[task as usize % NODES.len()];
                recorder.complete(task, node, &invocation, &completion);
            }
            std::hint::black_box(&completion);
        }
        done = due;
    }
    2 * done
}

const NODES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];

/// Half reads, a quarter writes and a quarter compare-and-sets, over 20 keys.
fn operation(task: u64, number: u64) -> Invocation {
    let key = (number % 20).to_string();
    let value = number * 64 + task;
    match number % 4 {
        0 | 2 => Invocation::read(key),
        1 => Invocation::write(key, value),
        _ => Invocation::cas(key, json!(value.saturating_sub(64)), json!(value)),
    }
}

fn completion(invocation: &Invocation, number: u64) -> Completion {
    match invocation.function {
        Function::Cas if number % 8 == 3 => Completion::Mismatch { found: Some(json!(number)) },
        Function::Read => Completion::Ok { value: json!(number), revision: Some(number) },
        _ => Completion::Ok { value: invocation.value.clone(), revision: Some(number) },
    }
}

/// Counts the events that are missing or not where their index says.
fn account(path: &Path, events: u64) -> u64 {
    let file = BufReader::new(fs::File::open(path).expect("the history is there"));
    let lines = file.lines().skip(1).map(|line| line.expect("a readable line"));
    let (mut found, mut astray) = (0, 0);
    for line in lines {
        let event: Event = serde_json::from_str(&line).expect("an event");
        astray += u64::from(event.index != Some(found));
        found += 1;
    }
    astray + events.abs_diff(found)
}

/// Time on a core so far: of the whole process, and of the recorder's thread.
fn cpu_time() -> [Duration; 2] {
    let mut times = [Duration::ZERO; 2];
    for task in fs::read_dir("/proc/self/task").expect("Linux tells").flatten() {
        // A thread may have ended since.
        let Ok(stat) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let ns = stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds");
        times[0] += Duration::from_nanos(ns);
        if name.trim() == "recorder" {
            times[1] = Duration::from_nanos(ns);
        }
    }
    times
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).expect("resident memory");
    kib.parse().expect("a number of KiB")
}
