//! How much a check may cost, as people write it: `60s`, `2GiB`, `60s,2GiB`.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use squall_checker::Budget;

/// The units of memory, in bytes.
const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Time and memory of the searches of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Until what is undecided stays so.
    pub(crate) time: Duration,
    /// What searches may keep in memory at a time.
    pub(crate) memory_bytes: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory_bytes: Budget::MEMORY_BYTES_DEFAULT }
    }
}

/// Why a budget is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; a budget is a time, an amount of memory, or both: `60s`, `2GiB`, `60s,2GiB`")]
pub(crate) struct NoBudget {
    what: String,
}

impl FromStr for Allowance {
    type Err = NoBudget;

    fn from_str(text: &str) -> Result<Self, NoBudget> {
        let refuse = |what: String| NoBudget { what };
        let (mut time, mut memory_bytes) = (None, None);
        for part in text.split(',').map(str::trim) {
            let repeated = if let Some(bytes) = bytes(part) {
                let bytes = bytes.ok_or_else(|| refuse(format!("`{part}` is no amount")))?;
                memory_bytes.replace(bytes).is_some()
            } else {
                let duration = humantime::parse_duration(part).map_err(|error| {
                    refuse(format!("`{part}` is neither a time ({error}) nor memory"))
                })?;
                time.replace(duration).is_some()
            };
            if repeated {
                return Err(refuse(format!("`{text}` tells the same twice")));
            }
        }
        let default = Self::default();
        Ok(Self {
            time: time.unwrap_or(default.time),
            memory_bytes: memory_bytes.unwrap_or(default.memory_bytes),
        })
    }
}

/// The bytes of an amount that ends with a unit of memory; `Some(None)` if it is no number of
/// bytes from 1 on.
fn bytes(part: &str) -> Option<Option<u64>> {
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((part.strip_suffix(name)?, *unit)))?;
    let number = number.trim().parse::<u64>().ok();
    Some(number.and_then(|number| number.checked_mul(unit)).filter(|bytes| *bytes > 0))
}

/// An allowance whose time runs.
pub(crate) struct Running {
    allowance: Allowance,
    stop: Arc<AtomicBool>,
}

impl Allowance {
    /// Lets the time run from now on.
    pub(crate) fn begin(self) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        // The thread ends with the process; nobody needs to wait for it.
        thread::spawn(move || {
            thread::sleep(self.time);
            flag.store(true, Ordering::Relaxed);
        });
        Running { allowance: self, stop }
    }
}

impl Running {
    /// What a check takes: time and memory bound it, whatever it visits.
    pub(crate) fn budget(&self) -> Budget<'_> {
        Budget {
            configurations: u64::MAX,
            memory_bytes: self.allowance.memory_bytes,
            stop: Some(&self.stop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(u64, u64), String> {
        let allowance: Allowance = text.parse().map_err(|error: NoBudget| error.to_string())?;
        Ok((allowance.time.as_secs(), allowance.memory_bytes))
    }

    #[test]
    fn time_and_memory_in_any_order_and_either_alone() {
        let memory = Budget::MEMORY_BYTES_DEFAULT;
        assert_eq!(parsed("90s"), Ok((90, memory)));
        assert_eq!(parsed("2m 5s"), Ok((125, memory)));
        assert_eq!(parsed("2GiB"), Ok((60, 2 << 30)));
        assert_eq!(parsed("10m,500MB"), Ok((600, 500_000_000)));
        assert_eq!(parsed("512 MiB, 3s"), Ok((3, 512 << 20)));
    }

    #[test]
    fn what_is_no_budget_is_told_what_one_is() {
        for text in ["", "60", "60s,", "soon", "0GiB", "-1GiB", "1.5GiB", "99999999TiB", "1s,2s"] {
            let error = parsed(text).expect_err(text);
            assert!(error.ends_with("`60s`, `2GiB`, `60s,2GiB`"), "{error}");
        }
        assert_eq!(
            parsed("1GiB,2GiB").expect_err("twice"),
            "`1GiB,2GiB` tells the same twice; a budget is a time, an amount of memory, or \
             both: `60s`, `2GiB`, `60s,2GiB`"
        );
    }
}
