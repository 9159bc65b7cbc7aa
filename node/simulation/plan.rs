//! What kind of run a seed stands for: how large a cluster, in what weather.

use std::ops::Range;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use squall_node::bugs::Bug;
use squall_node::raft::{Elections, ReadMode};

use super::clock::TRUE_RATE;
use super::disk::Syncing;
use super::network::Quality;
use super::promises::Judge;

/// The unit of the protocol's time, on a node's own clock.
pub(crate) const TICK_US: u64 = 10_000;
pub(crate) const HEARTBEAT_TICKS: u32 = 3;
pub(crate) const ELECTION_TICKS: u32 = 10;

/// How long the cluster may take to recover once the faults have ended.
pub(crate) const RECOVERY_US: u64 = 20_000_000;

/// How often each fault begins, in proportion to the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Time between the beginnings of two faults, in microseconds.
    pub(crate) every_us: Range<u64>,
    /// How long a fault lasts, in microseconds.
    pub(crate) lasts_us: Range<u64>,
    pub(crate) kill: u32,
    pub(crate) kill_all: u32,
    pub(crate) power: u32,
    pub(crate) power_all: u32,
    pub(crate) cut_in_two: u32,
    pub(crate) cut_off_leader: u32,
    pub(crate) cut_one_way: u32,
    pub(crate) pause: u32,
    pub(crate) pause_leader: u32,
    pub(crate) stall_disk: u32,
    pub(crate) change_clock: u32,
    pub(crate) change_network: u32,
    pub(crate) transfer: u32,
    pub(crate) change_members: u32,
    /// A new cut in the place of all others: the leader, sometimes with one more,
    /// on one side.
    pub(crate) recut: u32,
}

/// Everything about a run that does not depend on its course.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) judge: Judge,
    /// How many nodes are members at the beginning.
    pub(crate) nodes: usize,
    /// How many more there are, to be added.
    pub(crate) spares: usize,
    pub(crate) clients: usize,
    /// How many of the clients try again what may have happened, under a session.
    pub(crate) sessions_percent: u32,
    pub(crate) registers: u32,
    pub(crate) lists: u32,
    pub(crate) counters: u32,
    pub(crate) read_percent: u32,
    /// How long a client rests between operations, in microseconds.
    pub(crate) rest_us: Range<u64>,
    /// How long there are faults, in microseconds.
    pub(crate) faults_us: u64,
    pub(crate) weather: Weather,
    pub(crate) quality: Quality,
    /// What a write takes the disk, in microseconds.
    pub(crate) write_us: Range<u64>,
    /// Entries applied from one snapshot to the next.
    pub(crate) snapshot_entries: u64,
    pub(crate) kept_entries: u64,
    pub(crate) chunk_bytes_max: usize,
    pub(crate) append_entries_max: usize,
    pub(crate) elections: Elections,
    pub(crate) reads: ReadMode,
    pub(crate) syncing: Syncing,
    /// The rates clocks may take, in local microseconds in a thousand.
    pub(crate) clock_rates: Range<u64>,
}

