//! Simulates clusters, seed after seed, for as long as asked.
//!
//! `cargo run --release -p squall-node --example simulate -- --time 10m` runs
//! correct nodes; `--bug NAME` plants a bug. Ends with an error at the first run
//! that breaks a promise, and says which seed repeats it.

#[path = "../simulation/mod.rs"]
mod simulation;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use simulation::{Failure, Plan, Totals};
use squall_node::bugs::Bug;

/// Simulates clusters, seed after seed.
#[derive(Parser)]
struct Args {
    /// How long to go on, as in 90s or 10m.
    #[arg(long, default_value = "1m", value_parser = duration)]
    time: Duration,
    /// The rule the nodes break.
    #[arg(long)]
    bug: Option<Bug>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds; by default as many as the time allows.
    #[arg(long)]
    seeds: Option<u64>,
    /// How many runs at a time.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Judge runs by what clients saw alone.
    #[arg(long)]
    clients_only: bool,
    /// How many of the last events to show of a run that failed.
    #[arg(long, default_value_t = 60)]
    events: usize,
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| format!("`{text}` begins with no number"))?;
    match unit {
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(60 * number)),
        "h" => Ok(Duration::from_secs(3_600 * number)),
        _ => Err(format!("`{unit}` is no unit of time: there is s, m and h")),
    }
}

/// What the threads share.
struct Shared {
    next_seed: AtomicU64,
    stop: AtomicBool,
    totals: Mutex<Totals>,
    failure: Mutex<Option<Box<Failure>>>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let started = Instant::now();
    let shared = Shared {
        next_seed: AtomicU64::new(args.seed),
        stop: AtomicBool::new(false),
        totals: Mutex::default(),
        failure: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| run_seeds(&args, started, &shared));
        }
    });
    let totals = *shared.totals.lock().unwrap_or_else(PoisonError::into_inner);
    report(started, &totals);
    let failure = shared.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_seeds(args: &Args, started: Instant, shared: &Shared) {
    let end = args.seeds.map_or(u64::MAX, |seeds| args.seed.saturating_add(seeds));
    let mut told = Instant::now();
    while started.elapsed() < args.time && !shared.stop.load(Ordering::Relaxed) {
        let seed = shared.next_seed.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let plan = Plan::new(seed, args.bug);
        let plan = if args.clients_only { plan.judged_by_clients() } else { plan };
        match simulation::run(&plan, args.events) {
            Ok(ran) => {
                let mut totals = shared.totals.lock().unwrap_or_else(PoisonError::into_inner);
                *totals += ran;
                if told.elapsed() > Duration::from_secs(10) {
                    told = Instant::now();
                    report(started, &totals);
                }
            }
            Err(failure) => {
                shared.stop.store(true, Ordering::Relaxed);
                let mut first = shared.failure.lock().unwrap_or_else(PoisonError::into_inner);
                // The smallest seed, whichever thread was faster.
                if first.as_ref().is_none_or(|first| failure.seed < first.seed) {
                    *first = Some(failure);
                }
            }
        }
    }
}

fn report(started: Instant, totals: &Totals) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{seconds:.0} s, {:.1} seeds a second: {totals}", totals.runs as f64 / seconds);
}
