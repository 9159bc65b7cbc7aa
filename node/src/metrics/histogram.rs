//! How long things take.

use std::time::Duration;

use super::Counter;

/// The longest duration of each bucket but the last, in nanoseconds. From what a
/// fast disk needs for a sync to what a client waits for at most.
const BOUNDS_NS: [u64; 16] = [
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
];

/// Durations, counted by length.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for each bound, and one for what is longer than all.
    buckets: [Counter; BOUNDS_NS.len() + 1],
    sum_ns: Counter,
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn observe(&self, duration: Duration) {
        // Five hundred years are long enough.
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[BOUNDS_NS.partition_point(|&bound| bound < ns)].increment();
        self.sum_ns.add(ns);
    }

    /// Returns how many durations are not above each bound, in seconds; the last
    /// bound is infinite, so that its count is that of all.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS_NS.iter().map(|&ns| Duration::from_nanos(ns).as_secs_f64());
        let bounds = bounds.chain([f64::INFINITY]);
        bounds.zip(&self.buckets).scan(0, |total, (bound, bucket)| {
            *total += bucket.get();
            Some((bound, *total))
        })
    }

    /// Returns the sum of all durations in seconds.
    pub(super) fn sum(&self) -> f64 {
        Duration::from_nanos(self.sum_ns.get()).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_for_every_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        for ns in [0, 50_000, 50_001, 1_000_000, 6_000_000_000] {
            histogram.observe(Duration::from_nanos(ns));
        }
        let counts: Vec<_> = histogram.cumulative().collect();
        assert_eq!(counts[0], (0.000_05, 2));
        assert_eq!(counts[1], (0.000_1, 3));
        assert_eq!(counts[4], (0.001, 4));
        assert_eq!(counts[15], (5.0, 4));
        assert_eq!(counts[16], (f64::INFINITY, 5));
        assert!((histogram.sum() - 6.001_100_001).abs() < 1e-12);
    }
}
