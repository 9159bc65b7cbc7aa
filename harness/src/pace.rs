//! Whether the clients of a run kept to the rate that was asked for, and if not, why.
//!
//! Every worker adds up where its time went; the sums meet only when the clients have ended.
//! Only what was measured is given as a reason, and several may be. Deliberately absent: a
//! judgement whether a rate that was not held is bad, which is that of the checks.

use std::{collections::BTreeMap, time::Duration};

use squall_results::{facts::Pace, summary::Latency};
use squall_workloads::generator::MADE_UP;

use crate::{
    plan::{Arrivals, Rate},
    system::Completion,
};

/// The share of the rate that must be reached for it to be held.
const HELD_SHARE: f64 = 0.99;
/// A cause is named if it accounts for this share of what is missing, at least.
const NAMED_SHARE: f64 = 0.2;
/// How late turns of free clients may come, on average, before the harness is to blame.
const LAG_MAX: Duration = Duration::from_millis(2);
/// The share of all cores from which on the harness itself is to blame.
const CORES_MAX: f64 = 0.8;

/// From when on an operation could have begun.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ready {
    /// Its client was free: its last operation had ended, and the pause after it.
    pub(crate) client: Duration,
    /// Its stream had something to do.
    pub(crate) stream: Duration,
}

/// Where the time of clients went, in sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worked {
    /// Between two turns of a client, where it has turns.
    turn: Option<Duration>,
    begun: u64,
    answered: Sum,
    /// The part of the time of each answered operation beyond what a client may be late.
    slow: Sum,
    lost: Sum,
    refused: Sum,
    /// Turns that came when the workload had nothing to do.
    idle: Sum,
    /// Turns that were taken late though client and stream were ready.
    lag: Sum,
    lag_max: Duration,
}

/// How often, and how long together.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: u64,
    time: Duration,
}

impl Sum {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.time += time;
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.time += other.time;
    }

    fn mean(self) -> Option<Duration> {
        (self.count > 0).then(|| self.time.div_f64(self.count as f64))
    }
}

impl Worked {
    /// Nothing yet, by a client with a turn every so often.
    pub(crate) fn new(turn: Option<Duration>) -> Self {
        Self { turn, ..Self::default() }
    }

    /// An operation due at `due` began at `at`.
    pub(crate) fn began(&mut self, due: Duration, ready: Ready, at: Duration) {
        self.begun += 1;
        let wanted = due.max(ready.client);
        self.idle.add(ready.stream.saturating_sub(wanted));
        let lag = at.saturating_sub(wanted.max(ready.stream));
        self.lag.add(lag);
        self.lag_max = self.lag_max.max(lag);
    }

    /// It ended after so long.
    pub(crate) fn ended(&mut self, took: Duration, completion: &Completion) {
        match completion {
            Completion::Ok { .. } | Completion::Mismatch { .. } | Completion::Declined(_) => {
                self.answered.add(took);
                let turn = self.turn.unwrap_or(took);
                self.slow.add(took.saturating_sub(turn.max(MADE_UP)));
            }
            Completion::Fail(_) => self.refused.add(took),
            Completion::Info(_) => self.lost.add(took),
        }
    }

    /// The client paused after a refusal.
    pub(crate) fn paused(&mut self, time: Duration) {
        self.refused.time += time;
    }

    /// Adds what another client did.
    pub(crate) fn add(&mut self, other: &Self) {
        self.turn = self.turn.or(other.turn);
        self.begun += other.begun;
        self.lag_max = self.lag_max.max(other.lag_max);
        let Self { answered, slow, lost, refused, idle, lag, .. } = self;
        for (mine, others) in [
            (answered, other.answered),
            (slow, other.slow),
            (lost, other.lost),
            (refused, other.refused),
            (idle, other.idle),
            (lag, other.lag),
        ] {
            mine.join(others);
        }
    }
}

/// How the clients of a run went.
#[derive(Clone, Debug)]
pub struct Driven {
    pub(crate) rate: Rate,
    pub(crate) arrivals: Arrivals,
    pub(crate) clients: usize,
    /// From when they began until they were told to end.
    pub(crate) wall: Duration,
    /// What the harness computed meanwhile, on all cores.
    pub(crate) cpu: Duration,
    pub(crate) worked: Worked,
}