impl Plan {
    /// Draws a plan.
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5157_414c_4c00_0000);
        let rng = &mut rng;
        let mut plan = Self {
            seed,
            bug,
            judge: Judge::Everything,
            nodes: [1, 2, 3, 3, 3, 4, 5, 5][rng.random_range(0..8)],
            spares: rng.random_range(0..=2),
            clients: rng.random_range(2..=6),
            sessions_percent: [0, 50, 100][rng.random_range(0..3)],
            registers: rng.random_range(1..=3),
            lists: rng.random_range(0..=1),
            counters: rng.random_range(0..=1),
            read_percent: rng.random_range(20..60),
            rest_us: 0..[2_000, 20_000, 80_000][rng.random_range(0..3)],
            faults_us: 3_000_000,
            weather: weather(rng),
            quality: quality(rng),
            write_us: 100..[500, 5_000, 30_000][rng.random_range(0..3)],
            snapshot_entries: [5, 20, 100, u64::MAX / 2][rng.random_range(0..4)],
            kept_entries: [0, 3, 30][rng.random_range(0..3)],
            chunk_bytes_max: [30, 200, 4_000][rng.random_range(0..3)],
            append_entries_max: [1, 4, 64][rng.random_range(0..3)],
            elections: [Elections::Guarded, Elections::Guarded, Elections::Plain]
                [rng.random_range(0..3)],
            reads: ReadMode::ReadIndex,
            syncing: Syncing::Always,
            clock_rates: [995..1_006, 800..1_251, 500..2_001][rng.random_range(0..3)].clone(),
        };
        plan.lease(rng);
        plan.suit(bug);
        plan
    }

    /// Lets some runs read by lease, as far as what leases assume allows it; and
    /// members change only where those removed are kept from disturbing.
    fn lease(&mut self, rng: &mut ChaCha8Rng) {
        if self.elections == Elections::Plain {
            self.weather.change_members = 0;
        } else if rng.random_range(0..3) == 0 {
            self.reads = ReadMode::Lease;
            // The fastest gains less than a tenth on the slowest.
            self.clock_rates = 960..1_050;
        }
    }

    /// The same run, judged by its clients alone.
    #[must_use]
    pub(crate) fn judged_by_clients(self) -> Self {
        Self { judge: Judge::Clients, ..self }
    }

    /// Makes the situation likely in which a bug shows.
    fn suit(&mut self, bug: Option<Bug>) {
        let Some(bug) = bug else { return };
        self.nodes = self.nodes.max(3);
        let weather = &mut self.weather;
        match bug {
            Bug::ForgetVote | Bug::ForgetTerm => {
                weather.kill += 60;
                weather.every_us = 5_000..60_000;
                weather.lasts_us = 1_000..20_000;
            }
            Bug::StaleRead | Bug::AckBeforeCommit | Bug::NoConflictTruncation => {
                weather.cut_off_leader += 20;
            }
            Bug::TwoLeadersLease => {
                weather.pause_leader += 30;
                weather.lasts_us = 100_000..500_000;
            }
            Bug::NoFsync => {
                self.syncing = Syncing::Never;
                weather.power += 10;
                weather.power_all += 10;
            }
            // Figure 8: leaders that are lost again before they have replicated.
            Bug::CommitOldTerm => self.flip_leaders(),
            Bug::CountStaleAcks => {
                self.flip_leaders();
                self.quality.straggler_percent = 30;
                self.quality.straggler_us = 1_000_000;
                self.weather.transfer = 5;
            }
            Bug::MembershipTwoChanges => {
                self.elections = Elections::Guarded;
                self.spares = 2;
                weather.change_members += 60;
                weather.cut_in_two += 20;
                weather.cut_off_leader += 20;
                weather.every_us = 10_000..100_000;
            }
            Bug::TruncateOnStaleAppend | Bug::InstallSnapshotRewinds => {
                self.quality.straggler_percent = 20;
                self.quality.straggler_us = 1_500_000;
                self.quality.duplicate_percent = 10;
                weather.cut_off_leader += 10;
                weather.kill += 10;
            }
            Bug::SnapshotDropsLastKey | Bug::SnapshotWrongIndex | Bug::LostSessionOnSnapshot => {
                self.snapshot_entries = 10;
                self.kept_entries = 0;
            }
            Bug::FixedElectionTimeout => self.beat_in_time(),
            _ => {}
        }
    }

    /// Lets leaders be cut off again and again, with clients that go on writing.
    fn flip_leaders(&mut self) {
        self.nodes = 5;
        self.spares = 0;
        self.clients = 6;
        self.rest_us = 0..5_000;
        self.elections = Elections::Plain;
        self.reads = ReadMode::ReadIndex;
        self.write_us = 100..500;
        self.quality = Quality { retained_percent: 50, ..fair_quality() };
        self.weather = Weather {
            every_us: 50_000..350_000,
            lasts_us: 300_000..900_000,
            recut: 10,
            kill: 1,
            ..Weather::default()
        };
    }

    /// Lets all nodes do everything at the same moment, as far as clocks go.
    fn beat_in_time(&mut self) {
        self.clock_rates = TRUE_RATE..TRUE_RATE + 1;
    }
}

/// Draws how much goes wrong, and what mostly.
fn weather(rng: &mut ChaCha8Rng) -> Weather {
    let calm = rng.random_range(50_000..600_000);
    let lasting = [50_000, 300_000, 900_000][rng.random_range(0..3)];
    let mut share = || [0, 1, 1, 3, 10][rng.random_range(0..5)];
    Weather {
        every_us: calm / 4..calm,
        lasts_us: 5_000..lasting,
        kill: share(),
        kill_all: share() / 3,
        power: share(),
        power_all: share() / 3,
        cut_in_two: share(),
        cut_off_leader: share(),
        cut_one_way: share(),
        pause: share(),
        pause_leader: share(),
        stall_disk: share(),
        change_clock: 1 + share(),
        change_network: share(),
        transfer: share(),
        change_members: share(),
        recut: share() / 3,
    }
}

/// Draws how well messages get through.
pub(crate) fn quality(rng: &mut ChaCha8Rng) -> Quality {
    let slowest = [1_000, 5_000, 40_000][rng.random_range(0..3)];
    Quality {
        loss_percent: [0, 1, 5, 20][rng.random_range(0..4)],
        duplicate_percent: [0, 1, 10][rng.random_range(0..3)],
        delay_us: 100..slowest,
        straggler_percent: [0, 1, 10][rng.random_range(0..3)],
        straggler_us: [50_000, 300_000, 1_500_000][rng.random_range(0..3)],
        retained_percent: [0, 50, 100][rng.random_range(0..3)],
    }
}

/// What there is once the faults have ended.
pub(crate) fn fair_quality() -> Quality {
    Quality {
        loss_percent: 0,
        duplicate_percent: 0,
        delay_us: 100..3_000,
        straggler_percent: 0,
        straggler_us: 3_000,
        retained_percent: 0,
    }
}
