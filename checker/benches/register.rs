//! Registers, thirty operations at a time, a tenth of them indeterminate.
//!
//! The linear procedure by itself: ten million reads, writes and compare-and-sets, on one
//! key and on a hundred. Before the timings it prints what one decision in a fresh process
//! takes, as the kernel counts it (Linux): processor time, for one million operations and for
//! ten, and the peak of memory beyond the input, the order returned included. Then everything
//! around it, for a million reads and writes of one key.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use serde_json::{Value, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{Event, EventType, History, Process, read_jsonl};
use squall_checker::model::{RegisterOp, ValueId};
use squall_checker::procedure::Decision;
use squall_checker::register::decide;
use squall_checker::timed::{NEVER, Timed};
use squall_checker::{CheckOptions, check, verify};

const MILLION: usize = 1_000_000;
const WORKERS: usize = 30;
const INDETERMINATE_PERCENT: u64 = 10;

/// What the workers do.
#[derive(Clone, Copy)]
struct Load {
    operations: usize,
    keys: usize,
    /// Of 100 operations: writes, and compare-and-sets; the rest reads. A compare-and-set
    /// that was wrong told what it found, so it is a read.
    writes_percent: u64,
    swaps_percent: u64,
}

/// What a worker is at.
#[derive(Clone, Copy)]
enum Worker {
    Idle,
    /// Its operation has begun but not taken effect.
    Begun(usize),
    /// Its operation has taken effect, or never will.
    Done(usize),
}

/// An operation of the made-up run, with its positions among all events.
#[derive(Clone, Copy)]
struct Played {
    /// The worker's logical client; an indeterminate operation retires it.
    process: u32,
    key: u32,
    timed: Timed<RegisterOp>,
}

/// A key while the workers play.
#[derive(Clone, Copy, Default)]
struct Key {
    current: ValueId,
    last_written: u32,
}

impl Key {
    /// Numbers in the order of invocations, as a harness issues values.
    fn new_value(&mut self) -> ValueId {
        self.last_written += 1;
        ValueId(self.last_written)
    }

    /// What an operation came to, taking effect now; half of the compare-and-sets are right.
    fn apply(&mut self, op: RegisterOp, guess_right: bool, takes_effect: bool) -> RegisterOp {
        let (op, after) = match op {
            RegisterOp::Write(value) => (op, value),
            RegisterOp::Cas { new, .. } if guess_right => {
                (RegisterOp::Cas { expected: self.current, new }, new)
            }
            _ => (RegisterOp::Read(self.current), self.current),
        };
        if takes_effect {
            self.current = after;
        }
        op
    }
}

/// A generator of pseudo-random numbers below a bound (xorshift64*).
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move |bound| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    }
}

/// Plays the workers against real registers, advancing a random one at a time.
fn play(load: Load) -> Vec<Played> {
    let mut random = numbers();
    let mut workers = [Worker::Idle; WORKERS];
    let mut processes: [u32; WORKERS] = std::array::from_fn(|worker| worker as u32);
    let mut keys = vec![Key::default(); load.keys];
    let mut played: Vec<Played> = Vec::with_capacity(load.operations);
    let mut event = 0;
    while played.len() < load.operations {
        let worker = random(WORKERS as u64) as usize;
        workers[worker] = match workers[worker] {
            Worker::Idle => {
                event += 1;
                let key = random(load.keys as u64) as u32;
                let register = &mut keys[key as usize];
                let dice = random(100);
                let op = if dice < load.writes_percent {
                    RegisterOp::Write(register.new_value())
                } else if dice < load.writes_percent + load.swaps_percent {
                    RegisterOp::Cas { expected: ValueId::INITIAL, new: register.new_value() }
                } else {
                    RegisterOp::Read(ValueId::INITIAL)
                };
                let timed = Timed { op, invoked: event, returned: NEVER };
                played.push(Played { process: processes[worker], key, timed });
                Worker::Begun(played.len() - 1)
            }
            Worker::Begun(index) => {
                let indeterminate = random(100) < INDETERMINATE_PERCENT;
                let takes_effect = !indeterminate || random(2) == 0;
                let Played { key, timed, .. } = &mut played[index];
                timed.op = keys[*key as usize].apply(timed.op, random(2) == 0, takes_effect);
                if indeterminate {
                    processes[worker] += WORKERS as u32;
                    Worker::Idle
                } else {
                    Worker::Done(index)
                }
            }
            Worker::Done(index) => {
                event += 1;
                played[index].timed.returned = event;
                Worker::Idle
            }
        };
    }
    played
}

/// Per key, what the procedure takes: indeterminate reads left out.
struct Registers {
    by_key: Vec<(Vec<Timed<RegisterOp>>, u32)>,
    operations: u64,
}

impl Registers {
    fn of(load: Load, played: &[Played]) -> Self {
        let mut by_key = vec![(Vec::new(), 1); load.keys];
        let mut operations = 0;
        for Played { key, timed, .. } in played {
            let (register, values) = &mut by_key[*key as usize];
            let named = match timed.op {
                RegisterOp::Read(_) if timed.is_indeterminate() => continue,
                RegisterOp::Read(value) | RegisterOp::Refused(value) => value,
                RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } => value,
            };
            *values = named.0.max(*values - 1) + 1;
            register.push(*timed);
            operations += 1;
        }
        for (register, _) in &mut by_key {
            register.shrink_to_fit();
        }
        Self { by_key, operations }
    }

    /// Decides every key; the orders are dropped one by one.
    fn decide(&self) {
        for (operations, values) in &self.by_key {
            let decision = decide(black_box(operations), *values);
            assert!(matches!(black_box(decision), Decision::Linearizable(_)));
        }
    }
}

