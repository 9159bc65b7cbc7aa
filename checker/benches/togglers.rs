//! Bits, locks, queues and bags, thirty operations at a time, a tenth of them indeterminate:
//! the time of the decision with its order.
//!
//! Before the timings it prints what one decision in a fresh process takes, as the kernel
//! counts it (Linux), for one million operations and for ten, so that both pay for pages.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group};
use squall_checker::bit::{self, BitOp, BitState};
use squall_checker::lock;
use squall_checker::model::OwnedLockOp;
use squall_checker::procedure::Decision;
use squall_checker::queue::{self, Discipline, QueueOp};
use squall_checker::timed::{NEVER, Timed};

const WORKERS: usize = 30;
const INDETERMINATE_PERCENT: u64 = 10;

/// A small generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    }
}

/// Plays workers, one random step at a time: an operation begins, happens, ends.
///
/// `happen` is told whether the operation will return, and says what it did; nothing for what
/// would be dropped before a decision.
fn play<Op: Copy>(
    count: usize,
    mut happen: impl FnMut(&mut Random, bool) -> Option<Op>,
) -> Vec<Timed<Op>> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut played: Vec<Timed<Option<Op>>> = Vec::with_capacity(count);
    let mut workers = [None; WORKERS];
    let mut event = 0;
    while played.len() < count || workers.iter().any(Option::is_some) {
        let worker = random.below(WORKERS as u64) as usize;
        workers[worker] = match workers[worker] {
            None if played.len() == count => None,
            None => {
                event += 1;
                played.push(Timed { op: None, invoked: event, returned: NEVER });
                Some((played.len() - 1, false))
            }
            Some((index, false)) => {
                let returns = random.below(100) >= INDETERMINATE_PERCENT;
                played[index].op = happen(&mut random, returns);
                returns.then_some((index, true))
            }
            Some((index, true)) => {
                event += 1;
                played[index].returned = event;
                None
            }
        };
    }
    let known = |each: Timed<Option<Op>>| {
        each.op.map(|op| Timed { op, invoked: each.invoked, returned: each.returned })
    };
    played.into_iter().filter_map(known).collect()
}

fn bits(count: usize) -> Vec<Timed<BitOp>> {
    let mut bit = BitState::Clear;
    play(count, |random, returns| {
        let op = match (random.below(3), bit) {
            (0 | 1, BitState::Set) if random.below(2) == 0 => BitOp::IsSet,
            (0 | 1, BitState::Clear) => BitOp::Set,
            (_, BitState::Set) => BitOp::Clear,
            (_, BitState::Clear) => BitOp::IsClear,
        };
        bit = op.state();
        (returns || matches!(op, BitOp::Set | BitOp::Clear)).then_some(op)
    })
}

fn queues(count: usize) -> (Vec<Timed<QueueOp>>, u32) {
    let mut contents = VecDeque::new();
    let mut elements = 0;
    let operations = play(count, |random, returns| {
        Some(if random.below(2) == 0 {
            contents.push_back(elements);
            elements += 1;
            QueueOp::Enqueue(elements - 1)
        } else {
            match contents.pop_front() {
                _ if !returns => QueueOp::DequeueUnknown,
                Some(element) => QueueOp::Dequeue(element),
                None => QueueOp::Empty,
            }
        })
    });
    (operations, elements)
}

/// Where a worker who takes and gives back a lock is.
#[derive(Clone, Copy)]
enum Step {
    Idle,
    Acquiring(usize),
    Acquired(usize),
    Holding,
    Releasing(usize),
    Released(usize),
}

