//! Fields of a line of JSON that may hold its time, without reading the JSON: a line may be
//! cut, and of most lines nothing else matters.

/// How far into a line its time may stand.
const FIELDS_BYTES_MAX: usize = 4 << 10;

/// Names that loggers give the field, whatever their case.
const NAMES: [&[u8]; 10] = [
    b"ts",
    b"t",
    b"@t",
    b"time",
    b"timestamp",
    b"@timestamp",
    b"datetime",
    b"date",
    b"asctime",
    b"$date",
];

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Time<'l> {
    /// What follows the opening quote.
    Text(&'l [u8]),
    /// A number.
    Number(&'l [u8]),
}

/// Everything in `line` that may be its time, in order.
pub(super) fn times(line: &[u8]) -> impl Iterator<Item = Time<'_>> {
    let head = &line[..line.len().min(FIELDS_BYTES_MAX)];
    memchr::memchr_iter(b'"', head).filter_map(|quote| {
        let named = &head[quote + 1..];
        let value = NAMES.iter().find_map(|name| {
            let (found, rest) = named.split_at_checked(name.len())?;
            let rest = rest.strip_prefix(b"\"").filter(|_| found.eq_ignore_ascii_case(name))?;
            rest.trim_ascii_start().strip_prefix(b":")
        })?;
        let value = value.trim_ascii_start();
        match value.first()? {
            b'"' => Some(Time::Text(&value[1..])),
            b'0'..=b'9' => {
                let in_number = |byte: &u8| byte.is_ascii_digit() || b".eE+-".contains(byte);
                let length = value.iter().take_while(|byte| in_number(byte)).count();
                Some(Time::Number(&value[..length]))
            }
            _ => None,
        }
    })
}
