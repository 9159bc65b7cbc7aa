//! A million list-append transactions of three accesses, thirty at a time, over a hundred
//! keys that retire after 32 appends; a twentieth of them indeterminate.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall_checker::transactions::{
    ElementId, Judgement, KeyId, Objects, Outcome, Transactions, decide,
};

const TRANSACTIONS: usize = 1_000_000;
const WORKERS: usize = 30;
const ACTIVE_KEYS: usize = 100;
const APPENDS_PER_KEY: usize = 32;
const ACCESSES: usize = 3;
const INDETERMINATE_PERCENT: u64 = 5;

/// What a worker is at: the transaction it began, and whether it took effect.
#[derive(Clone, Copy)]
enum Worker {
    Idle,
    Begun(usize),
    Done(usize),
}

/// An access of the made-up run: an append, or a read of so many elements of a key.
#[derive(Clone, Copy)]
enum Access {
    Append(usize, u32),
    Read(usize, usize),
}

struct Played {
    began: u32,
    ended: Option<u32>,
    accesses: [Access; ACCESSES],
}

/// Lists by key, the keys in use, and the elements so far.
struct Store {
    lists: Vec<Vec<u32>>,
    active: Vec<usize>,
    elements: u32,
}

impl Store {
    /// Carries out one access to a random key.
    fn access(&mut self, choice: u64) -> Access {
        let slot = choice as usize / 2 % ACTIVE_KEYS;
        if self.lists[self.active[slot]].len() >= APPENDS_PER_KEY {
            self.active[slot] = self.lists.len();
            self.lists.push(Vec::new());
        }
        let key = self.active[slot];
        if choice.is_multiple_of(2) {
            return Access::Read(key, self.lists[key].len());
        }
        self.elements += 1;
        self.lists[key].push(self.elements - 1);
        Access::Append(key, self.elements - 1)
    }
}

/// Plays the workers against real lists, advancing a random one at a time.
fn play() -> (Vec<Played>, Vec<Vec<u32>>) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |bound: u64| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    };
    let active: Vec<usize> = (0..ACTIVE_KEYS).collect();
    let mut store = Store { lists: vec![Vec::new(); ACTIVE_KEYS], active, elements: 0 };
    let mut workers = [Worker::Idle; WORKERS];
    let mut played: Vec<Played> = Vec::with_capacity(TRANSACTIONS);
    let mut event = 0;
    while played.len() < TRANSACTIONS {
        let worker = random(WORKERS as u64) as usize;
        workers[worker] = match workers[worker] {
            Worker::Idle => {
                event += 1;
                let accesses = [Access::Read(0, 0); ACCESSES];
                played.push(Played { began: event, ended: None, accesses });
                Worker::Begun(played.len() - 1)
            }
            Worker::Begun(index) => {
                for access in &mut played[index].accesses {
                    *access = store.access(random(1 << 20));
                }
                if random(100) < INDETERMINATE_PERCENT { Worker::Idle } else { Worker::Done(index) }
            }
            Worker::Done(index) => {
                event += 1;
                played[index].ended = Some(event);
                Worker::Idle
            }
        };
    }
    // Whoever was still at it never acts.
    let begun = workers.iter().filter_map(|worker| match worker {
        Worker::Begun(index) => Some(*index),
        Worker::Idle | Worker::Done(_) => None,
    });
    for index in begun {
        played[index].accesses = [Access::Read(0, 0); ACCESSES];
    }
    (played, store.lists)
}

fn numbered(played: &[Played], lists: &[Vec<u32>]) -> Transactions {
    let mut transactions = Transactions::new(Objects::Lists);
    for played in played {
        let outcome = played.ended.map_or(Outcome::Info, |returned| Outcome::Ok { returned });
        transactions.begin(played.began, outcome);
        for access in played.accesses {
            match access {
                Access::Append(key, element) => {
                    transactions.write(KeyId(key as u32), ElementId(element));
                }
                Access::Read(key, length) if outcome != Outcome::Info => {
                    let list: Vec<ElementId> =
                        lists[key][..length].iter().copied().map(ElementId).collect();
                    transactions.read(KeyId(key as u32), &list);
                }
                Access::Read(..) => {}
            }
        }
    }
    transactions
}

/// The same with one read near the end put back to what it would have been much earlier.
fn spoilt(played: &[Played], lists: &[Vec<u32>]) -> Transactions {
    let mut spoilt: Vec<Played> =
        played.iter().map(|played| Played { accesses: played.accesses, ..*played }).collect();
    let late = spoilt.iter_mut().skip(TRANSACTIONS - TRANSACTIONS / 100);
    let stale = late.filter(|played| played.ended.is_some()).find_map(|played| {
        match &mut played.accesses[0] {
            Access::Read(_, length) if *length > 20 => Some(length),
            _ => None,
        }
    });
    *stale.expect("some read is long") -= 15;
    numbered(&spoilt, lists)
}

fn transactions(criterion: &mut Criterion) {
    let (played, lists) = play();
    let legal = numbered(&played, &lists);
    let illegal = spoilt(&played, &lists);
    assert!(matches!(decide(&legal), Judgement::Serializable(_)));
    assert!(matches!(decide(&illegal), Judgement::Violation(_)));

    let mut group = criterion.benchmark_group("transactions");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(TRANSACTIONS as u64));
    group.bench_function("serializable", |bencher| bencher.iter(|| decide(black_box(&legal))));
    group.bench_function("stale_read", |bencher| bencher.iter(|| decide(black_box(&illegal))));
    group.finish();
}

criterion_group!(benches, transactions);
criterion_main!(benches);
