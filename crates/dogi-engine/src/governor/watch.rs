//! When the governor acts by itself.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{NoRoom, collect::tend};
use crate::engine::Shared;

/// The longest time between two looks.
const INTERVAL: Duration = Duration::from_secs(60);
/// What belongs to no run is looked for again, such as what the engine made after it was given up.
const SWEEP: Duration = Duration::from_secs(600);
/// Many runs that end at once are one reason to look.
const DEBOUNCE: Duration = Duration::from_secs(2);
/// How long a submission waits for room to be made: a busy engine takes seconds to list its images.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after room was looked for in vain it is not looked for again.
const HOPELESS: Duration = Duration::from_secs(1);

/// Looks after the disk from now on, until nobody has the engine any more.
pub(crate) fn watch(shared: &Arc<Shared>) {
    let wake = shared.governor.wake.clone();
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        let mut swept = Instant::now();
        while let Some(shared) = shared.upgrade() {
            tend(&shared).await;
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                shared.sweep_once().await;
            }
            drop(shared);
            if tokio::time::timeout(INTERVAL, wake.notified())
                .await
                .is_ok()
            {
                tokio::time::sleep(DEBOUNCE).await;
            }
        }
    });
}

/// That there is room for another run; makes some if there is not.
///
/// Cancel safe: room that is being made is made.
pub(crate) async fn admit(shared: &Arc<Shared>) -> Result<(), NoRoom> {
    let governor = &shared.governor;
    let Err(full) = governor.has_room() else {
        return Ok(());
    };
    let tried = *governor.relieved();
    if tried.is_some_and(|at| at.elapsed() < HOPELESS) {
        return Err(full);
    }
    let copy = shared.clone();
    let relief = tokio::spawn(async move {
        // Whoever had the turn may have made the room.
        if copy.governor.has_room().is_err() {
            tend(&copy).await;
        }
        *copy.governor.relieved() = Some(Instant::now());
    });
    // What takes longer goes on, for whoever comes next.
    let _ = tokio::time::timeout(PATIENCE, relief).await;
    governor.has_room()
}

impl super::Governor {
    fn relieved(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.relieved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
