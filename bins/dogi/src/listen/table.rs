//! The connections there are, and which of them goes when there are too many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::activity::Activity;

/// A reader may pause this long before it can be made to give way to somebody else.
const STALLED: Duration = Duration::from_secs(30);

/// All open connections. Cloning gives another handle to the same table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    max: usize,
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    next: u64,
    open: BTreeMap<u64, Row>,
}

#[derive(Debug)]
struct Row {
    activity: Arc<Activity>,
    evicted: CancellationToken,
}

impl Table {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            rows: Arc::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // A panic while it was held leaves the rows whole: every change is one insert or remove.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, making room if it must. `None`: every connection is busy.
    pub(super) fn enter(&self, activity: Arc<Activity>) -> Option<Place> {
        let mut rows = self.rows();
        if rows.open.len() >= self.max {
            let victim = rows.victim()?;
            if let Some(row) = rows.open.remove(&victim) {
                row.evicted.cancel();
            }
        }
        let key = rows.next;
        rows.next += 1;
        let evicted = CancellationToken::new();
        rows.open.insert(
            key,
            Row {
                activity,
                evicted: evicted.clone(),
            },
        );
        Some(Place {
            table: self.clone(),
            key,
            evicted,
        })
    }
}

impl Rows {
    /// The connection that is missed least: idle longest, else stalled longest.
    fn victim(&self) -> Option<u64> {
        let longest = |age: fn(&Activity) -> Option<Duration>| {
            self.open
                .iter()
                .filter_map(|(key, row)| age(&row.activity).map(|age| (age, *key)))
                .max_by_key(|(age, key)| (*age, std::cmp::Reverse(*key)))
        };
        let stalled = || longest(Activity::stalled_for).filter(|(age, _)| *age >= STALLED);
        longest(Activity::idle_for)
            .or_else(stalled)
            .map(|(_, key)| key)
    }
}

/// A place in the table, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    table: Table,
    key: u64,
    evicted: CancellationToken,
}

impl Place {
    /// Resolves when somebody else needs the place. Cancel safe.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.rows().open.remove(&self.key);
    }
}
