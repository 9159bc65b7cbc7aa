//! Draws a schedule by chance, from shuffled decks.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::Step;
use crate::fault::{AdminAction, Fault, FaultKind, FaultSet, Shape, Target};

/// The first fault waits for a leader to exist and data to flow.
const WARM_UP_MS: std::ops::RangeInclusive<u64> = 1_500..=2_000;
/// The last fault ends this long before the run does, so that its aftermath is observed.
const TAIL_MS: u64 = 1_000;
/// Below 1 s an election may not even start; beyond 3.5 s nothing new happens.
const LASTS_MS: std::ops::RangeInclusive<u64> = 1_000..=3_500;
/// Long enough to elect and commit, short enough to strike again in the middle of recovery.
const CALM_MS: std::ops::RangeInclusive<u64> = 500..=1_500;
/// A fault left to chance that is shorter than this proves nothing and is not scheduled.
const LASTS_MIN_MS: u64 = 500;

/// The steps of [`Schedule::random`](super::Schedule::random).
pub(super) fn draw(seed: u64, faults: &FaultSet, nodes: usize, run: Duration) -> Vec<Step> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut decks = Decks::new(faults, nodes, &mut rng);
    let run_ms = u64::try_from(run.as_millis()).unwrap_or(u64::MAX);
    // A short run gives a quarter of itself to each end, so that the middle is left for faults.
    let end_ms = run_ms.saturating_sub(TAIL_MS.min(run_ms / 4));
    let mut at_ms = rng.random_range(WARM_UP_MS).min(run_ms / 3);
    let mut steps = Vec::new();
    while at_ms + LASTS_MIN_MS <= end_ms {
        let Some(fault) = decks.draw(&mut rng) else {
            break;
        };
        let lasts_ms = rng.random_range(LASTS_MS).min(end_ms - at_ms);
        steps.push(Step {
            at: Duration::from_millis(at_ms),
            lasts: Duration::from_millis(lasts_ms),
            fault,
            seed: u64::from(rng.random::<u32>()),
        });
        at_ms += lasts_ms + rng.random_range(CALM_MS);
    }
    steps
}

/// One deck of kinds, and one deck of faults for each kind.
struct Decks {
    kinds: Vec<FaultKind>,
    kinds_left: Vec<FaultKind>,
    faults: Vec<(FaultKind, FaultDeck)>,
}

struct FaultDeck {
    all: Vec<Fault>,
    left: Vec<Fault>,
}

impl Decks {
    fn new(faults: &FaultSet, nodes: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut decks = Self { kinds: Vec::new(), kinds_left: Vec::new(), faults: Vec::new() };
        for kind in faults.kinds() {
            let all = faults_of(kind, nodes);
            if all.is_empty() {
                continue;
            }
            let mut left = all.clone();
            left.shuffle(rng);
            // Cards are drawn from the end. Losing the leader finds most bugs: it goes first.
            left.sort_by_key(Fault::strikes_leader);
            decks.kinds.push(kind);
            decks.faults.push((kind, FaultDeck { all, left }));
        }
        decks
    }

    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Option<Fault> {
        if self.kinds_left.is_empty() {
            self.kinds_left.clone_from(&self.kinds);
            self.kinds_left.shuffle(rng);
        }
        let kind = self.kinds_left.pop()?;
        let (_, deck) = self.faults.iter_mut().find(|(of, _)| *of == kind)?;
        if deck.left.is_empty() {
            deck.left.clone_from(&deck.all);
            deck.left.shuffle(rng);
        }
        deck.left.pop()
    }
}

/// The faults of a kind that differ from each other and strike somebody in a cluster of `nodes`.
fn faults_of(kind: FaultKind, nodes: usize) -> Vec<Fault> {
    match kind {
        FaultKind::Kill => {
            targets(nodes).into_iter().map(|target| Fault::Kill { target }).collect()
        }
        FaultKind::Pause => {
            targets(nodes).into_iter().map(|target| Fault::Pause { target }).collect()
        }
        FaultKind::Partition => {
            shapes(nodes).into_iter().map(|shape| Fault::Partition { shape }).collect()
        }
        // Two voters that lose one leave nobody to outvote.
        FaultKind::Membership if nodes < 3 => vec![],
        FaultKind::Membership => {
            let targets = [Target::One, Target::Leader].into_iter();
            targets.map(|target| Fault::Membership { target }).collect()
        }
        FaultKind::Admin => orders(nodes),
    }
}

fn orders(nodes: usize) -> Vec<Fault> {
    let mut orders = Vec::new();
    if nodes > 0 {
        orders.push(Fault::Admin { action: AdminAction::Snapshot, target: Target::All });
    }
    if nodes > 1 {
        orders.push(Fault::Admin { action: AdminAction::Snapshot, target: Target::Leader });
        orders.push(Fault::Admin { action: AdminAction::Transfer, target: Target::One });
    }
    orders
}

fn targets(nodes: usize) -> Vec<Target> {
    match nodes {
        0 => vec![],
        1 => vec![Target::One],
        2 => vec![Target::One, Target::All, Target::Leader],
        3 | 4 => vec![Target::One, Target::Majority, Target::All, Target::Leader],
        _ => vec![Target::One, Target::Minority, Target::Majority, Target::All, Target::Leader],
    }
}

fn shapes(nodes: usize) -> Vec<Shape> {
    let mut shapes = Vec::new();
    if nodes >= 2 {
        shapes.extend([Shape::IsolateLeader, Shape::IsolateOne, Shape::OneWay]);
    }
    if nodes >= 3 {
        shapes.push(Shape::Bridge);
    }
    if nodes >= 4 {
        shapes.extend([Shape::RandomHalves, Shape::MajoritiesRing]);
    }
    shapes
}
