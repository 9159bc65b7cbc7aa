//! Numbers that a reader cannot tell apart.
//!
//! JSON numbers are kept as 64-bit integers or doubles. Two different numbers with more
//! digits than a double holds would become equal, and a read of a value that nobody wrote
//! would pass. So they are refused.

use serde_json::Value;

/// Significant digits that name a double; more may name two at once.
const DIGITS_MAX: usize = 17;

/// Whether `value`, as read from `line`, may stand for several numbers.
///
/// Cheap where `value` holds no double, which is nearly always.
pub(super) fn is_ambiguous(value: &Value, line: &[u8]) -> bool {
    holds_double(value) && holds_long_number(line)
}

fn holds_double(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(holds_double),
        Value::Object(fields) => fields.values().any(holds_double),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Whether a number outside strings is no 64-bit integer and has more significant digits
/// than a double names.
fn holds_long_number(line: &[u8]) -> bool {
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        let length = match byte {
            b'"' => 1 + string_length(after),
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                rest.iter().take_while(|byte| is_part(byte)).count()
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        if is_long(token) {
            return true;
        }
        rest = after;
    }
    false
}

/// The length of a string and its closing quote, from after the opening one.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (index, &byte) in text.iter().enumerate() {
        if byte == b'"' && !escaped {
            return index + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    text.len()
}

fn is_long(token: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(token).ok().filter(|text| !text.starts_with('"')) else {
        return false;
    };
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return false;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0');
    digits.count() > DIGITS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ambiguous(text: &str) -> bool {
        let value: Value = serde_json::from_str(text).unwrap();
        is_ambiguous(&value, text.as_bytes())
    }

    #[test]
    fn numbers_beyond_a_double_are_ambiguous() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "0.10000000000000000001",
            "[1, {\"a\": 123456789012345678.5}]",
        ] {
            assert!(ambiguous(text), "{text}");
        }
    }

    #[test]
    fn what_64_bits_hold_is_not() {
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "0.30000000000000004",
            "1e300",
            "0.000000000000000000000001",
            "{\"a\": 1.5, \"18446744073709551616\": \"18446744073709551617 \\\" 1\"}",
            "[18446744073709551615, 1.5]",
            "null",
        ] {
            assert!(!ambiguous(text), "{text}");
        }
    }
}
