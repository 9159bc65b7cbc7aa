//! Numbers, times and values as people write them.
//!
//! Every rendering goes through here, so that one figure looks the same everywhere.

use std::fmt::{self, Write as _};

use serde_json::Value;
use squall_checker::history::{Values, View};

/// A duration in nanoseconds, with as many digits as matter: `3.21 ms`, `4.02 s`, `2 min 5 s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanos(pub(crate) u64);

/// A duration in milliseconds, written like [`Nanos`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) u64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0;
        match ns {
            0 => f.pad("0 s"),
            1..1_000 => f.pad(&format!("{ns} ns")),
            1_000..1_000_000 => f.pad(&format!("{} µs", digits(ns as f64 / 1e3))),
            1_000_000..1_000_000_000 => f.pad(&format!("{} ms", digits(ns as f64 / 1e6))),
            1_000_000_000..120_000_000_000 => f.pad(&format!("{} s", digits(ns as f64 / 1e9))),
            _ => {
                let seconds = ns / 1_000_000_000;
                f.pad(&format!("{} min {} s", count(seconds / 60), seconds % 60))
            }
        }
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.pad("under 1 ms"),
            ms @ 1..1_000 => f.pad(&format!("{ms} ms")),
            ms => Nanos(ms.saturating_mul(1_000_000)).fmt(f),
        }
    }
}

/// Three digits that matter: `1.23`, `12.3`, `123`.
fn digits(value: f64) -> String {
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// A point of the run in seconds since it began, to the millisecond: `4.021 s`.
pub(crate) fn instant(ns: u64) -> String {
    format!("{:.3} s", ns as f64 / 1e9)
}

/// A whole number with thousands separators: `184,210`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number and its noun: `1 key`, `2 keys`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Operations per second: whole from ten on, one decimal below.
pub(crate) fn rate(per_s: f64) -> String {
    if per_s > 0.0 && per_s < 9.95 { format!("{per_s:.1}") } else { count(per_s.round() as u64) }
}

/// A share of 1 in per cent; never rounded up to 100 or down to 0.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p >= 100.0 => "100 %".to_owned(),
        p if p < 0.1 => "< 0.1 %".to_owned(),
        p if p > 99.9 => "> 99.9 %".to_owned(),
        p if !(10.0..99.0).contains(&p) => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// Values longer than this are cut short in labels.
const VALUE_CHARS_MAX: usize = 48;

/// A value of an operation as it stands in labels: JSON without quotes around plain
/// strings, cut short if long.
pub(crate) fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    };
    shorten(&text, VALUE_CHARS_MAX)
}

/// [`value`] of a value of a history, without writing out what would be cut.
pub(crate) fn short_value(values: &Values, of: squall_checker::history::Value) -> String {
    match values.view(of) {
        View::Null => "nothing".to_owned(),
        View::Text(text) if !text.is_empty() => shorten(text, VALUE_CHARS_MAX),
        _ => {
            let mut bounded = Bounded { text: String::new(), room: VALUE_CHARS_MAX + 1 };
            // Fails only where there is no room for more, which is cut anyway.
            let _ = write!(bounded, "{}", values.show(of));
            shorten(&bounded.text, VALUE_CHARS_MAX)
        }
    }
}

/// Takes so many characters and then no more.
struct Bounded {
    text: String,
    room: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for char in part.chars() {
            self.room = self.room.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(char);
        }
        Ok(())
    }
}

/// At most `chars_max` characters, the last an ellipsis if anything was cut.
pub(crate) fn shorten(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => {
            let mut short: String = text.chars().take(chars_max.saturating_sub(1)).collect();
            short.push('…');
            short
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_keep_three_digits() {
        let written = |ns| Nanos(ns).to_string();
        assert_eq!(written(0), "0 s");
        assert_eq!(written(999), "999 ns");
        assert_eq!(written(31_400), "31.4 µs");
        assert_eq!(written(3_210_000), "3.21 ms");
        assert_eq!(written(9_999_999), "10.0 ms");
        assert_eq!(written(412_000_000), "412 ms");
        assert_eq!(written(4_020_000_000), "4.02 s");
        assert_eq!(written(125_000_000_000), "2 min 5 s");
        assert_eq!(Millis(0).to_string(), "under 1 ms");
        assert_eq!(Millis(6).to_string(), "6 ms");
        assert_eq!(Millis(30_000).to_string(), "30.0 s");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(184_210), "184,210");
        assert_eq!(plural(1, "key", "keys"), "1 key");
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.99999), "> 99.9 %");
        assert_eq!(percent(0.812), "81 %");
        assert_eq!(percent(0.0000001), "< 0.1 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn values_are_plain_and_short() {
        assert_eq!(value(&json!(null)), "nothing");
        assert_eq!(value(&json!("a b")), "a b");
        assert_eq!(value(&json!("")), "\"\"");
        assert_eq!(value(&json!([1, 2])), "[1,2]");
        assert_eq!(value(&json!("é".repeat(99))).chars().count(), VALUE_CHARS_MAX);
    }
}
