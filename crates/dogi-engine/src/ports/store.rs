use std::fmt;

use dogi_job::{Event, RunId, Spec, Submit, UnixMillis};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Keeps what happened to each run, in order.
///
/// The engine records an event before it does what follows from it, and begins a new life by
/// reading all of them.
pub trait Store: fmt::Debug + Send + Sync {
    /// Adds an entry to a run. On return it is as safe as the entry asks for.
    ///
    /// # Errors
    /// Nothing was added; the same entry may be tried again.
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>>;

    /// At most `limit` runs after `after` with everything recorded of them, the oldest first; the
    /// last page is empty.
    fn load<'a>(
        &'a self,
        after: Option<&'a RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<History, StoreError>>;

    /// Forgets `run`. On return that is as safe as `safety` says.
    ///
    /// # Errors
    /// It is not forgotten, or not safely so; it may be tried again.
    fn forget<'a>(
        &'a self,
        run: &'a RunId,
        safety: Safety,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Whether something could be recorded now.
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Runs, each with everything that was recorded of it, in order.
pub type History = Vec<(RunId, Vec<Recorded>)>;

/// What is added to a run in one step: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The number of the record within the run, from 0.
    pub sequence: u64,
    /// What happened.
    pub recorded: Recorded,
    /// What was promised by it to whoever waits for a result, or settled.
    pub promises: Vec<PromiseChange>,
    /// How safe it has to be.
    pub safety: Safety,
}

/// How safe a record has to be before what follows from it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It survives the end of the process, however sudden. For what can be found out again after
    /// a power cut.
    Written,
    /// It survives a power cut.
    Synced,
}

/// A promise comes into being with the event that causes it, and goes with the one that settles
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromiseChange {
    /// Somebody is to be told.
    Made(Promise),
    /// It was told, or given up.
    Settled {
        /// Which promise.
        id: String,
    },
}

/// Somebody is to be told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The id that the receiver sees, the same for every try.
    pub id: String,
    /// Promises of one lane are told one after the other.
    pub lane: String,
    /// When it was made.
    pub at: UnixMillis,
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
    Submitted(Submission),
    /// Something happened to it.
    Event(Event),
}

/// What was submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// Whether it takes the place of what is alive.
    pub how: Submit,
    /// What it does.
    pub spec: Box<Spec>,
}

/// The store did not take or give something.
#[derive(Debug, thiserror::Error)]
#[error("the store could not {what}")]
pub struct StoreError {
    /// What it should have done, and with which run.
    pub what: String,
    /// Whether there is no room on its disk.
    pub full: bool,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
