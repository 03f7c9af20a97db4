//! Whether an engine that was restarted reads a container's output again.
//!
//! With `--live-restore` a container outlives its engine, and the next one opens its output again: if
//! it learns where that is. It asks containerd, which asks the process that holds the container (its
//! shim) and waits some seconds. A shim that does not answer leaves the engine (20.10.24, tried) with a
//! container that runs and whose output it never reads, nor does it hear of the end. The shim does not
//! answer while it starts a command (`exec`) for an engine that was killed meanwhile, or on a machine
//! that is too busy. Neither the container nor its state shows that; what shows is:
//!
//! - A message of the engine's copy that is later than the first that the engine remembers of its
//!   present life was read in it: it hears.
//! - An engine that can't list a container's processes has not got hold of it.
//!
//! An engine that does not remember the container's start was restarted since, or has forgotten it: it
//! remembers 256 events, and each health check of any container is three of them. So where many are
//! remembered, only the list of processes tells.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use bytes::Bytes;
use futures::TryStreamExt;
use http::Method;
use time::OffsetDateTime;

use super::Container;
use super::ending::parse;
use super::messages::{Stamp, stamp_at};
use crate::error::EngineError;

/// An engine that has a container at hand lists its processes sooner.
const TO_LIST: Duration = Duration::from_secs(5);

/// With so many events of containers remembered, there may have been more, of whatever kind, than the engine
/// remembers: containers make most of them, and never less than a quarter.
const MANY: usize = 64;

/// What is known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hearing {
    /// The engine may have started later than the container; a later message than this is one that it
    /// has read itself. `None`: nothing is in doubt.
    doubtful_since: Option<Stamp>,
    /// It has started later, or else it would remember the container's start.
    restarted: bool,
}

impl Hearing {
    /// The copy has a message of that time.
    pub(super) fn heard(&mut self, stamp: Stamp) {
        self.doubtful_since = self.doubtful_since.filter(|since| stamp <= *since);
    }

    pub(super) fn is_in_doubt(self) -> bool {
        self.doubtful_since.is_some()
    }

    /// Whether it is in doubt and the engine was restarted for certain.
    pub(super) fn is_unheard(self) -> bool {
        self.restarted && self.is_in_doubt()
    }
}

impl Container {
    /// What the engine's memory says. Of a container that does not run and whose end it does not
    /// remember, it says nothing: then [`Ending::witnessed`](super::Ending::witnessed) is false. Nor does
    /// one that can't be read: it is only a hint.
    ///
    /// # Errors
    /// The engine is gone.
    pub(super) async fn hearing(&self, running: bool) -> Result<Hearing, EngineError> {
        match self.remembered_hearing(running).await {
            Err(error) if !error.is_engine_gone() => {
                tracing::debug!(%error, "the engine does not tell its events");
                Ok(Hearing::default())
            }
            told => told,
        }
    }

    async fn remembered_hearing(&self, running: bool) -> Result<Hearing, EngineError> {
        let fault = |err| self.docker.fault("tell its events", err);
        let client = self.docker.client();
        let info = client.info().await.map_err(fault)?;
        let now = parse(info.system_time).filter(|_| info.live_restore_enabled == Some(true));
        // Without it no container outlives its engine.
        let Some(now) = now else {
            return Ok(Hearing::default());
        };
        let options = EventsOptions {
            since: Some("0".to_owned()),
            until: Some(format!("{}.{:09}", now.unix_timestamp(), now.nanosecond())),
            filters: Some(HashMap::from([(
                "type".to_owned(),
                vec!["container".to_owned()],
            )])),
        };
        let events: Vec<_> = client
            .events(Some(options))
            .try_collect()
            .await
            .map_err(fault)?;
        Ok(self.judge(&events, running, now))
    }

    fn judge(&self, events: &[EventMessage], running: bool, now: OffsetDateTime) -> Hearing {
        let remembers = |action| events.iter().any(|event| self.is_meant(event, action));
        if remembers("start") || !(running || remembers("die")) {
            return Hearing::default();
        }
        // After its own end it prints nothing: that would tell nothing.
        let times = events
            .iter()
            .filter(|event| !self.is_meant(event, "die"))
            .filter_map(time_of);
        let first = times.min().or(running.then_some(now));
        Hearing {
            doubtful_since: first.map(stamp_at),
            restarted: events.len() < MANY,
        }
    }

    fn is_meant(&self, event: &EventMessage, action: &str) -> bool {
        let actor = event.actor.as_ref().and_then(|actor| actor.id.as_deref());
        actor == Some(self.id.as_str()) && event.action.as_deref() == Some(action)
    }

    /// Whether the engine has got hold of the running container: whether it can tell, or says why not.
    pub(super) async fn is_at_hand(&self) -> bool {
        let path = self.path("top");
        let what = "list the container's processes";
        let list = self
            .docker
            .raw(what, Method::GET, &path, |builder| builder, Bytes::new());
        let listed = tokio::time::timeout(TO_LIST, list).await;
        !matches!(listed, Err(_) | Ok(Err(EngineError::TimedOut { .. })))
    }
}

fn time_of(event: &EventMessage) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(event.time_nano?.into()).ok()
}
