//! Counts what became of elements, and keeps a few of those that something became of.

use hdrhistogram::Histogram;

use super::super::DETAILS_MAX;
use super::{Delays, Fate, SetFull};

/// Delays beyond a day count as a day.
const DELAY_US_MAX: u64 = 24 * 3600 * 1_000_000;

pub(super) struct Tally {
    figures: SetFull,
    /// In microseconds, which is finer than clocks of different processes agree.
    delays: Histogram<u64>,
    /// The longest, which a histogram knows only to three digits.
    longest_us: u64,
    lost: Vec<String>,
    stale: Vec<String>,
}

impl Default for Tally {
    fn default() -> Self {
        // Fixed bounds, because a resizing histogram may refuse a value and a fixed one clamps.
        let delays = Histogram::new_with_bounds(1, DELAY_US_MAX, 3)
            .expect("the bounds are apart and three digits are within 0..=5");
        Self {
            figures: SetFull::default(),
            delays,
            longest_us: 0,
            lost: Vec::new(),
            stale: Vec::new(),
        }
    }
}

impl Tally {
    pub(super) fn add_key(&mut self, attempted: usize, not_understood: u64) {
        self.figures.keys += u64::from(attempted > 0);
        self.figures.attempted += attempted as u64;
        self.figures.not_understood += not_understood;
    }

    pub(super) fn add(&mut self, fate: Fate, sentence: impl FnOnce() -> String) {
        let figures = &mut self.figures;
        figures.known += 1;
        match fate {
            Fate::NeverRead => figures.never_read += 1,
            Fate::Stable => {
                figures.stable += 1;
                self.delays.saturating_record(0);
            }
            Fate::Stale(ns) => {
                figures.stale += 1;
                self.delays.saturating_record(ns / 1_000);
                self.longest_us = self.longest_us.max(ns / 1_000);
                keep(&mut self.stale, sentence);
            }
            Fate::Lost => {
                figures.lost += 1;
                keep(&mut self.lost, sentence);
            }
        }
    }

    /// The figures, and sentences about elements, lost ones first.
    pub(super) fn finish(mut self) -> (SetFull, Vec<String>) {
        let ms = |us: u64| us as f64 / 1e3;
        let quantile = |share| ms(self.delays.value_at_quantile(share).min(self.longest_us));
        self.figures.visible_after = (!self.delays.is_empty()).then(|| Delays {
            median_ms: quantile(0.50),
            p99_ms: quantile(0.99),
            max_ms: ms(self.longest_us),
        });
        self.lost.append(&mut self.stale);
        (self.figures, self.lost)
    }
}

fn keep(kept: &mut Vec<String>, sentence: impl FnOnce() -> String) {
    if kept.len() < DETAILS_MAX {
        kept.push(sentence());
    }
}
