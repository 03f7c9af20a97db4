//! What forges mean by their answers.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde_json::Value;

use super::StatusApi;
use crate::{Outcome, forge::Forge, forge::inert, retry_after};

/// How much of a forge's own words is quoted, in characters.
const QUOTED: usize = 300;

/// GitHub's advice where a limit has no end that it tells: "wait for at least one minute"
/// ([rate limits]).
///
/// [rate limits]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
const A_MINUTE: Duration = Duration::from_secs(60);

pub(super) fn read(
    api: &StatusApi,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Outcome {
    let message = message(body);
    if matches!(status, 200..=299) || is_told_already(api.forge(), status, &message) {
        return Outcome::Told;
    }
    let reason = reason(api, status, &message);
    let limit = limit(status, headers, &message, now);
    match status {
        429 | 408 | 500..=599 => Outcome::Retry {
            after: limit,
            reason,
        },
        403 if limit.is_some() => Outcome::Retry {
            after: limit,
            reason,
        },
        _ => Outcome::Refused { reason },
    }
}

/// GitLab's statuses are a state machine that has no step from a state to itself, so that the second
/// of two equal ones is answered with 400 and, for one, `Cannot transition status via :enqueue from
/// :pending`.
fn is_told_already(forge: Forge, status: u16, message: &str) -> bool {
    forge == Forge::GitLab && status == 400 && message.contains("Cannot transition status")
}

/// How long a rate limit lasts. GitHub answers 403 or 429 with `Retry-After`, or with
/// `x-ratelimit-remaining: 0` and the end in `x-ratelimit-reset`, or with neither ([rate limits]);
/// GitLab answers 429 with `Retry-After`, or with `RateLimit-Remaining` and `RateLimit-Reset`
/// ([response headers]).
///
/// [rate limits]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
/// [response headers]: https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers
fn limit(status: u16, headers: &HeaderMap, message: &str, now: SystemTime) -> Option<Duration> {
    let told = retry_after(headers, now);
    if told.is_some() || !matches!(status, 403 | 429) {
        return told;
    }
    let reset = ["x-ratelimit", "ratelimit"]
        .into_iter()
        .find_map(|prefix| reset(headers, prefix, now));
    let is_limit = || message.to_ascii_lowercase().contains("rate limit");
    reset.or_else(|| is_limit().then_some(A_MINUTE))
}

/// The time until the end of a limit that is used up.
fn reset(headers: &HeaderMap, prefix: &str, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| -> Option<u64> {
        let value = headers.get(format!("{prefix}-{name}"))?;
        value.to_str().ok()?.trim().parse().ok()
    };
    if number("remaining") != Some(0) {
        return None;
    }
    let end = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(number("reset")?))?;
    Some(end.duration_since(now).unwrap_or_default())
}

/// What the forge says in its own words; nothing where it says nothing that is one.
fn message(body: &[u8]) -> String {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let mut words = ["message", "error"]
        .into_iter()
        .filter_map(|key| answer.get(key))
        .map(text)
        .collect::<Vec<_>>();
    // GitHub's "Validation Failed" says in a list of errors what failed.
    let errors = answer.get("errors").and_then(Value::as_array);
    words.extend(errors.into_iter().flatten().map(|error| {
        let message = error.get("message").or_else(|| error.get("code"));
        text(message.unwrap_or(error))
    }));
    words.retain(|word| !word.is_empty());
    words.join(": ")
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn reason(api: &StatusApi, status: u16, message: &str) -> String {
    let begin = format!("{} answered {status}", api.forge());
    if message.is_empty() {
        return match status {
            300..=399 => format!("{begin}, a redirect, which is not followed"),
            _ => begin,
        };
    }
    // Struck out before it is cut: half a token is a secret, too.
    let quoted = api.strike_out(message);
    let mut shown: String = quoted.chars().take(QUOTED).map(inert).collect();
    if quoted.chars().nth(QUOTED).is_some() {
        shown.push('…');
    }
    format!("{begin}: {shown}")
}
