//! The text that Prometheus reads.
//!
//! Source: Prometheus, "Exposition formats", text-based format 0.0.4. Names and
//! values of labels come from this program and need no escaping.

use std::fmt::{Display, Write};

use super::Histogram;

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics as text, family by family.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// Begins a family of samples; `kind` is `counter`, `gauge` or `histogram`.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// Adds a sample to the family begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels: Vec<_> =
            labels.iter().map(|(label, text)| format!("{label}=\"{text}\"")).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    /// Adds the family of a histogram, in seconds.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let mut count = 0;
        let bucket = format!("{name}_bucket");
        for (bound, up_to) in histogram.cumulative() {
            let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            self.sample(&bucket, &[("le", &bound)], up_to);
            count = up_to;
        }
        self.sample(&format!("{name}_sum"), &[], histogram.sum());
        self.sample(&format!("{name}_count"), &[], count);
    }

    /// Returns the text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a string does not fail");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn families_samples_and_histograms_have_their_form() {
        let mut text = Exposition::default();
        text.family("a_total", "counter", "How many.");
        text.sample("a_total", &[], 3);
        text.sample("a_total", &[("kind", "x"), ("of", "y")], 4);
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(2));
        text.histogram("b_seconds", "How long.", &histogram);
        let text = text.into_text();
        let beginning = "# HELP a_total How many.\n# TYPE a_total counter\na_total 3\n\
                         a_total{kind=\"x\",of=\"y\"} 4\n# HELP b_seconds How long.\n\
                         # TYPE b_seconds histogram\nb_seconds_bucket{le=\"0.00005\"} 0\n";
        assert!(text.starts_with(beginning), "{text}");
        let end = "b_seconds_bucket{le=\"+Inf\"} 1\nb_seconds_sum 0.002\nb_seconds_count 1\n";
        assert!(text.ends_with(end), "{text}");
    }
}
