//! `squall check --follow`: watches a history until its run is over.
//!
//! A run is over when its directory has results, which are written last; where there is no
//! run directory, whoever follows says when it is over.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use squall::follow::{Followed, Follower};
use squall_checker::model::ModelName;
use tokio::{runtime::Runtime, sync::watch};

use crate::{exit::Failure, interrupt};

/// How often the file is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How often progress is told.
const TELL: Duration = Duration::from_secs(1);

/// Follows `path`, a history or its run directory, until there is a violation or an end.
///
/// Returns what goes on listening for signals while the history is checked as a whole.
pub(crate) fn follow(
    path: &Path,
    model: Option<ModelName>,
    idle: Option<Duration>,
) -> Result<Runtime, Failure> {
    let history = match path.is_dir() {
        true => path.join("history.jsonl"),
        false => path.to_owned(),
    };
    let follower = Follower::open(&history, model)
        .map_err(|error| Failure::Asked(format!("follow {}: {error}", history.display())))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    runtime.block_on(async {
        let interrupted =
            interrupt::listen("checking what there is").map_err(|error| Failure::setup(&error))?;
        let over = history.with_file_name("results.json");
        watch_until_over(follower, &over, idle, &interrupted)
            .await
            .map_err(|error| Failure::Asked(format!("follow {}: {error}", history.display())))
    })?;
    Ok(runtime)
}

async fn watch_until_over(
    mut follower: Follower,
    over: &Path,
    idle: Option<Duration>,
    interrupted: &watch::Receiver<bool>,
) -> std::io::Result<()> {
    let began = Instant::now();
    let (mut grown, mut told) = (began, began);
    loop {
        // Asked before reading: what was written before the results is then read as well.
        let is_over = over.exists() || *interrupted.borrow();
        match follower.catch_up()? {
            Followed::Violation(violation) => {
                tell!(
                    "squall: VIOLATION at the completion of operation {}, after {} operations",
                    violation.operation.0,
                    follower.seen().0
                );
                return Ok(());
            }
            // Checking the whole file says what is wrong with it.
            Followed::Unreadable => return Ok(()),
            Followed::UpToDate { grew: true } => grown = Instant::now(),
            Followed::UpToDate { grew: false } => {}
        }
        if is_over || idle.is_some_and(|idle| grown.elapsed() >= idle) {
            return Ok(());
        }
        if told.elapsed() >= TELL && grown > told {
            told = Instant::now();
            let (operations, keys) = follower.seen();
            let unjudged = match follower.unjudged() {
                0 => String::new(),
                keys => format!("; {keys} keys are judged only at the end"),
            };
            tell!("squall: {operations} operations on {keys} keys, no violation{unjudged}");
        }
        tokio::time::sleep(POLL).await;
    }
}
