//! The moment at which a run begins, on the clock of the run and on the clock on the wall.
//!
//! A history knows only the time since then. What the wall says is for what others stamp by
//! it: the nodes' logs, which programs write in local time as often as not.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, tz::TimeZone};

/// When the clock of a run began.
#[derive(Clone, Copy, Debug)]
pub struct RunClock {
    /// Where the time of the run is 0.
    pub began: Instant,
    /// The same moment in nanoseconds since 1970 (UTC).
    pub unix_ns: u64,
    /// How far local time is ahead of UTC then, in seconds; as for the nodes, which inherit
    /// `TZ`.
    pub utc_offset_s: i32,
}

impl RunClock {
    /// Begins now.
    pub fn start() -> Self {
        let (began, wall) = (Instant::now(), SystemTime::now());
        // A clock before 1970 is wrong, and no log can be placed by it.
        let since_1970 = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ns = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        let at = Timestamp::try_from(wall).unwrap_or(Timestamp::UNIX_EPOCH);
        let utc_offset_s = TimeZone::system().to_offset(at).seconds();
        Self { began, unix_ns, utc_offset_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_are_read_at_one_moment() {
        let before = SystemTime::now();
        let clock = RunClock::start();
        let wall = UNIX_EPOCH + std::time::Duration::from_nanos(clock.unix_ns);
        assert!(before <= wall && wall <= SystemTime::now());
        assert!(clock.utc_offset_s.abs() <= 14 * 3600, "{clock:?}");
    }
}
