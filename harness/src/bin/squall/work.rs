//! What a person at a terminal sees of long work: nothing at first, then how far it is.

use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that takes no longer than this needs no words.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is being done.
pub(crate) enum Doing {
    /// Reading a history.
    Reading {
        /// Bytes so far.
        read_bytes: Arc<AtomicU64>,
        /// Bytes in all; 0 if nobody knows.
        bytes: u64,
    },
    /// Anything else, in a few words.
    Other(String),
}

impl Doing {
    fn words(&self) -> String {
        match self {
            Self::Reading { read_bytes, bytes } => {
                let read = read_bytes.load(Ordering::Relaxed);
                match (read.saturating_mul(100)).checked_div(*bytes) {
                    Some(percent) => format!("reading, {} %", percent.min(100)),
                    None => format!("reading, {} MB", read / 1_000_000),
                }
            }
            Self::Other(words) => words.clone(),
        }
    }
}

/// Work under way; dropping it clears the line.
pub(crate) struct Work {
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Work {
    /// Shows `doing` on stderr from its second second on, if that is a terminal.
    pub(crate) fn begin(doing: Doing) -> Self {
        let shown = stderr().is_terminal().then(|| {
            let (ended, end) = channel();
            let thread = thread::spawn(move || {
                let began = Instant::now();
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
                while end.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    if began.elapsed() < PATIENCE {
                        continue;
                    }
                    if bar.is_hidden() {
                        bar.set_draw_target(ProgressDrawTarget::stderr());
                        bar.set_style(style());
                    }
                    bar.set_message(doing.words());
                    bar.tick();
                }
                bar.finish_and_clear();
            });
            (ended, thread)
        });
        Self { shown }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some((ended, thread)) = self.shown.take() {
            drop(ended);
            // It only draws: nothing is lost if it could not.
            drop(thread.join());
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}").expect("a literal template")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_told_in_percent_where_the_end_is_known() {
        let reading = |bytes| {
            let read_bytes = Arc::new(AtomicU64::new(2_500_000));
            Doing::Reading { read_bytes, bytes }.words()
        };
        assert_eq!(reading(10_000_000), "reading, 25 %");
        assert_eq!(reading(1_000_000), "reading, 100 %");
        assert_eq!(reading(0), "reading, 2 MB");
    }
}
