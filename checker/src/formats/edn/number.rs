//! Numbers of EDN that 64 bits can tell apart.

use serde_json::{Number, Value};

use super::cursor::{Fault, utf8};

/// Significant digits that name a double; more may name two at once.
const DIGITS_MAX: usize = 17;

/// Reads a number; `None` if the token is none.
///
/// Refuses what would become equal to another number: integers beyond 64 bits, decimals with
/// more digits than a double has, those too large or too small for a double, fractions and
/// exact decimals. `5N` is 5, as in Clojure, and `-0.0` is `0.0`.
pub(super) fn number(token: &[u8]) -> Result<Option<Value>, Fault> {
    let digits = match token {
        [b'+' | b'-', rest @ ..] | rest => rest,
    };
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return Ok(None);
    }
    let whole = digits.strip_suffix(b"N").unwrap_or(digits);
    if whole.iter().all(u8::is_ascii_digit) {
        return integer(token, whole, token.first() == Some(&b'-')).map(Some);
    }
    decimal(token, digits).map(Some)
}

fn integer(token: &[u8], digits: &[u8], is_negative: bool) -> Result<Value, Fault> {
    const EXPECTED: &str = "an integer of 64 bits; record larger ones as strings";
    if digits.len() > 1 && digits[0] == b'0' {
        return Err(Fault::at("an integer without leading zeros", token));
    }
    let mut magnitude: u64 = 0;
    for digit in digits {
        magnitude = magnitude
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit - b'0')))
            .ok_or_else(|| Fault::at(EXPECTED, token))?;
    }
    if is_negative {
        let negative = 0_i64.checked_sub_unsigned(magnitude);
        negative.map(Value::from).ok_or_else(|| Fault::at(EXPECTED, token))
    } else {
        Ok(Value::from(magnitude))
    }
}

fn decimal(token: &[u8], digits: &[u8]) -> Result<Value, Fault> {
    const EXPECTED: &str = "an integer or a decimal that 64 bits tell apart from all others; \
                            record other numbers as strings";
    let fault = || Fault::at(EXPECTED, token);
    let text = utf8(token)?;
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let mantissa = digits.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
    let significant: Vec<u8> = mantissa
        .iter()
        .copied()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0')
        .collect();
    if !digits.iter().all(is_part) || significant.len() > DIGITS_MAX {
        return Err(fault());
    }
    let double: f64 = text.parse().map_err(|_| fault())?;
    if !double.is_normal() && !significant.is_empty() {
        return Err(fault());
    }
    // Adding zero makes one zero of the two.
    Number::from_f64(double + 0.0).map(Value::Number).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_told_apart_or_refused() {
        for (text, expected) in [
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+5", json!(5)),
            ("5N", json!(5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1.0", json!(1.0)),
            ("-0.0", json!(0.0)),
            ("1e300", json!(1e300)),
            ("0.30000000000000004", json!(0.300_000_000_000_000_04)),
        ] {
            assert_eq!(number(text.as_bytes()).expect(text), Some(expected), "{text}");
        }
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "99999999999999999999999999N",
            "1/3",
            "1.5M",
            "017",
            "0x1f",
            "2r101",
            "1e999",
            "1e-999",
            "0.12345678901234567890",
            "1.2.3",
            "1e",
            "12abc",
        ] {
            assert!(number(text.as_bytes()).is_err(), "{text}");
        }
        for text in ["abc", "-", "+x", "nil", ""] {
            assert_eq!(number(text.as_bytes()).expect(text), None, "{text}");
        }
    }
}
