use std::fmt;

use dogi_job::{Event, RunId, Spec, UnixMillis};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Keeps what happened to each run, in order.
///
/// The engine records an event before it does what follows from it.
pub trait Store: fmt::Debug + Send + Sync {
    /// Adds `record` as number `sequence` (from 0) of `run`. On return it is as safe as this
    /// store makes things.
    fn append<'a>(
        &'a self,
        run: &'a RunId,
        sequence: u64,
        record: Recorded,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Everything recorded of `run`, in order; empty if nothing is.
    fn load<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>>;

    /// Forgets `run`.
    fn forget<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Something that was recorded, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it happened.
    pub at: UnixMillis,
    /// What.
    pub record: Record,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The run was submitted.
    Submitted(Box<Spec>),
    /// Something happened to it.
    Event(Event),
}

/// The store did not take or give something.
#[derive(Debug, thiserror::Error)]
#[error("the store could not {what} the run {run}")]
pub struct StoreError {
    /// What it should have done.
    pub what: &'static str,
    /// For which run.
    pub run: RunId,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
