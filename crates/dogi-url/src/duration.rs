//! Durations as people write them: `90s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

use crate::InvalidValue;

/// Longest duration, in milliseconds: ten years of 365 days.
const MAX_MILLIS: u64 = 3650 * 86_400_000;

/// Units from the largest to the smallest, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a duration: whole numbers with the units `d`, `h`, `m`, `s`, `ms`, the larger first; a
/// number alone counts seconds.
///
/// # Errors
/// When the text is something else, is nothing (`0s`), or longer than ten years.
pub fn parse(text: &str) -> Result<Duration, InvalidValue> {
    let fail = |reason: &'static str| {
        let allowed = "whole numbers with units d, h, m, s, ms, as `90s` or `1h30m`";
        Err(InvalidValue::new("a duration", text, reason, allowed))
    };
    let millis = match text.bytes().all(|b| b.is_ascii_digit()) {
        true => number(text).and_then(|seconds| seconds.checked_mul(1000)),
        false => sum(text),
    };
    match millis {
        None => fail(""),
        Some(0) => fail("it is no time at all"),
        Some(millis) if millis > MAX_MILLIS => fail("it is longer than ten years"),
        Some(millis) => Ok(Duration::from_millis(millis)),
    }
}

/// Writes a duration so that [`parse`] reads it back; parts of a millisecond are dropped.
pub fn format(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, millis) in UNITS {
        let count = rest / millis;
        rest %= millis;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

fn sum(mut text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut previous = u64::MAX;
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let count = number(&text[..digits])?;
        let unit_and_rest = &text[digits..];
        let end = unit_and_rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(unit_and_rest.len());
        let (unit, rest) = unit_and_rest.split_at(end);
        let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        if millis >= previous {
            return None;
        }
        total = total.checked_add(count.checked_mul(millis)?)?;
        previous = millis;
        text = rest;
    }
    Some(total)
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

/// `#[serde(with = "…")]` for an optional duration, as text.
pub mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the duration as [`super::format`] does.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(super::format).serialize(serializer)
    }

    /// Reads the duration as [`super::parse`] does.
    ///
    /// # Errors
    /// Those of the deserializer, and when it is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse(&text))
            .transpose()
            .map_err(serde::de::Error::custom)
    }
}
