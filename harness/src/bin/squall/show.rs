//! How a run looks on a terminal while it goes on, and in a pipe.

use std::{
    io::{IsTerminal, stderr, stdout},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::tcgetwinsize;
use squall::progress::{Progress, Snapshot};
use squall_results::text::{Colour, Width};

/// Time between two lines in a pipe.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Whether stdout takes colours.
pub(crate) fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && stdout().is_terminal() { Colour::Ansi } else { Colour::Plain }
}

/// How wide what is written to stdout may be.
pub(crate) fn width() -> Width {
    match tcgetwinsize(stdout()) {
        // A terminal that does not know its width says 0.
        Ok(size) if size.ws_col > 0 => Width::Columns(size.ws_col),
        Ok(_) | Err(_) => Width::Unlimited,
    }
}

/// One line that renews itself on a terminal, plain lines elsewhere; always on stderr.
pub(crate) fn progress() -> Arc<dyn Progress> {
    if stderr().is_terminal() { Arc::new(Bar::new()) } else { Arc::new(Lines::default()) }
}

fn leader(snapshot: &Snapshot) -> String {
    match &snapshot.leader {
        Some((name, Some(term))) => format!("{name} leads term {term}"),
        Some((name, None)) => format!("{name} leads"),
        None => "no leader".to_owned(),
    }
}

fn faults(snapshot: &Snapshot) -> String {
    if snapshot.faults.is_empty() { "calm".to_owned() } else { snapshot.faults.join("; ") }
}

fn counts(snapshot: &Snapshot) -> String {
    let tally = snapshot.tally;
    format!(
        "{:.0} ops/s, ok {} fail {} info {}",
        snapshot.operations_per_s, tally.ok, tally.fail, tally.info
    )
}

struct Bar {
    bar: ProgressBar,
    clients_run: Mutex<bool>,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(1);
        bar.set_style(spinner());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, clients_run: Mutex::new(false) }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}").expect("a literal template")
}

fn bar() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {bar:16} {wide_msg}").expect("a literal template")
}

impl Progress for Bar {
    fn phase(&self, what: &str) {
        *self.clients_run.lock().expect("held by one thread") = false;
        self.bar.set_style(spinner());
        self.bar.set_message(what.to_owned());
    }

    fn tick(&self, snapshot: &Snapshot) {
        let mut clients_run = self.clients_run.lock().expect("held by one thread");
        if !*clients_run {
            *clients_run = true;
            self.bar.set_style(bar());
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.bar.set_length(millis(snapshot.total));
        self.bar.set_position(millis(snapshot.elapsed));
        let left = snapshot.total.saturating_sub(snapshot.elapsed).as_secs();
        self.bar.set_message(format!(
            "{left} s left | {} | {} | {}",
            counts(snapshot),
            leader(snapshot),
            faults(snapshot)
        ));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[derive(Default)]
struct Lines {
    told_s: AtomicU64,
}

impl Progress for Lines {
    fn phase(&self, what: &str) {
        tell!("squall: {what}");
    }

    fn tick(&self, snapshot: &Snapshot) {
        let (elapsed, total) = (snapshot.elapsed.as_secs(), snapshot.total.as_secs());
        let due = self.told_s.load(Ordering::Relaxed) + LINE_INTERVAL.as_secs();
        if elapsed < due {
            return;
        }
        self.told_s.store(elapsed, Ordering::Relaxed);
        tell!(
            "squall: {elapsed}/{total} s: {}; {}; {}",
            counts(snapshot),
            leader(snapshot),
            faults(snapshot)
        );
    }
}
