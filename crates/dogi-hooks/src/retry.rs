use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

use crate::Attempt;

/// A receiver that asks to come again at once is given this long nevertheless.
pub(crate) const SHORTEST: Duration = Duration::from_secs(1);

/// When a callback is sent again. Pure: time and chance are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it is sent again after the first time.
    pub retries: u32,
    /// How long after the first attempt's beginning the last one may begin.
    pub window: Duration,
    /// The longest wait before the first repetition; it doubles each time.
    pub first_delay: Duration,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send it again after this time.
    RetryAfter(Duration),
    /// It was taken, or will not be.
    Stop,
}

/// Five times within ten minutes, after at most 10, 20, 40, 80 and 160 seconds.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 5,
            window: Duration::from_secs(600),
            first_delay: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// What to do after attempt number `attempt`, the first being 1, that ended
    /// `elapsed` after the first one began.
    ///
    /// `random`, from 0 to 1, spreads the callbacks of many jobs that failed together:
    /// the wait is between half and all of its length. A receiver's `Retry-After` is
    /// obeyed and never shortened; when it reaches beyond the window, that is the end.
    pub fn next(&self, attempt: u32, elapsed: Duration, outcome: &Attempt, random: f64) -> Next {
        if !outcome.is_worth_repeating() || attempt > self.retries {
            return Next::Stop;
        }
        let random = random.clamp(0.0, 1.0);
        let delay = match outcome {
            Attempt::Answered(answer) if answer.retry_after.is_some() => {
                let asked = answer.retry_after.unwrap_or_default().max(SHORTEST);
                asked.saturating_add(SHORTEST.mul_f64(random))
            }
            _ => self.delay(attempt).mul_f64(0.5 + random / 2.0),
        };
        match elapsed.checked_add(delay) {
            Some(begin) if begin <= self.window => Next::RetryAfter(delay),
            _ => Next::Stop,
        }
    }

    fn delay(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_delay.saturating_mul(factor).min(self.window)
    }
}

/// How long a receiver asks to be left alone, in seconds or until a date (RFC 9110,
/// section 10.2.3). None where it says nothing, or nothing that can be understood.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}
