//! The time a line of a log was written, in whichever of the usual spellings it has it.
//!
//! Where a spelling leaves something out, the start of the run fills it in: the zone is that
//! of the machine, the year and the day are those that bring it nearest.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

use super::cursor::Cursor;
use super::json;

/// Bytes at the start of a line in which its time has to begin.
const STAMP_BYTES_MAX: usize = 64;
/// How far from the run a bare number may lie and still be taken for a time: a day.
const EPOCH_NS_AWAY_MAX: i128 = 86_400 * NS_PER_S;
const NS_PER_S: i128 = 1_000_000_000;

/// When the clock of a run began, by the clock of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Nanoseconds since 1970 (UTC).
    pub unix_ns: u64,
    /// How far the machine's local time is ahead of UTC, in seconds; without it, times that
    /// name no zone are not understood.
    pub utc_offset_s: Option<i32>,
}

/// Reads the times of lines.
pub(super) struct Clock {
    start_ns: i128,
    /// Of times that name none.
    local: Option<Offset>,
}

/// A time of day on a calendar, perhaps with a zone of its own.
struct Written {
    at: DateTime,
    zone: Option<Offset>,
    /// What the line leaves out.
    left_out: LeftOut,
}

#[derive(Clone, Copy)]
enum LeftOut {
    Nothing,
    Year,
    Day,
}

impl Clock {
    pub(super) fn new(start: Start) -> Self {
        let local = start.utc_offset_s.and_then(|seconds| Offset::from_seconds(seconds).ok());
        Self { start_ns: i128::from(start.unix_ns), local }
    }

    /// When `line` says it was written, in nanoseconds since the run began; negative before.
    pub(super) fn read(&self, line: &[u8]) -> Option<i128> {
        let trimmed = line.trim_ascii_start();
        if trimmed.first() == Some(&b'{')
            && let Some(time) = json::times(trimmed).find_map(|time| self.of_json(time))
        {
            return Some(time);
        }
        let head = &line[..line.len().min(STAMP_BYTES_MAX)];
        let starts = (0..head.len()).filter(|at| is_start(line, *at));
        starts.into_iter().find_map(|at| self.at(&line[at..], at == 0))
    }

    fn of_json(&self, time: json::Time<'_>) -> Option<i128> {
        match time {
            json::Time::Number(number) => epoch_ns(number).map(|ns| ns - self.start_ns),
            json::Time::Text(text) => self
                .at(text, true)
                .or_else(|| epoch_ns(text.split(|byte| *byte == b'"').next()?))
                .filter(|_| !text.is_empty()),
        }
    }

    /// The time that stands at the start of `text`, which may be where its line begins.
    fn at(&self, text: &[u8], begins_line: bool) -> Option<i128> {
        let first = *text.first()?;
        if first.is_ascii_digit() {
            return numeric(text)
                .or_else(|| day_month_year(text))
                .and_then(|written| self.since_start(&written))
                .or_else(|| self.bare_number(text))
                .or_else(|| {
                    let time = begins_line.then(|| time_of_day(text)).flatten()?;
                    self.since_start(&time)
                });
        }
        let glog = || if begins_line { level_and_date(text) } else { None };
        self.since_start(&month_first(text).or_else(glog)?)
    }

    fn bare_number(&self, text: &[u8]) -> Option<i128> {
        let mut rest = Cursor(text);
        let seconds = rest.digits_between(10, 19)?;
        if rest.take(b".,").is_some() {
            rest.digits_between(1, 9)?;
        }
        let used = text.len() - rest.0.len();
        let ends = rest.0.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let known = matches!(seconds.len(), 10 | 13 | 16 | 19) && ends;
        let since = epoch_ns(known.then(|| &text[..used])?)? - self.start_ns;
        (since.abs() <= EPOCH_NS_AWAY_MAX).then_some(since)
    }

    fn since_start(&self, written: &Written) -> Option<i128> {
        let zone = written.zone.or(self.local)?;
        let since = |at: DateTime| {
            let timestamp = zone.to_timestamp(at).ok()?;
            Some(timestamp.as_nanosecond() - self.start_ns)
        };
        let around = match written.left_out {
            LeftOut::Nothing => return since(written.at),
            LeftOut::Year | LeftOut::Day => [-1, 0, 1],
        };
        let start = Timestamp::from_nanosecond(self.start_ns).ok()?;
        let start = zone.to_datetime(start);
        around
            .into_iter()
            .filter_map(|step| match written.left_out {
                LeftOut::Day => {
                    let day = start.date().checked_add(Span::new().days(step)).ok()?;
                    since(day.to_datetime(written.at.time()))
                }
                _ => {
                    let year = start.year() + i16::try_from(step).ok()?;
                    since(written.at.with().year(year).build().ok()?)
                }
            })
            .min_by_key(|since| since.abs())
    }
}

