//! Waiting for a condition, with a deadline, instead of sleeping and hoping.

use std::{future::Future, time::Duration};

use crate::{Error, Result};

/// Long enough for a busy machine with two cores, short enough to find a hang.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// Asks `condition` until it gives a value, at most for [`DEADLINE`].
///
/// `what` completes the sentence "waited 30s for …".
///
/// # Errors
///
/// [`Error::Timeout`] when the deadline passes first.
///
/// # Cancel safety
///
/// Dropping the future drops the question that is being asked, and nothing else.
pub async fn until<T, F>(what: &str, condition: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    within(DEADLINE, what, condition).await
}

/// As [`until`], with another deadline.
///
/// # Errors
///
/// [`Error::Timeout`] when the deadline passes first.
///
/// # Cancel safety
///
/// As [`until`].
pub async fn within<T, F>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let timeout = |_| Error::Timeout {
        what: what.to_owned(),
        limit,
    };
    tokio::time::timeout(limit, asking).await.map_err(timeout)
}
