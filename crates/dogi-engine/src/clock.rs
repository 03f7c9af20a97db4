use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use dogi_job::UnixMillis;

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The moment it is now.
    fn now(&self) -> UnixMillis;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        // A clock set before 1970 counts as 1970.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
