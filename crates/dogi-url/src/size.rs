//! Amounts of memory, disk and processor.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// Reads an amount of bytes: a whole number with `b`, `k`, `m`, `g` or `t`, optionally followed by
/// `b` or `ib`, in any case. All of them count in powers of 1024, as Docker's do; a number alone
/// counts bytes.
///
/// # Errors
/// When the text is something else or does not fit into 63 bits.
pub fn parse_bytes(text: &str) -> Result<u64, InvalidValue> {
    bytes(text).ok_or_else(|| {
        let allowed = "a whole number with b, k, m, g or t, as `512m` or `1GiB`";
        InvalidValue::new("an amount of bytes", text, "", allowed)
    })
}

/// Writes an amount of bytes so that [`parse_bytes`] reads it back: `512MiB`, `1000B`.
pub fn format_bytes(bytes: u64) -> String {
    let (unit, shift) = UNITS
        .into_iter()
        .find(|(_, shift)| bytes != 0 && bytes.trailing_zeros() >= *shift)
        .unwrap_or(("B", 0));
    format!("{}{unit}", bytes >> shift)
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes <= i64::MAX as u64)
}

/// A share of processors, written `0.5`: at least a hundredth, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpus(u64);

const NANOS: u64 = 1_000_000_000;

impl Cpus {
    /// From billionths of a processor, as Docker's API counts them.
    ///
    /// # Errors
    /// When it is less than a hundredth or more than 4096 processors.
    pub fn from_nanos(nanos: u64) -> Result<Self, InvalidValue> {
        match (NANOS / 100..=4096 * NANOS).contains(&nanos) {
            true => Ok(Self(nanos)),
            false => Err(Self::error(&Self(nanos).to_string())),
        }
    }

    /// In billionths of a processor, as Docker's API counts them.
    pub fn nanos(self) -> u64 {
        self.0
    }

    fn error(text: &str) -> InvalidValue {
        let allowed = "a decimal number from 0.01 to 4096, at most 9 digits after the point";
        InvalidValue::new("a number of processors", text, "", allowed)
    }
}

impl FromStr for Cpus {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decimal(text)
            .and_then(|nanos| Self::from_nanos(nanos).ok())
            .ok_or_else(|| Self::error(text))
    }
}

fn decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction = format!("{fraction:0<9}").parse::<u64>().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(NANOS)?
        .checked_add(fraction)
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.0 / NANOS, self.0 % NANOS);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl TryFrom<String> for Cpus {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cpus> for String {
    fn from(cpus: Cpus) -> String {
        cpus.to_string()
    }
}
