use std::{fmt, time::Duration};

use dogi_job::{Outcome, Report, RunStatus};
use futures::future::BoxFuture;

/// Tells forges and people what becomes of runs.
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Tries once. It may be dropped half-way, and the same thing told again.
    fn tell<'a>(&'a self, notice: Notice<'a>) -> BoxFuture<'a, Told>;
}

/// One try to tell something.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The same for every try and after every restart, so that the receiver can tell a repetition.
    pub id: &'a str,
    /// To whom.
    pub report: &'a Report,
    /// What.
    pub outcome: Outcome,
    /// Of which run, and how it stands.
    pub status: &'a RunStatus,
    /// What the run printed.
    pub log: &'a dogi_stream::Log,
    /// Counts from 0.
    pub attempt: u32,
    /// How long ago the first try was; zero for the first.
    pub since_first: Duration,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is told.
    Accepted,
    /// It is to be tried again.
    Retry {
        /// After this.
        after: Duration,
        /// What was wrong.
        reason: String,
    },
    /// It never will be.
    GivenUp {
        /// What was wrong.
        reason: String,
    },
}

/// The notifier of an engine that tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNotifier;

impl Notifier for NoNotifier {
    fn tell<'a>(&'a self, _: Notice<'a>) -> BoxFuture<'a, Told> {
        let reason = "this server tells nobody".to_owned();
        Box::pin(async { Told::GivenUp { reason } })
    }
}
