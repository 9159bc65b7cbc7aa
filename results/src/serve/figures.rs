//! Two values side by side and what is between them, in a word and a sign.

use crate::wording::{Nanos, count, percent, rate};

/// A row of a comparison.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) a: String,
    pub(super) b: String,
    /// Whether B is better, worse, other or the same; never only a colour.
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: String,
}

/// What it means that B is more than A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Better,
    Worse,
    Neither,
}

/// How a number is written, and the words for more and less of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    write: fn(f64) -> String,
    more: &'static str,
    less: &'static str,
}

/// A number of things.
pub(super) const COUNT: Unit = Unit { write: whole, more: "more", less: "fewer" };
/// Operations a second.
pub(super) const RATE: Unit = Unit { write: rate, more: "more", less: "fewer" };
/// A share of 1.
pub(super) const SHARE: Unit = Unit { write: percent, more: "more", less: "less" };
/// A duration in nanoseconds in which something is done.
pub(super) const LATENCY: Unit = Unit { write: nanos, more: "slower", less: "faster" };
/// A duration in nanoseconds.
pub(super) const LENGTH: Unit = Unit { write: nanos, more: "longer", less: "shorter" };

pub(super) fn whole(number: f64) -> String {
    count(number.round() as u64)
}

pub(super) fn nanos(ns: f64) -> String {
    Nanos(ns.round() as u64).to_string()
}

/// What stands where there is no value.
const NONE: &str = "none";

/// Numbers this close, as a ratio, are told to be the same.
const SAME: f64 = 0.005;

impl Row {
    /// Compares two numbers, of which either may be missing.
    pub(super) fn numbers(
        name: impl Into<String>,
        unit: Unit,
        more: More,
        (a, b): (Option<f64>, Option<f64>),
    ) -> Self {
        let written = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), unit.write);
        let (class, sign, word) = match (a, b) {
            (None, None) => ("same", "=", "same".to_owned()),
            (Some(a), Some(b)) => between(unit, more, a, b),
            (None, Some(_)) => ("other", "≠", "only B".to_owned()),
            (Some(_), None) => ("other", "≠", "only A".to_owned()),
        };
        Self { name: name.into(), a: written(a), b: written(b), class, sign, word }
    }

    /// Compares two texts.
    pub(super) fn texts(
        name: impl Into<String>,
        a: impl Into<String>,
        b: impl Into<String>,
    ) -> Self {
        let (a, b) = (a.into(), b.into());
        let (class, sign, word) =
            if a == b { ("same", "=", "same") } else { ("other", "≠", "differs") };
        Self { name: name.into(), a, b, class, sign, word: word.to_owned() }
    }

    pub(super) fn differs(&self) -> bool {
        self.class != "same"
    }
}

fn between(unit: Unit, more: More, a: f64, b: f64) -> (&'static str, &'static str, String) {
    if a == b || (a != 0.0 && (b / a - 1.0).abs() < SAME) {
        return ("same", "=", "same".to_owned());
    }
    let (sign, word) = if b > a { ("▲", unit.more) } else { ("▼", unit.less) };
    let class = match (more, b > a) {
        (More::Neither, _) => "other",
        (More::Better, true) | (More::Worse, false) => "better",
        (More::Better, false) | (More::Worse, true) => "worse",
    };
    let word = match b / a {
        ratio if ratio.is_finite() && ratio > 0.0 => format!("{word}, ×{}", digits(ratio)),
        _ => word.to_owned(),
    };
    (class, sign, word)
}

/// A ratio with as many digits as tell it from 1.
fn digits(ratio: f64) -> String {
    match ratio {
        r if r >= 100.0 => whole(r),
        r if r >= 10.0 => format!("{r:.1}"),
        r if r >= 0.1 => format!("{r:.2}"),
        r if r >= 0.001 => format!("{r:.4}"),
        _ => "0.001 or less".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(unit: Unit, more: More, a: f64, b: f64) -> String {
        let row = Row::numbers("x", unit, more, (Some(a), Some(b)));
        format!("{} {} {}", row.class, row.sign, row.word)
    }

    #[test]
    fn a_difference_has_a_word_a_sign_and_a_ratio() {
        assert_eq!(told(LATENCY, More::Worse, 2e6, 5e6), "worse ▲ slower, ×2.50");
        assert_eq!(told(RATE, More::Better, 2_000.0, 500.0), "worse ▼ fewer, ×0.25");
        assert_eq!(told(SHARE, More::Better, 0.5, 0.9), "better ▲ more, ×1.80");
        assert_eq!(told(COUNT, More::Neither, 0.0, 7.0), "other ▲ more");
        assert_eq!(told(COUNT, More::Worse, 7.0, 0.0), "better ▼ fewer");
        assert_eq!(told(RATE, More::Better, 1_000.0, 1_001.0), "same = same");
        assert_eq!(Row::texts("x", "a", "b").sign, "≠");
        assert_eq!(Row::numbers("x", RATE, More::Better, (None, Some(1.0))).word, "only B");
    }
}
