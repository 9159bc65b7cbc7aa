//! Latencies by function, as the writer's thread gathers them.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use squall_results::summary::Latency;

/// Latencies beyond a day count as a day.
const LATENCY_MAX_NS: u64 = 24 * 3600 * 1_000_000_000;

/// Latencies of the operations that succeeded, by function.
///
/// Of a fixed size for each function, however many operations there are.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// A handful, so that going through them is quicker than looking them up.
    by_function: Vec<(String, Histogram<u64>)>,
}

impl Latencies {
    pub(super) fn record(&mut self, f: &str, took_ns: u64) {
        let place = self.by_function.iter().position(|(other, _)| other == f);
        let place = place.unwrap_or_else(|| {
            // Fixed bounds, because a resizing histogram may refuse a value and a fixed one
            // clamps.
            let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)
                .expect("the bounds are apart and three digits are within 0..=5");
            self.by_function.push((f.to_owned(), histogram));
            self.by_function.len() - 1
        });
        self.by_function[place].1.saturating_record(took_ns);
    }

    /// The percentiles of each function.
    pub fn percentiles(&self) -> BTreeMap<String, Latency> {
        let percentiles = |histogram: &Histogram<u64>| Latency {
            p50_ns: histogram.value_at_quantile(0.50),
            p95_ns: histogram.value_at_quantile(0.95),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        };
        self.by_function.iter().map(|(f, of)| (f.clone(), percentiles(of))).collect()
    }
}