/// How long this thread has had a processor so far; wall-clock time where the kernel does
/// not tell.
fn on_processor() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// A line of the memory account that Linux keeps of this process, in bytes.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|text| text.strip_prefix(line))?;
    kibibytes.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The peak of memory that `work` takes beyond what was there before.
fn peak_of(work: impl FnOnce()) -> Option<u64> {
    // Sets the peak to what is in use now.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = memory("VmRSS")?;
    work();
    Some(memory("VmHWM")?.saturating_sub(before))
}

/// As a harness records it.
fn events(played: &[Played]) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::with_capacity(2 * played.len());
    for Played { process, timed, .. } in played {
        let (f, argument, value) = match timed.op {
            RegisterOp::Write(value) => ("write", json!(value.0), json!(value.0)),
            RegisterOp::Read(ValueId::INITIAL) => ("read", Value::Null, Value::Null),
            RegisterOp::Read(value) => ("read", Value::Null, json!(value.0)),
            RegisterOp::Cas { .. } | RegisterOp::Refused(_) => {
                unreachable!("this load only reads and writes")
            }
        };
        let event = |index: u32, kind, value| Event {
            index: Some(u64::from(index)),
            time: u64::from(index) * 10_000,
            process: Process::Client(u64::from(*process)),
            node: Some(Cow::Owned(format!("n{}", process % 5 + 1))),
            kind,
            f: Cow::Borrowed(f),
            key: Some(Cow::Borrowed("17")),
            value,
            error: None,
            revision: None,
            evidence: Value::Null,
        };
        events.push(event(timed.invoked, EventType::Invoke, argument));
        if !timed.is_indeterminate() {
            events.push(event(timed.returned, EventType::Ok, value));
        }
    }
    events.sort_by_key(|event| event.index);
    events
}

/// What the workers of the procedure's figures do.
fn load(keys: usize, operations: usize) -> Load {
    Load { operations, keys, writes_percent: 30, swaps_percent: 30 }
}

/// Set for a process of its own: the keys and the operations, parted by a comma.
const ALONE: &str = "SQUALL_BENCH_REGISTERS";

/// Makes one decision in this process and prints the operations, the nanoseconds of processor
/// time and the bytes at the peak that it took.
fn decide_alone(asked: &str) {
    let (keys, operations) = asked.split_once(',').expect("keys and operations");
    let load = load(keys.parse().expect("keys"), operations.parse().expect("operations"));
    let registers = Registers::of(load, &play(load));
    let begun = on_processor();
    let mut took = Duration::ZERO;
    let peak = peak_of(|| {
        registers.decide();
        took = on_processor().saturating_sub(begun);
    });
    println!("{} {} {}", registers.operations, took.as_nanos(), peak.unwrap_or(0));
}

/// One decision in a fresh process, so that every size pays for its pages: operations,
/// nanoseconds for each, bytes at the peak. The quickest of three.
fn alone(keys: usize, operations: usize) -> (u64, f64, u64) {
    let run = || {
        let program = std::env::current_exe().expect("a program has a path");
        let output = std::process::Command::new(program)
            .env(ALONE, format!("{keys},{operations}"))
            .output()
            .expect("the same program starts again");
        let text = String::from_utf8(output.stdout).expect("numbers");
        let numbers: Vec<u64> =
            text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let &[operations, nanoseconds, peak] = &numbers[..] else { panic!("three numbers") };
        (operations, nanoseconds as f64 / operations as f64, peak)
    };
    let runs = [run(), run(), run()];
    let quickest = runs.into_iter().min_by(|one, other| one.1.total_cmp(&other.1));
    quickest.expect("there were three")
}

fn procedure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("register");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for keys in [1, 100] {
        let (few, each_of_few, _) = alone(keys, MILLION);
        let (many, each_of_many, peak) = alone(keys, 10 * MILLION);
        eprintln!(
            "{keys} keys: {each_of_few:.1} ns of processor time for each of {few} operations, \
             {each_of_many:.1} for each of {many}, {:.1} times as much in all for {:.1} times \
             the operations; {} MB at the peak beyond the input",
            each_of_many * many as f64 / (each_of_few * few as f64),
            many as f64 / few as f64,
            peak / 1_000_000
        );
        let load = load(keys, 10 * MILLION);
        let registers = Registers::of(load, &play(load));
        group.throughput(Throughput::Elements(registers.operations));
        group.bench_function(format!("decide/{keys}"), |bencher| {
            bencher.iter(|| registers.decide());
        });
    }
    group.finish();
}

fn surroundings(criterion: &mut Criterion) {
    let load = Load { operations: MILLION, keys: 1, writes_percent: 50, swaps_percent: 0 };
    let events = events(&play(load));
    let mut text = Vec::new();
    for event in &events {
        serde_json::to_writer(&mut text, event).expect("memory takes all");
        text.push(b'\n');
    }
    let history = History::from_events(None, events).expect("a good history");
    let analysis = check(&history, &CheckOptions::default()).expect("a register");
    let certificate = Certificate::of(&analysis);
    verify(&history, &certificate).expect("the certificate of a linearizable history");

    let mut group = criterion.benchmark_group("register");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(history.operations.len() as u64));
    group.bench_function("check", |bencher| {
        bencher.iter(|| check(black_box(&history), &CheckOptions::default()));
    });
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verify(black_box(&history), black_box(&certificate)));
    });
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("read_jsonl", |bencher| {
        bencher.iter(|| read_jsonl(black_box(text.as_slice())));
    });
    group.finish();
}

criterion_group!(benches, procedure, surroundings);

fn main() {
    if let Ok(asked) = std::env::var(ALONE) {
        return decide_alone(&asked);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
