//! The end of a run: after the final heal, does every node serve again, and what does it
//! hold? All of it goes through the history like any other operation.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use squall_workloads::{Address, Invocation, Workload};

use crate::{
    session::{Session, Sessions},
    system::Completion,
};

/// Pause between two attempts at a node that does not serve yet.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(20);
/// The most that is taken out of one object at the end.
const DRAINED_MAX: u64 = 10_000;
/// What is kept of a node's last answer.
const ANSWER_CHARS_MAX: usize = 200;
/// Sessions reading one node at the same time.
pub const LANES: usize = 4;

/// Sessions of the harness itself: [`LANES`] on every node.
pub struct Readback {
    lanes: Vec<Vec<Session>>,
    next_value: AtomicU64,
    /// Whether every node is to serve, or any.
    every: bool,
}

/// How the final reads went, and how the emptying of queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinalReads {
    /// Reads that should have been answered, and objects that should have been emptied.
    pub expected: u64,
    /// Those that were.
    pub ok: u64,
}

/// What came of one node's attempts to serve a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// It served one.
    At(Instant),
    /// It served none in time.
    Never {
        /// What it answered last, or why it did not, on one short line.
        last_answer: String,
    },
}

impl Served {
    /// When it did.
    pub fn at(&self) -> Option<Instant> {
        match self {
            Self::At(at) => Some(*at),
            Self::Never { .. } => None,
        }
    }

    /// What it answered last, if it did not.
    pub fn last_answer(&self) -> Option<&str> {
        match self {
            Self::At(_) => None,
            Self::Never { last_answer } => Some(last_answer),
        }
    }
}