impl Driven {
    /// Whether the rate was held, and if not, why; `faults` says whether there were any to
    /// explain it. Nothing where no rate was asked for.
    pub fn pace(&self, faults: Faults, latencies: BTreeMap<String, Latency>) -> Option<Pace> {
        let Rate::PerSecond(rate) = self.rate else { return None };
        let asked_per_s = f64::from(rate);
        let achieved_per_s = self.achieved_per_s();
        let held = self.missing(asked_per_s) <= self.allowed(asked_per_s);
        let why_not = (!held).then(|| self.why_not(asked_per_s, faults));
        Some(Pace { asked_per_s, achieved_per_s, held, why_not, latencies })
    }

    /// How many operations fewer were begun than asked for.
    fn missing(&self, asked_per_s: f64) -> f64 {
        asked_per_s * self.wall.as_secs_f64() - self.worked.begun as f64
    }

    /// How many may be missing from a rate that was held: a hundredth, or the one that was due
    /// at the very end; or what chance may keep back of random arrivals, three deviations of a
    /// Poisson process.
    fn allowed(&self, asked_per_s: f64) -> f64 {
        let due = asked_per_s * self.wall.as_secs_f64();
        let by_chance = if self.arrivals == Arrivals::Random { 3.0 * due.sqrt() } else { 0.0 };
        ((1.0 - HELD_SHARE) * due).max(1.0).max(by_chance)
    }

    /// Operations begun, over the time for which clients went on.
    pub fn achieved_per_s(&self) -> f64 {
        self.worked.begun as f64 / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn why_not(&self, asked_per_s: f64, faults: Faults) -> String {
        let missing = 1.0 - self.achieved_per_s() / asked_per_s;
        let causes = [
            self.held_up(missing, faults),
            self.slow(missing),
            self.too_few(asked_per_s),
            self.harness(missing),
            self.idle(missing),
        ];
        let causes: Vec<_> = causes.into_iter().flatten().collect();
        if causes.is_empty() {
            let busy = self.share(self.worked.answered) + self.share(self.worked.lost);
            return format!("no cause was seen; clients were busy {} of their time", percent(busy));
        }
        causes.join("; ")
    }

    /// The share of the time of all clients.
    fn share(&self, sum: Sum) -> f64 {
        let all = self.wall.as_secs_f64() * self.clients as f64;
        if all > 0.0 { sum.time.as_secs_f64() / all } else { 0.0 }
    }

    fn held_up(&self, missing: f64, faults: Faults) -> Option<String> {
        let Worked { lost, refused, .. } = self.worked;
        let (lost, refused) = (self.share(lost), self.share(refused));
        if lost + refused < NAMED_SHARE * missing {
            return None;
        }
        let gone = match self.arrivals {
            Arrivals::Closed => ", and the turns they miss meanwhile are not made up for",
            Arrivals::Open | Arrivals::Random => "",
        };
        let expected = match faults {
            Faults::Planned => ", as is to be expected under faults",
            Faults::None => "",
        };
        Some(format!(
            "clients were held up for {} of their time by operations that were never answered \
             ({}) or refused ({}){expected}{gone}",
            percent(lost + refused),
            percent(lost),
            percent(refused),
        ))
    }

    fn slow(&self, missing: f64) -> Option<String> {
        let turn = self.worked.turn?.max(MADE_UP);
        let share = self.share(self.worked.slow);
        (share >= NAMED_SHARE * missing).then(|| {
            format!(
                "answers that took longer than {} made clients miss turns for {} of their time",
                shown(turn),
                percent(share),
            )
        })
    }

    /// Little's law: so many operations are under way on average as come in during one.
    fn too_few(&self, asked_per_s: f64) -> Option<String> {
        let mean = self.worked.answered.mean()?;
        let needed = (asked_per_s * mean.as_secs_f64()).ceil();
        (needed > self.clients as f64).then(|| {
            format!(
                "{} clients are too few for a mean latency of {}: this rate needs {needed} at \
                 that latency",
                self.clients,
                shown(mean),
            )
        })
    }

    fn harness(&self, missing: f64) -> Option<String> {
        let Worked { lag, lag_max, .. } = self.worked;
        let late =
            lag.mean().filter(|mean| *mean > LAG_MAX && self.share(lag) >= NAMED_SHARE * missing);
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let used = self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE);
        let busy = used > CORES_MAX * cores;
        if late.is_none() && !busy {
            return None;
        }
        let mut words = "the harness was the limit".to_owned();
        if let Some(mean) = late {
            words += &format!(
                ": it took turns of free clients late, by {} on average and {} at most",
                shown(mean),
                shown(lag_max)
            );
        }
        if busy {
            words += &format!("; it used {used:.1} of {cores:.0} cores");
        }
        Some(words)
    }