/// Whether a time may begin at `at`: not within a word or a number, but right after a colour.
fn is_start(line: &[u8], at: usize) -> bool {
    let Some(&before) = at.checked_sub(1).and_then(|before| line.get(before)) else { return true };
    let coloured = || before == b'm' && line[at.saturating_sub(8)..at].contains(&b'\x1b');
    // Of a larger number the fraction is no time, and of a date the month is not either.
    !(before.is_ascii_alphanumeric() || b".-/".contains(&before)) || coloured()
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, by its size.
fn epoch_ns(number: &[u8]) -> Option<i128> {
    let mut rest = Cursor(number);
    let whole = rest.digits_between(1, 19)?;
    let whole: i128 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let unit = match whole.checked_ilog10()? {
        0..9 => {
            // Written as a power of ten, or nothing of the kind.
            let seconds: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
            return (1e9..1e11).contains(&seconds).then_some((seconds * 1e9) as i128);
        }
        9..11 => NS_PER_S,
        11..14 => 1_000_000,
        14..17 => 1_000,
        _ => 1,
    };
    let fraction = match rest.take(b".,") {
        Some(_) => i128::from(rest.fraction()?),
        None => 0,
    };
    Some(whole * unit + fraction * unit / NS_PER_S)
}

/// `2026-11-29T03:44:54.233Z`, with any of the usual separators; also `20261129 03:44:54`.
fn numeric(text: &[u8]) -> Option<Written> {
    let mut rest = Cursor(text);
    let year = rest.digits(4)?;
    let (month, day) = match rest.take(b"-/.") {
        Some(separator) => {
            let month = rest.digits(2)?;
            rest.take(&[separator])?;
            (month, rest.digits(2)?)
        }
        None => (rest.digits(2)?, rest.digits(2)?),
    };
    rest.take(b"Tt _-:,")?;
    rest.spaces();
    let time = rest.time()?;
    Some(Written { at: at(year, month, day, time)?, zone: rest.zone(), left_out: LeftOut::Nothing })
}

/// `29 Nov 2026 03:44:54.233` and `29/Nov/2026:03:44:54 +0000`.
fn day_month_year(text: &[u8]) -> Option<Written> {
    let mut rest = Cursor(text);
    let day = rest.digits_up_to(2)?;
    rest.take(b" -/")?;
    let month = rest.month()?;
    rest.take(b" -/")?;
    let year = rest.digits(4)?;
    rest.take(b" :T")?;
    let time = rest.time()?;
    Some(Written { at: at(year, month, day, time)?, zone: rest.zone(), left_out: LeftOut::Nothing })
}

/// `Nov 29 03:44:54`, `Nov 29 03:44:54.233 2026` and `Nov 29, 2026 3:44:54 AM`.
fn month_first(text: &[u8]) -> Option<Written> {
    let mut rest = Cursor(text);
    let month = rest.month()?;
    rest.take(b" ")?;
    rest.spaces();
    let day = rest.digits_up_to(2)?;
    let year_first = rest.take(b",").is_some();
    rest.take(b" ")?;
    let mut year = if year_first { Some(rest.digits(4)?) } else { None };
    rest.spaces();
    let mut time = rest.time()?;
    match (year_first, rest.half_of_day()) {
        (true, Some(afternoon)) => time.hour = time.hour % 12 + if afternoon { 12 } else { 0 },
        (false, None) => year = rest.year_after(),
        _ => {}
    }
    let left_out = if year.is_some() { LeftOut::Nothing } else { LeftOut::Year };
    // A leap year, so that it has every day.
    let at = at(year.unwrap_or(2000), month, day, time)?;
    Some(Written { at, zone: rest.zone(), left_out })
}

/// `I1129 03:44:54.233581`, with the year before the month in some programs: all four digits
/// of it, or two where the time is in UTC.
fn level_and_date(text: &[u8]) -> Option<Written> {
    let mut rest = Cursor(text);
    rest.take(b"IWEFDVC")?;
    let date = rest.digits_between(4, 8)?;
    let number = |range: std::ops::Range<usize>| Cursor(&date[range]).digits(2);
    let (year, of_day) = match date.len() {
        4 => (None, 0),
        6 => (Some(2000 + number(0..2)?), 2),
        8 => (Some(number(0..2)? * 100 + number(2..4)?), 4),
        _ => return None,
    };
    let (month, day) = (number(of_day..of_day + 2)?, number(of_day + 2..of_day + 4)?);
    rest.take(b" ")?;
    let time = rest.time()?;
    let zone = (date.len() == 6).then_some(Offset::UTC);
    let left_out = if year.is_some() { LeftOut::Nothing } else { LeftOut::Year };
    Some(Written { at: at(year.unwrap_or(2000), month, day, time)?, zone, left_out })
}

/// `03:44:54.233` alone.
fn time_of_day(text: &[u8]) -> Option<Written> {
    let mut rest = Cursor(text);
    let time = rest.time()?;
    Some(Written { at: at(2000, 1, 1, time)?, zone: rest.zone(), left_out: LeftOut::Day })
}

fn at(year: u32, month: u32, day: u32, time: super::cursor::Time) -> Option<DateTime> {
    DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        i8::try_from(time.hour).ok()?,
        i8::try_from(time.minute).ok()?,
        // A leap second is the last of its minute.
        i8::try_from(time.second.min(59)).ok()?,
        i32::try_from(time.nanosecond).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests;