/// What the nodes called `names`, which served nothing, answered last: on one line, and those that
/// answered alike together.
pub fn last_answers(names: &[String], served: &[Served]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, served) in names.iter().zip(served) {
        let Some(answer) = served.last_answer() else { continue };
        match groups.iter_mut().find(|(other, _)| *other == answer) {
            Some((_, alike)) => alike.push(name),
            None => groups.push((answer, vec![name])),
        }
    }
    let told = groups.iter().map(|(answer, names)| format!("{}: {answer}", names.join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

impl Readback {
    /// Sessions on the slots from `first_slot` on; it takes [`LANES`] for each node.
    pub fn new(sessions: &Sessions, first_slot: usize) -> Self {
        let lane = |node, lane| sessions.open(first_slot + node * LANES + lane, node);
        let lanes = (0..sessions.nodes())
            .map(|node| (0..LANES).map(|number| lane(node, number)).collect())
            .collect();
        Self { lanes, next_value: AtomicU64::new(1), every: sessions.every_node_serves() }
    }

    /// Has every node make changes, as `workload` has them, until each of them served one, or any
    /// of them where not every node serves.
    ///
    /// Returns when each did, by node, and what those answered last that did not before `deadline`.
    pub async fn all_serve(&mut self, workload: &dyn Workload, deadline: Instant) -> Vec<Served> {
        let (every, enough) = (self.every, AtomicBool::new(false));
        let attempts = self.lanes.iter_mut().map(|lanes| {
            let session = lanes.first_mut().expect("every node has a lane");
            let over = || Instant::now() >= deadline || enough.load(Ordering::Relaxed);
            let served = try_until_served(session, workload, &self.next_value, over);
            async {
                let served = served.await;
                if !every && served.at().is_some() {
                    enough.store(true, Ordering::Relaxed);
                }
                served
            }
        });
        join_all(attempts).await
    }

    /// Reads everything the workload wants read, on every node, `rounds` times over, or at whoever
    /// answers where not every node serves; each read is tried until it is answered or `deadline`
    /// has passed.
    pub async fn read_all(
        &mut self,
        workload: &dyn Workload,
        rounds: usize,
        deadline: Instant,
    ) -> FinalReads {
        let reads: Vec<_> =
            workload.final_reads().into_iter().map(|read| self.meant(read)).collect();
        let nodes = if self.every { self.lanes.len() } else { 1 };
        let mut total = FinalReads::default();
        for _ in 0..rounds {
            let lanes = self.lanes.iter_mut().take(nodes).flat_map(|lanes| {
                let shares = (0..LANES).map(|lane| reads.iter().skip(lane).step_by(LANES));
                lanes.iter_mut().zip(shares)
            });
            let each = lanes.map(|(session, share)| read_until_answered(session, share, deadline));
            total.ok += join_all(each).await.into_iter().sum::<u64>();
            total.expected += (reads.len() * nodes) as u64;
        }
        total
    }

    /// Takes out everything the workload wants taken out, on whichever nodes, until each object
    /// is empty.
    pub async fn drain_all(&mut self, workload: &dyn Workload, deadline: Instant) -> FinalReads {
        let drains: Vec<_> =
            workload.final_drains().into_iter().map(|drain| self.meant(drain)).collect();
        let nodes = self.lanes.len().max(1);
        // Each object by one session alone, so that they do not get in each other's way.
        let sessions = self.lanes.iter_mut().flatten();
        let count = nodes * LANES;
        let each = sessions.enumerate().map(|(number, session)| {
            let share = drains.iter().skip(number).step_by(count);
            drain_until_empty(session, share, deadline)
        });
        let ok = join_all(each).await.into_iter().sum();
        FinalReads { expected: drains.len() as u64, ok }
    }

    /// The same, sent to its session's node, or to whoever answers where not every node serves.
    fn meant(&self, invocation: Invocation) -> Invocation {
        if self.every { invocation } else { invocation.sent_to(Address::Any) }
    }
}

async fn try_until_served(
    session: &mut Session,
    workload: &dyn Workload,
    next_value: &AtomicU64,
    over: impl Fn() -> bool,
) -> Served {
    loop {
        let number = next_value.fetch_add(1, Ordering::Relaxed);
        let change = workload.service_check(number);
        let completion = session.run(&change).await;
        if let Completion::Ok { .. } = completion {
            return Served::At(Instant::now());
        }
        if over() {
            return Served::Never { last_answer: line_of(&completion) };
        }
        tokio::time::sleep(ATTEMPT_INTERVAL).await;
    }
}

/// How an operation that did not succeed ended, on one short line without control characters.
fn line_of(completion: &Completion) -> String {
    let why = match completion {
        Completion::Fail(why) | Completion::Info(why) | Completion::Declined(why) => why.clone(),
        Completion::Mismatch { found: Some(found) } => format!("it found {found}"),
        Completion::Mismatch { found: None } => "it found another value".to_owned(),
        Completion::Ok { .. } => "it succeeded".to_owned(),
    };
    let plain = why.chars().map(|c| if c.is_control() { ' ' } else { c });
    let line: String = plain.clone().take(ANSWER_CHARS_MAX).collect();
    if plain.count() > ANSWER_CHARS_MAX { format!("{line}...") } else { line }
}

async fn read_until_answered<'a>(
    session: &mut Session,
    reads: impl Iterator<Item = &'a Invocation>,
    deadline: Instant,
) -> u64 {
    let mut answered = 0;
    for read in reads {
        loop {
            if Instant::now() >= deadline {
                return answered;
            }
            if let Completion::Ok { .. } = session.run(read).await {
                answered += 1;
                break;
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
        }
    }
    answered
}

async fn drain_until_empty<'a>(
    session: &mut Session,
    drains: impl Iterator<Item = &'a Invocation>,
    deadline: Instant,
) -> u64 {
    let mut emptied = 0;
    for drain in drains {
        let mut taken = 0;
        while taken < DRAINED_MAX && Instant::now() < deadline {
            match session.run(drain).await {
                Completion::Ok { value, .. } if value.is_null() => {
                    emptied += 1;
                    break;
                }
                Completion::Ok { .. } => taken += 1,
                _ => tokio::time::sleep(ATTEMPT_INTERVAL).await,
            }
        }
    }
    emptied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(answer: &str) -> Served {
        Served::Never { last_answer: line_of(&Completion::Info(answer.to_owned())) }
    }

    #[test]
    fn nodes_that_answered_alike_are_told_together_and_those_that_served_are_not() {
        let names = ["n1", "n2", "n3", "n4"].map(str::to_owned);
        let served = [
            never("503: no leader"),
            never("not JSON:\n<html>"),
            Served::At(Instant::now()),
            never("503: no leader"),
        ];
        let told = last_answers(&names, &served);
        assert_eq!(told, "n1, n4: 503: no leader; n2: not JSON: <html>");
    }

    #[test]
    fn a_long_answer_is_cut_short() {
        let Served::Never { last_answer } = never(&"ä".repeat(1000)) else { panic!("it served") };
        assert_eq!(last_answer, format!("{}...", "ä".repeat(ANSWER_CHARS_MAX)));
    }
}
