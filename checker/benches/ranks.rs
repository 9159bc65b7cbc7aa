//! The procedures that place operations by rank or by one sweep: a million operations and
//! ten million, thirty at a time, a tenth of them indeterminate.

use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_checker::counter::{self, CounterOp};
use squall_checker::grow_set::{self, GrowSetHistory, GrowSetOp, SetId};
use squall_checker::ids::{self, IdOp};
use squall_checker::list::{self, ListHistory, ListId, ListOp};
use squall_checker::procedure::Decision;
use squall_checker::timed::{NEVER, Timed};

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

/// Measures a procedure on histories of all sizes, which it must find linearizable.
fn measure<History>(
    criterion: &mut Criterion,
    name: &str,
    make: impl Fn(usize) -> History,
    decide: impl Fn(&History) -> Decision,
) {
    let mut group = criterion.benchmark_group(name);
    for size in SIZES {
        let history = make(size);
        assert!(matches!(decide(&history), Decision::Linearizable(_)), "{name} of {size}");
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_custom(|iterations| {
                let start = Running::now();
                for _ in 0..iterations {
                    black_box(decide(black_box(&history)));
                }
                start.elapsed()
            });
        });
    }
    group.finish();
}

fn ranks(criterion: &mut Criterion) {
    let decide_list = |(operations, lists, arena): &(Vec<_>, Vec<_>, Vec<_>)| {
        let elements = operations.len() as u32;
        list::decide(&ListHistory { operations, lists, arena, elements })
    };
    measure(criterion, "list/long", long_list, decide_list);
    measure(criterion, "list/short", short_list, decide_list);
    measure(criterion, "grow_set", repeated_set, |(operations, sets, arena)| {
        let elements = FEW_ELEMENTS + 1;
        grow_set::decide(&GrowSetHistory { operations, sets, arena, elements })
    });
    measure(criterion, "counter", counts, |operations| counter::decide(operations));
    measure(criterion, "fetch_and_increment", numbers, |operations| ids::decide(operations, 0));
    measure(criterion, "unique_ids", numbers, |operations| {
        ids::decide(operations, operations.len() as u32)
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = ranks
}
criterion_main!(benches);
