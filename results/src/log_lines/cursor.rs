//! The small pieces that written times are made of.

use jiff::tz::Offset;

/// What is left of a text that is read from its start.
pub(super) struct Cursor<'t>(pub(super) &'t [u8]);

/// A time of day, as written.
#[derive(Clone, Copy)]
pub(super) struct Time {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) nanosecond: u32,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

impl<'t> Cursor<'t> {
    fn skip(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }

    /// One byte of `wanted`.
    pub(super) fn take(&mut self, wanted: &[u8]) -> Option<u8> {
        let first = *self.0.first().filter(|byte| wanted.contains(byte))?;
        self.skip(1);
        Some(first)
    }

    pub(super) fn spaces(&mut self) {
        while self.take(b" ").is_some() {}
    }

    /// All digits that stand here, if there are `min` to `max`.
    pub(super) fn digits_between(&mut self, min: usize, max: usize) -> Option<&'t [u8]> {
        let count = self.0.iter().take(max + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if !(min..=max).contains(&count) {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(digits)
    }

    /// A number of exactly `count` digits, which more may follow.
    pub(super) fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count)?;
        let value = number(digits)?;
        self.skip(count);
        Some(value)
    }

    /// A number of at most `max` digits.
    pub(super) fn digits_up_to(&mut self, max: usize) -> Option<u32> {
        number(self.digits_between(1, max)?)
    }

    /// A month by the first three letters of its name, which no further ones may follow.
    pub(super) fn month(&mut self) -> Option<u32> {
        let name = self.0.get(..3)?.to_ascii_lowercase();
        let index = MONTHS.iter().position(|month| name == month[..])?;
        self.skip(3);
        u32::try_from(index + 1).ok()
    }

    /// `03:44:54` or `034454`, with a fraction or not.
    pub(super) fn time(&mut self) -> Option<Time> {
        let (hour, minute, second) = match self.digits_between(1, 2) {
            Some(hour) => {
                self.take(b":")?;
                let minute = self.digits(2)?;
                self.take(b":")?;
                (number(hour)?, minute, self.digits(2)?)
            }
            None => (self.digits(2)?, self.digits(2)?, self.digits(2)?),
        };
        if self.0.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let has_fraction = matches!(self.0, [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        let nanosecond = if has_fraction {
            self.skip(1);
            self.fraction()?
        } else {
            0
        };
        Some(Time { hour, minute, second, nanosecond })
    }

    /// The digits behind the point, as billionths; those beyond the ninth are left out.
    pub(super) fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &self.0[..count.min(9)];
        let value = number(digits)? * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?);
        self.skip(count);
        Some(value)
    }

    /// `Z`, `UTC`, `+01:00`, `+0100` or `+01`, perhaps after a space.
    pub(super) fn zone(&mut self) -> Option<Offset> {
        let spaced = self.0.first() == Some(&b' ');
        let text = if spaced { &self.0[1..] } else { self.0 };
        let ends =
            |length: usize| text.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let named = |name: &[u8]| text.starts_with(name) && ends(name.len());
        if named(b"Z") || named(b"z") || named(b"UTC") || named(b"GMT") {
            return Some(Offset::UTC);
        }
        let mut rest = Cursor(text);
        let sign = if rest.take(b"+-")? == b'-' { -1 } else { 1 };
        let hours = rest.digits(2)?;
        let minutes = match (rest.take(b":"), rest.digits(2)) {
            (_, Some(minutes)) => minutes,
            // Without minutes a number after a space is likely something else.
            (None, None) if !spaced => 0,
            (_, None) => return None,
        };
        // Zones are whole quarters of an hour, the farthest at 14 hours.
        if hours > 14
            || minutes > 45
            || minutes % 15 > 0
            || rest.0.first().is_some_and(u8::is_ascii_alphanumeric)
        {
            return None;
        }
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        Offset::from_seconds(sign * seconds).ok()
    }

    /// ` AM` or ` PM`: whether it is after noon.
    pub(super) fn half_of_day(&mut self) -> Option<bool> {
        let afternoon = match self.0.get(..3)? {
            b" AM" | b" am" => false,
            b" PM" | b" pm" => true,
            _ => return None,
        };
        self.skip(3);
        Some(afternoon)
    }

    /// A space and a year, as stand at the very end of some times.
    pub(super) fn year_after(&mut self) -> Option<u32> {
        let mut rest = Cursor(self.0);
        rest.take(b" ")?;
        let year = number(rest.digits_between(4, 4)?).filter(|year| (1970..2200).contains(year))?;
        self.0 = rest.0;
        Some(year)
    }
}

/// The value of at most nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
