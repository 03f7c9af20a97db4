use std::time::Duration;

use crate::{Next, Outcome, retry::SHORTEST};

/// When a status or a mail is tried again. Pure: time and chance are given.
///
/// It differs from a [`RetryPolicy`](crate::RetryPolicy) in that nobody waits for it: a forge that is
/// down for the night shall hear in the morning what became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long after the first attempt's beginning the last one may begin.
    pub window: Duration,
    /// The longest wait before the first repetition; it doubles each time.
    pub first_delay: Duration,
    /// No wait is longer, but for one that the other side asked for.
    pub longest_delay: Duration,
}

/// For at most 24 hours, after at most 10, 20, 40 … seconds, and in the end every 30 minutes.
impl Default for Patience {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(24 * 60 * 60),
            first_delay: Duration::from_secs(10),
            longest_delay: Duration::from_secs(30 * 60),
        }
    }
}

impl Patience {
    /// What to do after attempt number `attempt`, the first being 1, that ended `elapsed` after the
    /// first one began.
    ///
    /// `random`, from 0 to 1, spreads what failed together: a wait is between half and all of its
    /// length. What the other side asks for is obeyed and never shortened; when it reaches beyond the
    /// window, that is the end.
    #[must_use]
    pub fn next(&self, attempt: u32, elapsed: Duration, outcome: &Outcome, random: f64) -> Next {
        let random = random.clamp(0.0, 1.0);
        let delay = match outcome {
            Outcome::Told | Outcome::Refused { .. } => return Next::Stop,
            Outcome::Retry {
                after: Some(asked), ..
            } => {
                let asked = (*asked).max(SHORTEST);
                asked.saturating_add(SHORTEST.mul_f64(random))
            }
            Outcome::Retry { after: None, .. } => self.delay(attempt).mul_f64(0.5 + random / 2.0),
        };
        match elapsed.checked_add(delay) {
            Some(begin) if begin <= self.window => Next::RetryAfter(delay),
            _ => Next::Stop,
        }
    }

    fn delay(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_delay
            .saturating_mul(factor)
            .min(self.longest_delay)
    }
}
