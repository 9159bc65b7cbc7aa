//! One bit and one queue, thirty operations at a time, a tenth of them indeterminate: the
//! time of the decision with its order.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_checker::bit::{self, BitOp, BitState};
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

fn togglers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("togglers");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for count in [1_000_000, 10_000_000] {
        group.throughput(Throughput::Elements(count as u64));
        let operations = bits(count);
        assert!(matches!(bit::linearize(&operations, BitState::Clear), Decision::Linearizable(_)));
        group.bench_function(BenchmarkId::new("bit", count), |bencher| {
            bencher.iter(|| bit::linearize(black_box(&operations), BitState::Clear));
        });
        let (operations, elements) = queues(count);
        for (name, discipline) in [("queue", Discipline::FirstInFirstOut), ("bag", Discipline::Bag)]
        {
            let decide = || queue::linearize(black_box(&operations), elements, discipline);
            assert!(matches!(decide(), Decision::Linearizable(_)));
            group.bench_function(BenchmarkId::new(name, count), |bencher| bencher.iter(decide));
        }
    }
    group.finish();
}

criterion_group!(benches, togglers);
criterion_main!(benches);
