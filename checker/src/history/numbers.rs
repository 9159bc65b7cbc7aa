//! Numbers that a reader cannot tell apart.
//!
//! JSON numbers are kept as 64-bit integers or doubles. Different numbers that are nearest to
//! one double would become equal, and a read of a value that nobody wrote would pass. So of
//! the numbers that one double stands for only its shortest spelling is taken, however it is
//! written; the others have more digits than a double holds, or are too small for one.

use serde_json::Value;

/// Whether `value`, as read from `line`, may stand for several numbers.
///
/// Cheap where `value` holds no double, which is nearly always.
pub(super) fn is_ambiguous(value: &Value, line: &[u8]) -> bool {
    holds_double(value) && holds_other_number(line)
}

fn holds_double(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(holds_double),
        Value::Object(fields) => fields.values().any(holds_double),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Whether a number outside strings is neither a 64-bit integer nor the shortest number
/// nearest to its double.
fn holds_other_number(line: &[u8]) -> bool {
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
        if is_another(token) {
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

fn is_another(token: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(token).ok().filter(|text| !text.starts_with('"')) else {
        return false;
    };
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return false;
    }
    let Ok(double) = text.parse::<f64>() else { return false };
    decimal(text) != decimal(&format!("{double:e}"))
}

/// The digits of a number without zeros around them, and the power of ten of the last one;
/// none if the power is beyond all doubles.
fn decimal(text: &str) -> Option<(String, i64)> {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    let power = exponent.checked_sub(fraction.len() as i64)?.checked_add(dropped as i64)?;
    Some((significant.to_owned(), power))
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
            "1e-400",
            "-3e-324",
            "9007199254740993.0",
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
            "1E+2",
            "100.00",
            "-0.0",
            "0e7",
            "5e-324",
            "9007199254740992.0",
            "0.000000000000000000000001",
            "{\"a\": 1.5, \"18446744073709551616\": \"18446744073709551617 \\\" 1\"}",
            "[18446744073709551615, 1.5]",
            "null",
        ] {
            assert!(!ambiguous(text), "{text}");
        }
    }
}
