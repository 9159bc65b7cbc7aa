//! Broadcast time, election timeout, time between failures: each must be far below the next
//! (Ongaro 2014, 3.9). Here heartbeats come below, at and above the election timeout, and what
//! is left of availability is measured.

use std::time::{Duration, Instant};

use crate::scenario::{
    Cast, Scenario, Seen, StageError,
    stage::{Look, Stage, agreed, value_of},
};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "heartbeats-below",
        sentence: "Heartbeats come five times within an election timeout: one leader, always.",
        cast: timed(|_| &["--elections=plain", "--heartbeat-ms=50", "--election-ms=250"]),
        script: |stage| Box::pin(measured(stage, Steadiness::Steady)),
    },
    Scenario {
        name: "heartbeats-at",
        sentence: "Heartbeats come once in an election timeout: a leader is doubted whenever one \
                   comes late.",
        cast: timed(|_| &["--elections=plain", "--heartbeat-ms=300", "--election-ms=250"]),
        script: |stage| Box::pin(measured(stage, Steadiness::Shaken)),
    },
    Scenario {
        name: "heartbeats-above",
        sentence: "Heartbeats come later than the longest election timeout: leaders are deposed \
                   as fast as they are elected, yet nothing untrue is said.",
        cast: timed(|_| &["--elections=plain", "--heartbeat-ms=800", "--election-ms=250"]),
        script: |stage| Box::pin(measured(stage, Steadiness::Lost)),
    },
];

/// How long is measured.
const MEASURED: Duration = Duration::from_secs(8);
/// Time between two writes: appends are heartbeats too, so there must be few.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// What is expected of the leader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Steadiness {
    /// It stays.
    Steady,
    /// It is replaced now and then.
    Shaken,
    /// It never stays.
    Lost,
}

const fn timed(flags: fn(usize) -> &'static [&'static str]) -> Cast {
    Cast { nodes: 3, played: &[], flags }
}

/// What was measured.
#[derive(Default)]
struct Measured {
    looks: usize,
    led: usize,
    writes: u64,
    served: u64,
    first_term: u64,
    last_term: u64,
}

async fn measured(stage: &mut Stage, steadiness: Steadiness) -> Result<(), StageError> {
    stage.start_all().await?;
    stage.until("somebody comes to lead", |look| look.iter().flatten().any(Seen::leads)).await?;
    let measured = measure(stage).await;
    let led = percent(measured.led, measured.looks);
    let elections = measured.last_term.saturating_sub(measured.first_term);
    let saw = format!(
        "all three agreed on a leader in {led} of 100 looks; {elections} elections; {} of {} writes \
         served at the first try",
        measured.served, measured.writes
    );
    match steadiness {
        Steadiness::Steady => {
            let held = led >= 99 && elections == 0 && measured.served == measured.writes;
            stage.expect("the leader stays and everything is served", saw, held);
        }
        Steadiness::Shaken => {
            stage.expect("leaders are replaced although nothing failed", saw, elections >= 1);
        }
        Steadiness::Lost => {
            stage.expect("no leader stays although nothing failed", saw, elections >= 5);
        }
    }
    Ok(())
}

async fn measure(stage: &mut Stage) -> Measured {
    let mut measured = Measured { first_term: term(&stage.look().await), ..Measured::default() };
    let end = Instant::now() + MEASURED;
    let mut next_write = Instant::now();
    while Instant::now() < end {
        if Instant::now() >= next_write {
            next_write += WRITE_INTERVAL;
            measured.writes += 1;
            let node = usize::try_from(measured.writes % 3).expect("less than three");
            let write = stage.write(node, "x", measured.writes).await;
            measured.served += u64::from(value_of(&write).is_some());
        }
        let look = stage.look().await;
        measured.looks += 1;
        measured.led += usize::from(agreed(&look, &[0, 1, 2]).is_some());
        measured.last_term = term(&look);
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    measured
}

fn term(look: &Look) -> u64 {
    look.iter().flatten().map(|seen| seen.term).max().unwrap_or(0)
}

/// Rounded down.
fn percent(part: usize, whole: usize) -> usize {
    (100 * part).checked_div(whole).unwrap_or(0)
}
