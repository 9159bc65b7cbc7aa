//! When a run began, in a form that sorts as text and that people read.

use std::fmt;

use serde::{Serialize, Serializer};

/// A moment in UTC to the second, or nothing where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(String);

impl When {
    /// Reads `2026-01-02T03:04:05Z` or `2026-01-02 03:04:05 UTC`.
    pub(crate) fn of(written: &str) -> Option<Self> {
        let date = written.get(..10)?;
        let time = written.get(11..19)?;
        let shaped = fits(date, "0000-00-00") && fits(time, "00:00:00");
        shaped.then(|| Self(format!("{date} {time}")))
    }

    /// Reads the beginning of a folder's name, `20260102T030405Z-7`; nothing if it has another.
    pub(crate) fn of_folder(name: &str) -> Self {
        match name.get(..15) {
            Some(s) if fits(s, "00000000T000000") => Self(format!(
                "{}-{}-{} {}:{}:{}",
                &s[..4],
                &s[4..6],
                &s[6..8],
                &s[9..11],
                &s[11..13],
                &s[13..15]
            )),
            _ => Self::default(),
        }
    }

    /// The day, as `2026-01-02`; empty where it is not known.
    pub fn day(&self) -> &str {
        self.0.get(..10).unwrap_or_default()
    }

    /// The whole, as `2026-01-02 03:04:05`; empty where it is not known.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` has digits where `shape` has zeros, and the same characters elsewhere.
pub(super) fn fits(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(c, s)| match s {
            b'0' => c.is_ascii_digit(),
            _ => c == s,
        })
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.0.is_empty() { "unknown" } else { &self.0 })
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_empty() {
            true => serializer.serialize_none(),
            false => serializer.serialize_str(&format!("{}Z", self.0.replace(' ', "T"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_moment_are_one() {
        let moment = When::of("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(When::of("2026-01-02 03:04:05 UTC").unwrap(), moment);
        assert_eq!(When::of_folder("20260102T030405Z-7-2"), moment);
        assert_eq!(moment.day(), "2026-01-02");
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-01-02T03:04:05Z\"");
    }

    #[test]
    fn other_names_are_no_moment() {
        for name in ["", "latest", "20260102T03040", "2026é102T030405", "é".repeat(9).as_str()] {
            assert_eq!(When::of_folder(name).to_string(), "unknown", "{name}");
            assert_eq!(When::of(name), None, "{name}");
        }
    }
}
