//! The procedures that place operations by rank or by one sweep, thirty operations at a time,
//! a tenth of them indeterminate.
//!
//! Prints what one decision takes for a million operations and for ten, and what a million
//! operations on a list take from the history to the verified certificate. Each measurement
//! is one run in a process of its own, so that every size pays for the pages it touches: in a
//! process that decides again and again the allocator hands out the same warm pages for a
//! million, and has fresh ones mapped for ten million. Of five runs the quickest counts. Then
//! criterion times a million in one process.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::ops::Range;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use squall_checker::certificate::Certificate;
use squall_checker::counter::{self, CounterOp};
use squall_checker::grow_set::{self, GrowSetHistory, GrowSetOp, SetId};
use squall_checker::history::{History, Moment, Operation, Outcome, Value};
use squall_checker::ids::{self, IdOp};
use squall_checker::list::{self, ListHistory, ListId, ListOp};
use squall_checker::model::ModelName;
use squall_checker::procedure::Decision;
use squall_checker::timed::{NEVER, Timed};
use squall_checker::{CheckOptions, check, verify};

const SIZES: [usize; 2] = [1_000_000, 10_000_000];
const WORKERS: usize = 30;
const INDETERMINATE_PERCENT: u64 = 10;
/// Different elements of the sets and of the short list.
const FEW_ELEMENTS: u32 = 1_000;

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

/// What a worker is at.
#[derive(Clone, Copy)]
enum Worker {
    Idle,
    /// Its operation has begun but not taken effect.
    Begun(usize),
    /// Its operation has taken effect.
    Done(usize),
}

/// Plays the workers, advancing a random one at a time.
///
/// `begin` makes an operation; `take_effect` changes it as it happens. An indeterminate
/// operation takes effect in half of the cases.
fn play<Op>(
    operations: usize,
    mut begin: impl FnMut(&mut Random) -> Op,
    mut take_effect: impl FnMut(&mut Op),
) -> Vec<Timed<Op>> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut workers = [Worker::Idle; WORKERS];
    let mut played: Vec<Timed<Op>> = Vec::with_capacity(operations);
    let mut event = 0;
    while played.len() < operations {
        let worker = random.below(WORKERS as u64) as usize;
        workers[worker] = match workers[worker] {
            Worker::Idle => {
                event += 1;
                played.push(Timed { op: begin(&mut random), invoked: event, returned: NEVER });
                Worker::Begun(played.len() - 1)
            }
            Worker::Begun(index) => {
                let indeterminate = random.below(100) < INDETERMINATE_PERCENT;
                if !indeterminate || random.below(2) == 0 {
                    take_effect(&mut played[index].op);
                }
                if indeterminate { Worker::Idle } else { Worker::Done(index) }
            }
            Worker::Done(index) => {
                event += 1;
                played[index].returned = event;
                Worker::Idle
            }
        };
    }
    played
}

/// A list that grows with every second operation; every list read is a prefix of the last.
fn long_list(operations: usize) -> (Vec<Timed<ListOp>>, Vec<Range<u32>>, Vec<u32>) {
    let mut next = 0;
    let mut arena = Vec::new();
    let played = play(
        operations,
        |random| {
            if random.below(2) == 0 {
                return ListOp::Read(ListId(0));
            }
            next += 1;
            ListOp::Append(next - 1)
        },
        |op| match op {
            ListOp::Append(element) => arena.push(*element),
            ListOp::Read(list) => *list = ListId(arena.len() as u32),
        },
    );
    let lists = (0..=arena.len() as u32).map(|length| 0..length).collect();
    (played, lists, arena)
}

/// A list that grows slowly; every different list that was read is stored by itself.
fn short_list(operations: usize) -> (Vec<Timed<ListOp>>, Vec<Range<u32>>, Vec<u32>) {
    let mut next = 0;
    let mut list = Vec::new();
    let rarely = operations as u64 / u64::from(FEW_ELEMENTS);
    let played = play(
        operations,
        |random| {
            if random.below(rarely) > 0 {
                return ListOp::Read(ListId(0));
            }
            next += 1;
            ListOp::Append(next - 1)
        },
        |op| match op {
            ListOp::Append(element) => list.push(*element),
            ListOp::Read(id) => *id = ListId(list.len() as u32),
        },
    );
    let mut arena = Vec::new();
    let lists = (0..=list.len())
        .map(|length| {
            let start = arena.len() as u32;
            arena.extend(&list[..length]);
            start..arena.len() as u32
        })
        .collect();
    (played, lists, arena)
}

