//! One key, a million operations with unique values, thirty at a time, a tenth of them
//! indeterminate: the linear procedure by itself, and everything around it.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{Event, EventType, History, Process, read_jsonl};
use squall_checker::model::ValueId;
use squall_checker::register::{Access, NEVER, RegisterHistory, RegisterOperation, linearize};
use squall_checker::{CheckOptions, check, verify};

const OPERATIONS: usize = 1_000_000;
const WORKERS: usize = 30;
const INDETERMINATE_PERCENT: u64 = 10;

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
    process: u64,
    access: Access,
    value: u32,
    began: u32,
    ended: Option<u32>,
}

/// Plays the workers against a real register, advancing a random one at a time.
fn play() -> (Vec<Played>, u32) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |bound: u64| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    };
    let mut workers = [Worker::Idle; WORKERS];
    let mut played: Vec<Played> = Vec::with_capacity(OPERATIONS);
    let mut processes: [u64; WORKERS] = std::array::from_fn(|worker| worker as u64);
    let (mut current, mut written, mut event) = (0, 0, 0);
    while played.len() < OPERATIONS {
        let worker = random(WORKERS as u64) as usize;
        workers[worker] = match workers[worker] {
            Worker::Idle => {
                event += 1;
                let access = if random(2) == 0 { Access::Read } else { Access::Write };
                if access == Access::Write {
                    written += 1;
                }
                let value = written;
                let process = processes[worker];
                played.push(Played { process, access, value, began: event, ended: None });
                Worker::Begun(played.len() - 1)
            }
            Worker::Begun(index) => {
                let indeterminate = random(100) < INDETERMINATE_PERCENT;
                match played[index].access {
                    Access::Read => played[index].value = current,
                    Access::Write if indeterminate && random(2) == 0 => {}
                    Access::Write => current = played[index].value,
                }
                if indeterminate {
                    processes[worker] += WORKERS as u64;
                    Worker::Idle
                } else {
                    Worker::Done(index)
                }
            }
            Worker::Done(index) => {
                event += 1;
                played[index].ended = Some(event);
                Worker::Idle
            }
        };
    }
    (played, event)
}

/// As the procedure takes it: indeterminate reads left out.
fn numbered(played: &[Played]) -> Vec<RegisterOperation> {
    let counting =
        played.iter().filter(|played| played.access == Access::Write || played.ended.is_some());
    counting
        .map(|played| RegisterOperation {
            value: ValueId(played.value),
            access: played.access,
            invoked: played.began,
            returned: played.ended.unwrap_or(NEVER),
        })
        .collect()
}

/// As a harness records it.
fn events(played: &[Played]) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::with_capacity(2 * played.len());
    for played in played {
        let value = if played.value == 0 { Value::Null } else { json!(played.value) };
        let (f, argument) = match played.access {
            Access::Read => ("read", Value::Null),
            Access::Write => ("write", value.clone()),
        };
        let event = |index: u32, kind, value| Event {
            index: Some(u64::from(index)),
            time: u64::from(index) * 10_000,
            process: Process::Client(played.process),
            node: Some(Cow::Owned(format!("n{}", played.process % 5 + 1))),
            kind,
            f: Cow::Borrowed(f),
            key: Some(Cow::Borrowed("17")),
            value,
            error: None,
            revision: None,
            evidence: Value::Null,
        };
        events.push(event(played.began, EventType::Invoke, argument));
        events.extend(played.ended.map(|ended| event(ended, EventType::Ok, value)));
    }
    events.sort_by_key(|event| event.index);
    events
}

fn register(criterion: &mut Criterion) {
    let (played, last_position) = play();
    let operations = numbered(&played);
    let values = 1 + operations.iter().map(|operation| operation.value.0).max().unwrap_or(0);
    let events = events(&played);
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
    group.throughput(Throughput::Elements(operations.len() as u64));
    group.bench_function("linearize", |bencher| {
        bencher.iter(|| {
            let history = RegisterHistory { operations: &operations, values, last_position };
            linearize(black_box(&history)).expect("it is linearizable")
        });
    });
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

criterion_group!(benches, register);
criterion_main!(benches);
