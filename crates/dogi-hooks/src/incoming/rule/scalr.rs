//! Signatures as Scalr makes them: hexadecimal HMAC-SHA-1 over body and date.
//! Source: <https://scalr-wiki.atlassian.net/wiki/spaces/docs/pages/6193173/Webhooks>.

use ring::hmac;
use time::{Date, Month, PrimitiveDateTime, Time};

use super::Why;
use crate::incoming::secret::same;
use crate::incoming::{Argument, Missing, Request, Secret, Source};

/// How far the date may be away from when the request came, in seconds.
const TOLERANCE: u64 = 300;

/// `scalr-signature`, in the headers `X-Signature` and `Date`.
#[derive(Clone, Debug)]
pub struct Scalr {
    keys: Vec<hmac::Key>,
    signature: Argument,
    date: Argument,
}

impl Scalr {
    /// Signed with any of the secrets.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        let key = |secret: &Secret| {
            hmac::Key::new(
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                secret.expose().as_bytes(),
            )
        };
        let header = |name: &str| Argument {
            source: Source::Header(name.to_owned()),
        };
        Self {
            keys: secrets.iter().map(key).collect(),
            signature: header("X-Signature"),
            date: header("Date"),
        }
    }

    pub(super) fn check(&self, request: &Request) -> Result<(), Why> {
        let missing = |Missing(source)| Why::Missing(source);
        let given = self.signature.get(request).map_err(missing)?;
        let date = self.date.get(request).map_err(missing)?;
        let is_right = self.keys.iter().any(|key| {
            let mut context = hmac::Context::with_key(key);
            context.update(&request.received().body);
            context.update(&date);
            same(hex::encode(context.sign()).as_bytes(), &given)
        });
        if !is_right {
            return Err(Why::WrongSignature);
        }
        let signed_at = std::str::from_utf8(&date)
            .ok()
            .and_then(unix_time)
            .ok_or(Why::Undated)?;
        let received_at = i64::try_from(request.received().at).unwrap_or(i64::MAX);
        match received_at.abs_diff(signed_at) <= TOLERANCE {
            true => Ok(()),
            false => Err(Why::Outdated),
        }
    }
}

/// `Fri 08 Sep 2017 11:24:32 UTC`, as leniently as Go's `time.Parse` reads it: any number of
/// spaces, names in any case, an hour of one digit, a fraction of a second. The day of the week
/// need not be right. Any name of a zone counts as UTC, `GMT+3` too: Go keeps such an offset for
/// show, and the original was seen to do so.
fn unix_time(text: &str) -> Option<i64> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mut word = || words.next();
    // Go wants no space before the first word.
    let weekday = word().filter(|_| !text.starts_with(' '))?;
    one_of(weekday, &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])?;
    let day = digits(word()?, 2, 2)?;
    let month = one_of(
        word()?,
        &[
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ],
    )?;
    let year = digits(word()?, 4, 4)?;
    let time = clock(word()?)?;
    let is_zone = is_zone(word()?);
    if !is_zone || word().is_some() || text.ends_with(' ') {
        return None;
    }
    let month = Month::try_from(u8::try_from(month + 1).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let at = PrimitiveDateTime::new(date, time).assume_utc();
    Some(at.unix_timestamp())
}

fn one_of(word: &str, names: &[&str]) -> Option<usize> {
    names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(word))
}

fn digits(text: &str, least: usize, most: usize) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && (least..=most).contains(&text.len()))
        .then(|| text.parse().ok())
        .flatten()
}

fn clock(text: &str) -> Option<Time> {
    let whole = match text.split_once(['.', ',']) {
        Some((whole, fraction)) => digits(fraction.get(..1)?, 1, 1)
            .filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|_| whole)?,
        None => text,
    };
    let mut parts = whole.split(':');
    let mut part = |least| digits(parts.next()?, least, 2).and_then(|n| u8::try_from(n).ok());
    let (hour, minute, second) = (part(1)?, part(2)?, part(2)?);
    parts
        .next()
        .is_none()
        .then(|| Time::from_hms(hour, minute, second).ok())
        .flatten()
}

/// A name that Go takes for a zone's.
fn is_zone(name: &str) -> bool {
    if let Some(offset) = name.strip_prefix("GMT").filter(|rest| !rest.is_empty()) {
        return is_offset(offset);
    }
    let is_upper = name.bytes().all(|byte| byte.is_ascii_uppercase());
    match name.len() {
        3 if is_upper => true,
        4 if is_upper => name.ends_with('T') || name == "WITA",
        4 if matches!(name, "ChST" | "MeST") => true,
        5 if is_upper => name.ends_with('T'),
        _ => is_offset(name),
    }
}

/// `+3`, `-03`, `+0000`: hours, with any number of zeros before them.
fn is_offset(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    let hours = digits.trim_start_matches('0');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (hours.is_empty() || hours.parse::<u8>().is_ok_and(|hours| hours <= 23))
}