/// A set of few elements, each added over and over.
fn repeated_set(operations: usize) -> (Vec<Timed<GrowSetOp>>, Vec<Range<u32>>, Vec<u32>) {
    let mut set: Vec<u32> = Vec::new();
    let mut arena = Vec::new();
    let mut sets: Vec<Range<u32>> = std::iter::once(0..0).collect();
    let mut begun = 0;
    let per_element = operations as u64 / u64::from(FEW_ELEMENTS);
    let played = play(
        operations,
        |random| {
            begun += 1;
            if random.below(2) == 0 {
                return GrowSetOp::Read(SetId(0));
            }
            GrowSetOp::Add(random.below(begun / per_element + 1) as u32)
        },
        |op| match op {
            GrowSetOp::Add(element) => {
                if let Err(place) = set.binary_search(element) {
                    set.insert(place, *element);
                    let start = arena.len() as u32;
                    arena.extend(&set);
                    sets.push(start..arena.len() as u32);
                }
            }
            GrowSetOp::Read(id) => *id = SetId(sets.len() as u32 - 1),
        },
    );
    (played, sets, arena)
}

fn counts(operations: usize) -> Vec<Timed<CounterOp>> {
    let mut count = 0;
    play(
        operations,
        |random| if random.below(2) == 0 { CounterOp::Read(0) } else { CounterOp::Increment },
        |op| match op {
            CounterOp::Increment => count += 1,
            CounterOp::Read(found) => *found = count,
        },
    )
}

fn numbers(operations: usize) -> Vec<Timed<IdOp>> {
    let mut count = 0;
    let mut played = play(
        operations,
        |_| IdOp::Unknown,
        |op| {
            *op = IdOp::Given(count);
            count += 1;
        },
    );
    // Nobody learns the number of an indeterminate operation.
    for operation in played.iter_mut().filter(|operation| operation.returned == NEVER) {
        operation.op = IdOp::Unknown;
    }
    played
}

/// Ids that all differ; nobody knows those of indeterminate operations, which are left out.
fn generated(operations: usize) -> Vec<Timed<IdOp>> {
    let mut next = 0;
    let mut played = play(
        operations,
        |_| {
            next += 1;
            IdOp::Generated(next - 1)
        },
        |_| {},
    );
    played.retain(|operation| operation.returned != NEVER);
    played
}

/// A moment of this thread by the time it has spent on a processor, so that a busy machine
/// does not count; by the wall where the system does not tell.
enum Running {
    OnProcessor(Duration),
    Wall(Instant),
}

impl Running {
    fn now() -> Self {
        Self::on_processor().map_or_else(|| Self::Wall(Instant::now()), Self::OnProcessor)
    }

    fn on_processor() -> Option<Duration> {
        // Moves on with the ticks of the scheduler: a few milliseconds at most.
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        statistics.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::OnProcessor(start) => {
                Self::on_processor().map_or(Duration::ZERO, |now| now.saturating_sub(*start))
            }
            Self::Wall(start) => start.elapsed(),
        }
    }
}

/// What is measured, by name.
const DECISIONS: [&str; 6] =
    ["list/long", "list/short", "grow_set", "counter", "fetch_and_increment", "unique_ids"];

/// A decision that must find its history linearizable, ready to be made.
fn decision(name: &str, size: usize) -> Box<dyn Fn() -> Decision> {
    let list = |(operations, lists, arena): (Vec<_>, Vec<_>, Vec<_>)| {
        let elements = operations.len() as u32;
        Box::new(move || {
            list::decide(&ListHistory {
                operations: &operations,
                lists: &lists,
                arena: &arena,
                elements,
            })
        })
    };
    match name {
        "list/long" => list(long_list(size)),
        "list/short" => list(short_list(size)),
        "grow_set" => {
            let (operations, sets, arena) = repeated_set(size);
            Box::new(move || {
                grow_set::decide(&GrowSetHistory {
                    operations: &operations,
                    sets: &sets,
                    arena: &arena,
                    elements: FEW_ELEMENTS + 1,
                })
            })
        }
        "counter" => {
            let operations = counts(size);
            Box::new(move || counter::decide(&operations))
        }
        "fetch_and_increment" => {
            let operations = numbers(size);
            Box::new(move || ids::decide(&operations, 0))
        }
        "unique_ids" => {
            let operations = generated(size);
            Box::new(move || ids::decide(&operations, size as u32))
        }
        name => panic!("nothing called {name} is measured"),
    }
}

