//! What the network between nodes does to messages when nobody meddles with it.

use std::{collections::BTreeMap, time::Duration};

/// The longest latency and jitter.
const DELAY_MAX: Duration = Duration::from_secs(10);
/// What the options are called, and what each may be.
const OPTIONS: &[(&str, &str)] = &[
    ("latency", "a time such as 5ms, up to 10s"),
    ("jitter", "a time such as 5ms, up to 10s"),
    ("loss", "a probability from 0 up to 0.99"),
];

/// What becomes of each message from one node to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// The least time it is under way beyond what the real network takes.
    pub latency: Duration,
    /// The most that is added to that, drawn evenly for each message: messages overtake each other.
    pub jitter: Duration,
    /// The probability with which it is lost, below 1.
    pub loss: f64,
}

impl Weather {
    /// The weather that `options` describe; what they leave out is nought.
    ///
    /// # Errors
    /// Names the option that there is not or that cannot be so, and what it may be.
    pub fn of(options: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut weather = Self::default();
        for (name, value) in options {
            let Some((_, bounds)) = OPTIONS.iter().find(|(known, _)| known == name) else {
                let known: Vec<_> = OPTIONS.iter().map(|(name, _)| *name).collect();
                return Err(format!("use the option `{name}`: there is {}", known.join(", ")));
            };
            let wrong = || format!("use {name}={value}: it must be {bounds}");
            match name.as_str() {
                "latency" => weather.latency = delay(value).ok_or_else(wrong)?,
                "jitter" => weather.jitter = delay(value).ok_or_else(wrong)?,
                _ => weather.loss = probability(value).ok_or_else(wrong)?,
            }
        }
        Ok(weather)
    }
}

fn delay(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    humantime::parse_duration(text).ok().filter(|delay| *delay <= DELAY_MAX)
}

fn probability(text: &str) -> Option<f64> {
    text.parse().ok().filter(|loss| (0.0..=0.99).contains(loss))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &[(&str, &str)]) -> Result<Weather, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Weather::of(&options.iter().map(owned).collect())
    }

    #[test]
    fn options_are_read_and_what_is_wrong_is_named_with_what_it_may_be() {
        let ms = Duration::from_millis;
        let read = of(&[("latency", "5ms"), ("jitter", "0"), ("loss", "0.25")]);
        let expected = Weather { latency: ms(5), jitter: ms(0), loss: 0.25 };
        assert_eq!(read, Ok(expected));
        assert_eq!(of(&[]), Ok(Weather::default()));
        for (name, value) in [
            ("latency", "5"),
            ("latency", "11s"),
            ("jitter", "-1ms"),
            ("loss", "1"),
            ("loss", "-0.1"),
            ("loss", "NaN"),
        ] {
            let error = of(&[(name, value)]).expect_err(value);
            assert!(error.contains(&format!("{name}={value}: it must be")), "{error}");
        }
        let error = of(&[("lag", "5ms")]).expect_err("no such option");
        assert!(error.contains("`lag`") && error.contains("latency, jitter, loss"), "{error}");
    }
}