    fn idle(&self, missing: f64) -> Option<String> {
        let share = self.share(self.worked.idle);
        (share >= NAMED_SHARE * missing).then(|| {
            format!(
                "the workload had nothing for its clients to do for {} of their time",
                percent(share)
            )
        })
    }
}

/// Whether something was done to the system that may have held clients up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// There were to be faults.
    Planned,
    /// There were none.
    None,
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

fn shown(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Ten clients for a second, of whom 1,000 operations were asked.
    fn driven(worked: Worked) -> Driven {
        let (rate, arrivals) = (Rate::PerSecond(1_000), Arrivals::Closed);
        Driven { rate, arrivals, clients: 10, wall: 1_000 * MS, cpu: MS, worked }
    }

    fn why_not(worked: Worked) -> String {
        let pace = driven(worked).pace(Faults::None, BTreeMap::new()).expect("a rate was asked");
        assert!(!pace.held, "{pace:?}");
        pace.why_not.expect("not held")
    }

    fn ok() -> Completion {
        Completion::Ok { value: Value::Null, revision: None }
    }

    /// So many operations begun as soon as they were due, each taking so long.
    fn prompt(count: u64, took: Duration) -> Worked {
        let mut worked = Worked::new(Some(10 * MS));
        for _ in 0..count {
            worked.began(5 * MS, Ready::default(), 5 * MS);
            worked.ended(took, &ok());
        }
        worked
    }

    #[test]
    fn a_rate_is_held_from_99_of_100_on() {
        let of = |count| driven(prompt(count, MS)).pace(Faults::None, BTreeMap::new());
        assert!(of(990).is_some_and(|pace| pace.held && pace.why_not.is_none()));
        assert!(of(989).is_some_and(|pace| !pace.held && pace.why_not.is_some()));
        let unlimited = Driven { rate: Rate::Unlimited, ..driven(prompt(1, MS)) };
        assert_eq!(unlimited.pace(Faults::None, BTreeMap::new()), None);
    }

    #[test]
    fn what_was_not_measured_is_not_a_reason() {
        assert_eq!(
            why_not(prompt(500, MS)),
            "no cause was seen; clients were busy 5.0 % of their time"
        );
    }

    #[test]
    fn the_number_of_clients_needed_is_that_of_littles_law() {
        let why = why_not(prompt(500, 19 * MS));
        assert_eq!(
            why,
            "10 clients are too few for a mean latency of 19 ms: this rate needs 19 at that latency"
        );
    }

    #[test]
    fn a_few_slow_answers_are_told_from_too_few_clients() {
        let mut worked = prompt(800, 2 * MS);
        for _ in 0..5 {
            worked.began(5 * MS, Ready::default(), 5 * MS);
            worked.ended(520 * MS, &ok());
        }
        assert_eq!(
            why_not(worked),
            "answers that took longer than 20 ms made clients miss turns for 25 % of their time"
        );
    }

    #[test]
    fn refusals_count_with_their_pauses() {
        let mut worked = prompt(800, MS);
        for _ in 0..100 {
            worked.began(5 * MS, Ready::default(), 5 * MS);
            worked.ended(Duration::ZERO, &Completion::Fail("refused".to_owned()));
            worked.paused(10 * MS);
        }
        let why = why_not(worked);
        assert!(why.starts_with("clients were held up for 10 % of their time"), "{why}");
        assert!(why.contains("never answered (0.0 %) or refused (10 %), and the turns"), "{why}");
    }

    #[test]
    fn only_lateness_of_a_free_client_with_something_to_do_is_the_harness() {
        let begun = |client, stream| {
            let mut worked = Worked::new(Some(10 * MS));
            for _ in 0..500 {
                worked.began(5 * MS, Ready { client, stream }, 13 * MS);
                worked.ended(MS, &ok());
            }
            why_not(worked)
        };
        let why = begun(MS, MS);
        assert!(why.contains("turns of free clients late, by 8.0 ms on average"), "{why}");
        assert!(begun(13 * MS, MS).starts_with("no cause was seen"));
        let why = begun(MS, 13 * MS);
        assert_eq!(why, "the workload had nothing for its clients to do for 40 % of their time");
    }
}