/// The short list as a history without keys.
fn short_list_history(size: usize) -> History {
    let (operations, lists, arena) = short_list(size);
    let mut history = History::default();
    let lists: Vec<Value> = lists
        .iter()
        .map(|range| {
            let elements = &arena[range.start as usize..range.end as usize];
            history.values.intern(&serde_json::json!(elements))
        })
        .collect();
    let moment = |position: u32| {
        let position = NonZeroU32::new(position).expect("positions count from 1");
        Moment::new(position, u64::from(position.get()))
    };
    let [read, append] = ["read", "append"].map(|f| history.names.intern(f));
    for operation in &operations {
        let ended = operation.returned != NEVER;
        let (f, argument, result) = match operation.op {
            ListOp::Read(list) => (read, Value::NULL, lists[list.0 as usize]),
            ListOp::Append(element) => {
                let element = Value::from_small(element.into()).expect("elements are small");
                (append, element, Value::NULL)
            }
        };
        history.operations.push(Operation {
            process: 0,
            node: None,
            f,
            key: None,
            argument,
            result: if ended { result } else { Value::NULL },
            outcome: if ended { Outcome::Ok } else { Outcome::Info },
            invoked: moment(operation.invoked),
            completed: ended.then(|| moment(operation.returned)),
            error: None,
            revision: None,
        });
    }
    history
}

/// Set for a process of its own: what to measure and how many operations.
const ALONE: &str = "SQUALL_BENCH_RANKS";

/// Measures once in this process, and prints the nanoseconds of all stages.
fn measure_alone(asked: &str) {
    let (name, size) = asked.split_once(',').expect("a name and a size");
    let size = size.parse().expect("a size");
    if name == "history" {
        let history = short_list_history(size);
        let options =
            CheckOptions { model: Some(ModelName::ListAppend), ..CheckOptions::default() };
        let start = Instant::now();
        let analysis = check(&history, &options).expect("operations of a list");
        let checked = start.elapsed();
        let certificate = Certificate::of(&analysis);
        let start = Instant::now();
        verify(&history, &certificate).expect("a linearizable history with its order");
        println!("{} {}", checked.as_nanos(), start.elapsed().as_nanos());
        return;
    }
    let decide = decision(name, size);
    let start = Running::now();
    let decided = black_box(decide());
    let took = start.elapsed();
    assert!(matches!(decided, Decision::Linearizable(_)), "{name} of {size}: {decided:?}");
    println!("{}", took.as_nanos());
}

/// The quickest of five runs in fresh processes: nanoseconds of each stage for an operation.
fn alone(name: &str, size: usize) -> Vec<f64> {
    let run = || -> Vec<f64> {
        let program = std::env::current_exe().expect("a program has a path");
        let output = std::process::Command::new(program)
            .env(ALONE, format!("{name},{size}"))
            .output()
            .expect("the same program starts again");
        let text = String::from_utf8(output.stdout).expect("numbers");
        let each = |number: &str| number.parse::<f64>().expect("a number") / size as f64;
        text.split_whitespace().map(each).collect()
    };
    let runs: Vec<Vec<f64>> = (0..5).map(|_| run()).collect();
    let stages = runs[0].len();
    let quickest =
        |stage| runs.iter().map(|run: &Vec<f64>| run[stage]).fold(f64::INFINITY, f64::min);
    (0..stages).map(quickest).collect()
}

fn print_table() {
    let [few, many] = SIZES;
    eprintln!("{:<20} {few:>10} {many:>10}  growth (nanoseconds of processor time each)", "");
    for name in DECISIONS {
        let (of_few, of_many) = (alone(name, few)[0], alone(name, many)[0]);
        let growth = of_many * many as f64 / (of_few * few as f64);
        eprintln!("{name:<20} {of_few:>10.1} {of_many:>10.1} {growth:>6.1} x");
    }
    let stages = alone("history", few);
    eprintln!(
        "list history of {few}: {:.1} ns an operation to check it, {:.1} to verify the order",
        stages[0], stages[1]
    );
}

fn warm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("warm");
    let size = SIZES[0];
    group.throughput(Throughput::Elements(size as u64));
    for name in DECISIONS {
        let decide = decision(name, size);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let start = Running::now();
                for _ in 0..iterations {
                    black_box(decide());
                }
                start.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = warm
}

fn main() {
    if let Ok(asked) = std::env::var(ALONE) {
        return measure_alone(&asked);
    }
    print_table();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