/// Holds of a lock with owners. Who loses an acquire never had it; who loses a release gave
/// the lock back. Either way a new owner takes the place.
fn locks(count: usize) -> (Vec<Timed<OwnedLockOp>>, u32) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut operations: Vec<Timed<OwnedLockOp>> = Vec::with_capacity(count);
    let mut owner: [u32; WORKERS] = std::array::from_fn(|worker| worker as u32);
    let mut step = [Step::Idle; WORKERS];
    let (mut owners, mut event, mut held) = (WORKERS as u32, 0, false);
    while operations.len() < count || step.iter().any(|step| !matches!(step, Step::Idle)) {
        let worker = random.below(WORKERS as u64) as usize;
        let lost = random.below(100) < INDETERMINATE_PERCENT;
        let full = operations.len() >= count;
        let mut begin = |op| {
            event += 1;
            operations.push(Timed { op, invoked: event, returned: NEVER });
            operations.len() - 1
        };
        step[worker] = match step[worker] {
            Step::Idle if full => Step::Idle,
            Step::Idle => Step::Acquiring(begin(OwnedLockOp::Acquire(owner[worker]))),
            // Those who wait are looked at a hundred times before they get it.
            Step::Acquiring(_) if lost && !full && random.below(100) == 0 => {
                owner[worker] = owners;
                owners += 1;
                Step::Idle
            }
            Step::Acquiring(index) if held => Step::Acquiring(index),
            Step::Acquiring(index) => {
                held = true;
                Step::Acquired(index)
            }
            Step::Acquired(index) => {
                event += 1;
                operations[index].returned = event;
                Step::Holding
            }
            Step::Holding => Step::Releasing(begin(OwnedLockOp::Release(owner[worker]))),
            Step::Releasing(index) => {
                held = false;
                if lost {
                    owner[worker] = owners;
                    owners += 1;
                    Step::Idle
                } else {
                    Step::Released(index)
                }
            }
            Step::Released(index) => {
                event += 1;
                operations[index].returned = event;
                Step::Idle
            }
        };
    }
    (operations, owners)
}

/// A decision to be measured, by name and number of operations.
fn decision(name: &str, count: usize) -> Box<dyn Fn() -> Decision> {
    match name {
        "bit" => {
            let operations = bits(count);
            Box::new(move || bit::linearize(black_box(&operations), BitState::Clear))
        }
        "lock" => {
            let (operations, owners) = locks(count);
            Box::new(move || lock::decide(black_box(&operations), owners))
        }
        _ => {
            let discipline =
                if name == "bag" { Discipline::Bag } else { Discipline::FirstInFirstOut };
            let (operations, elements) = queues(count);
            Box::new(move || queue::linearize(black_box(&operations), elements, discipline))
        }
    }
}

const NAMES: [&str; 4] = ["bit", "lock", "queue", "bag"];

/// Set for a process of its own: the name and the number of operations, parted by a comma.
const ALONE: &str = "SQUALL_BENCH_TOGGLERS";

/// How long this thread has had a processor so far, in nanoseconds.
fn on_processor() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Makes one decision in this process and prints the nanoseconds it had a processor.
fn decide_alone(asked: &str) {
    let (name, count) = asked.split_once(',').expect("a name and a number");
    let decide = decision(name, count.parse().expect("a number"));
    let begun = on_processor();
    let decided = decide();
    println!("{}", on_processor() - begun);
    assert!(matches!(decided, Decision::Linearizable(_)));
}

/// Nanoseconds of processor time for each operation, in the quickest of three processes.
fn alone(name: &str, count: usize) -> f64 {
    let run = || {
        let program = std::env::current_exe().expect("a program has a path");
        let output = std::process::Command::new(program)
            .env(ALONE, format!("{name},{count}"))
            .output()
            .expect("the same program starts again");
        let text = String::from_utf8(output.stdout).expect("a number");
        text.trim().parse::<f64>().expect("a number") / count as f64
    };
    [run(), run(), run()].into_iter().fold(f64::INFINITY, f64::min)
}

fn togglers(criterion: &mut Criterion) {
    const MILLION: usize = 1_000_000;
    eprintln!("{:20} {:>10} {:>10}  growth", "", MILLION, 10 * MILLION);
    for name in NAMES {
        let (few, many) = (alone(name, MILLION), alone(name, 10 * MILLION));
        eprintln!("{name:20} {few:>10.1} {many:>10.1}  {:.1} x", 10.0 * many / few);
    }
    let mut group = criterion.benchmark_group("togglers");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(MILLION as u64));
    for name in NAMES {
        let decide = decision(name, MILLION);
        group.bench_function(name, |bencher| bencher.iter(&decide));
    }
    group.finish();
}

criterion_group!(benches, togglers);

fn main() {
    if let Ok(asked) = std::env::var(ALONE) {
        return decide_alone(&asked);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
