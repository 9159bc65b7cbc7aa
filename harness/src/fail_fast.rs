//! `--fail-fast`: judges a run while it goes on, so that it can end at the first violation.
//!
//! A thread of its own is shown what the recorder wrote, in the order of the file, and feeds
//! the [online checker](squall_checker::online). Nothing ever waits for it: if it falls
//! behind or finds no words for an event, it gives up and the run goes on as without it.
//! Deliberately absent: the verdict. Whatever was seen here, the whole history is checked
//! when the run is over, and only that gives a proof.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, TrySendError},
    },
    thread,
    time::Instant,
};

use squall_checker::{
    history::{Event, Header, HistoryBuilder, HistoryError},
    online::OnlineChecker,
};
use squall_results::facts::StoppedAt;
use tokio::sync::watch;

use crate::recorder::Observer;

/// How many events may wait to be judged.
const WAITING_MAX: usize = 1 << 17;

/// Judges a run that goes on.
pub struct FailFast {
    thread: thread::JoinHandle<Option<String>>,
    over: Arc<AtomicBool>,
    violation: watch::Receiver<Option<StoppedAt>>,
}

impl FailFast {
    /// Starts judging a run with this header, whose clock began at `began`. The observer
    /// never blocks; dropping it ends the events.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(header: &Header, began: Instant) -> io::Result<(Self, Observer)> {
        Self::start_with_room(header, began, WAITING_MAX)
    }

    fn start_with_room(
        header: &Header,
        began: Instant,
        waiting_max: usize,
    ) -> io::Result<(Self, Observer)> {
        let (sender, inbox) = mpsc::sync_channel::<Event>(waiting_max);
        let (told, violation) = watch::channel(None);
        let over = Arc::new(AtomicBool::new(false));
        let fell_behind = Arc::new(AtomicBool::new(false));
        let builder = HistoryBuilder::new(Some(header.clone()));
        let thread = thread::Builder::new().name("fail-fast".to_owned()).spawn({
            let (over, fell_behind) = (Arc::clone(&over), Arc::clone(&fell_behind));
            move || {
                let open = || !over.load(Ordering::Relaxed);
                let note = judge(builder, inbox.iter().take_while(|_| open()), began, &told);
                match fell_behind.load(Ordering::Relaxed) {
                    true => Some(format!("more than {waiting_max} events waited to be judged")),
                    false => note,
                }
            }
        })?;
        let mut sender = Some(sender);
        let observer = move |event: &Event| {
            let Some(open) = &sender else { return };
            match open.try_send(event.clone()) {
                Ok(()) => {}
                Err(TrySendError::Disconnected(_)) => sender = None,
                // With one event missing, none after it can be judged.
                Err(TrySendError::Full(_)) => {
                    fell_behind.store(true, Ordering::Relaxed);
                    sender = None;
                }
            }
        };
        Ok((Self { thread, over, violation }, Box::new(observer)))
    }

    /// Resolves at the first violation; never if there is none.
    pub async fn violated(&self) -> StoppedAt {
        let mut violation = self.violation.clone();
        match violation.wait_for(Option::is_some).await.map(|found| found.clone()) {
            Ok(Some(found)) => found,
            _ => std::future::pending().await,
        }
    }

    /// Ends judging; what it could not judge, as a clause.
    pub fn finish(self) -> Option<String> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Some("the online checker failed".to_owned()))
    }
}

/// Judges events until the first violation; says what could not be judged.
fn judge(
    mut builder: HistoryBuilder,
    events: impl Iterator<Item = Event>,
    began: Instant,
    told: &watch::Sender<Option<StoppedAt>>,
) -> Option<String> {
    let mut online = OnlineChecker::new(None);
    for (line, event) in events.enumerate() {
        let time_ns = event.time;
        // The header is the first line.
        let pushed = match builder.push(line + 2, event) {
            Ok(pushed) => pushed,
            Err(error) => return Some(unreadable(&error)),
        };
        if let Some(violation) = online.observe(builder.history(), pushed) {
            let now_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            told.send_replace(Some(StoppedAt {
                operation: u64::from(violation.operation.0),
                event_ms: time_ns / 1_000_000,
                noticed_ms: now_ns.saturating_sub(time_ns) / 1_000_000,
            }));
            return None;
        }
    }
    let keys = online.keys();
    let why = online.unjudged().next().map(|(_, why)| why)?;
    let unjudged = online.unjudged().count();
    Some(format!("{unjudged} of {keys} keys could not be judged to the end because {why}"))
}

fn unreadable(error: &HistoryError) -> String {
    format!("an event could not be judged: {}", crate::run::chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_checker::history::{EventType, FORMAT_VERSION, HeaderTag, Process};
    use std::time::Duration;

    fn header() -> Header {
        Header {
            squall: FORMAT_VERSION,
            kind: HeaderTag::Header,
            system: "invented".to_owned(),
            workload: "register".to_owned(),
            model: "register".to_owned(),
            nodes: vec!["n1".to_owned()],
            seed: 1,
            plan: serde_json::Value::Null,
            started_unix_ns: None,
            utc_offset_s: None,
        }
    }

    fn event(index: u64, kind: EventType, f: &'static str, value: u64) -> Event {
        Event {
            index: Some(index),
            time: index,
            process: Process::Client(0),
            node: None,
            kind,
            f: f.into(),
            key: Some("x".into()),
            value: value.into(),
            error: None,
            revision: None,
            evidence: serde_json::Value::Null,
        }
    }

    fn read_of_what_nobody_wrote() -> [Event; 2] {
        [event(0, EventType::Invoke, "read", 0), event(1, EventType::Ok, "read", 2)]
    }

    #[tokio::test]
    async fn the_first_violation_is_told() {
        let (fail_fast, mut observer) = FailFast::start(&header(), Instant::now()).unwrap();
        read_of_what_nobody_wrote().iter().for_each(&mut observer);
        let found = tokio::time::timeout(Duration::from_secs(10), fail_fast.violated()).await;
        assert_eq!(found.expect("it is told at once").operation, 0);
        drop(observer);
        assert_eq!(fail_fast.finish(), None);
    }

    #[test]
    fn what_falls_behind_gives_up_and_says_so() {
        let (fail_fast, mut observer) =
            FailFast::start_with_room(&header(), Instant::now(), 0).unwrap();
        // Without room an event is taken only while the thread waits for it.
        for index in 0..100_000 {
            observer(&event(2 * index, EventType::Invoke, "write", index));
            observer(&event(2 * index + 1, EventType::Ok, "write", index));
        }
        drop(observer);
        let note = fail_fast.finish().expect("it cannot keep up");
        assert!(note.contains("waited to be judged"), "{note}");
    }
}
