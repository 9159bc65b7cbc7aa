//! The end of a run: after the final heal, does every node serve again, and what does it
//! hold? All of it goes through the history like any other operation.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use squall_workloads::{Invocation, Workload};

use crate::{
    session::{Session, Sessions},
    system::Completion,
};

/// Pause between two attempts at a node that does not serve yet.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(20);
/// The most that is taken out of one object at the end.
const DRAINED_MAX: u64 = 10_000;
/// Sessions reading one node at the same time.
pub const LANES: usize = 4;

/// Sessions of the harness itself: [`LANES`] on every node.
pub struct Readback {
    lanes: Vec<Vec<Session>>,
    next_value: AtomicU64,
}

/// How the final reads went, and how the emptying of queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinalReads {
    /// Reads that should have been answered, and objects that should have been emptied.
    pub expected: u64,
    /// Those that were.
    pub ok: u64,
}

impl Readback {
    /// Sessions on the slots from `first_slot` on; it takes [`LANES`] for each node.
    pub fn new(sessions: &Sessions, first_slot: usize) -> Self {
        let lane = |node, lane| sessions.open(first_slot + node * LANES + lane, node);
        let lanes = (0..sessions.nodes())
            .map(|node| (0..LANES).map(|number| lane(node, number)).collect())
            .collect();
        Self { lanes, next_value: AtomicU64::new(1) }
    }

    /// Has every node make changes, as `workload` has them, until each of them served one.
    ///
    /// Returns when each did, by node; none for those that did not before `deadline`.
    pub async fn all_serve(
        &mut self,
        workload: &dyn Workload,
        deadline: Instant,
    ) -> Vec<Option<Instant>> {
        let attempts = self.lanes.iter_mut().map(|lanes| {
            let session = lanes.first_mut().expect("every node has a lane");
            try_until_served(session, workload, &self.next_value, deadline)
        });
        join_all(attempts).await
    }

    /// Reads everything the workload wants read, on every node, `rounds` times over; each
    /// read is tried until it is answered or `deadline` has passed.
    pub async fn read_all(
        &mut self,
        workload: &dyn Workload,
        rounds: usize,
        deadline: Instant,
    ) -> FinalReads {
        let reads: Vec<_> = workload.final_reads();
        let mut total = FinalReads::default();
        for _ in 0..rounds {
            let lanes = self.lanes.iter_mut().flat_map(|lanes| {
                let shares = (0..LANES).map(|lane| reads.iter().skip(lane).step_by(LANES));
                lanes.iter_mut().zip(shares)
            });
            let each = lanes.map(|(session, share)| read_until_answered(session, share, deadline));
            total.ok += join_all(each).await.into_iter().sum::<u64>();
            total.expected += (reads.len() * self.lanes.len()) as u64;
        }
        total
    }

    /// Takes out everything the workload wants taken out, on whichever nodes, until each object
    /// is empty.
    pub async fn drain_all(&mut self, workload: &dyn Workload, deadline: Instant) -> FinalReads {
        let drains = workload.final_drains();
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
}

async fn try_until_served(
    session: &mut Session,
    workload: &dyn Workload,
    next_value: &AtomicU64,
    deadline: Instant,
) -> Option<Instant> {
    loop {
        let number = next_value.fetch_add(1, Ordering::Relaxed);
        let change = workload.service_check(number);
        if let Completion::Ok { .. } = session.run(&change).await {
            return Some(Instant::now());
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(ATTEMPT_INTERVAL).await;
    }
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
