//! Whether a container ended by itself, or because its engine did.
//!
//! An engine that is stopped ends its containers, unless it runs with `--live-restore`, and an engine
//! that comes back after a crash ends what still runs. To a client both look like an ordinary end. What is
//! known (engine 20.10.24, tried):
//!
//! - A stopping engine closes its listener *before* it ends its first container. So whoever sees an end and
//!   then gets a fresh connection answered by the same engine has seen an end that the engine did not cause.
//! - It ends a container by the container's own stop signal, and the exit code is what the program makes
//!   of it, 0 perhaps. Therefore containers made here have SIGKILL as stop signal
//!   ([`Container::stop`] sends another one itself): an end by the engine is 137, always.
//! - After a machine's crash (or the engine's, when the end fell into it) the code is 255, and the
//!   engine's own start is given as the time of the end.
//! - A restart shows: the events that an engine remembers, the last 256, are those of its present life;
//!   and without `--live-restore` the network `bridge`, where there is one, is made anew by each start.
//! - With `--live-restore`, the last output of a container that ends while the engine is away is lost,
//!   up to what a pipe holds: nobody reads it.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::EventsOptions;
use futures::TryStreamExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::wait::KILLED;
use super::{Container, Exit};
use crate::error::EngineError;

/// Exit code where nobody knows it.
const UNKNOWN: i64 = 255;
/// The engine tells waiters of an end a moment before it remembers the event.
const EVENT_LOOKS: usize = 20;
const EVENT_PAUSE: Duration = Duration::from_millis(50);

/// How a container ended, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// As the engine has it.
    pub exit: Exit,
    /// Because its engine stopped or crashed: the exit code says nothing about the program.
    pub by_engine: bool,
    /// Whether the engine was there when it ended, for certain. Otherwise the last of its output
    /// may be lost.
    pub witnessed: bool,
    /// Whether the engine was there from its start to its end, for certain: what was attached to it
    /// has all of its output.
    pub uninterrupted: bool,
}

/// What can be found out about the engine and a container's end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Whether containers outlive the engine.
    pub live_restore: bool,
    /// Whether the engine remembers that the container started.
    pub start: bool,
    /// Whether the engine remembers that it ended.
    pub die: bool,
    /// Whether the engine remembers that it was ordered to.
    pub stop: bool,
    /// Whether the engine started after the container, where that shows.
    pub restarted: Option<bool>,
}

impl Container {
    /// Waits until the container does not run, and for an engine that is away, without end; then tells how
    /// it ended and whether that was its engine's doing. Cancel safe.
    ///
    /// # Errors
    /// The container is gone (404), or the engine refuses.
    pub async fn ending(&self) -> Result<Ending, EngineError> {
        self.docker
            .patiently(|| async {
                let exit = self.wait().await?;
                let evidence = self.evidence().await?;
                tracing::debug!(container = %self.id, ?exit, ?evidence, "a container ended");
                Ok(evidence.judge(exit))
            })
            .await
    }

    async fn evidence(&self) -> Result<Evidence, EngineError> {
        let what = "tell how the container ended";
        let fault = |err| self.docker.fault(what, err);
        let client = self.docker.client();
        let state = self.inspect().await?.state.unwrap_or_default();
        let mut evidence = Evidence::default();
        for _ in 0..EVENT_LOOKS {
            let info = client.info().await.map_err(fault)?;
            evidence.live_restore = info.live_restore_enabled.unwrap_or(false);
            self.remembered(&mut evidence, parse(info.system_time))
                .await?;
            if evidence.die {
                break;
            }
            evidence.restarted = match parse(state.started_at.clone()) {
                Some(started) if !evidence.live_restore => {
                    self.engine_started().await?.map(|engine| engine > started)
                }
                _ => None,
            };
            if evidence.restarted.is_some() {
                break;
            }
            tokio::time::sleep(EVENT_PAUSE).await;
        }
        Ok(evidence)
    }

    /// What the engine remembers of the container.
    async fn remembered(
        &self,
        evidence: &mut Evidence,
        now: Option<OffsetDateTime>,
    ) -> Result<(), EngineError> {
        let Some(now) = now else { return Ok(()) };
        let options = EventsOptions {
            since: Some("0".to_owned()),
            until: Some(format!("{}.{:09}", now.unix_timestamp(), now.nanosecond())),
            filters: Some(HashMap::from([(
                "container".to_owned(),
                vec![self.id.to_string()],
            )])),
        };
        let events = self.docker.client().events(Some(options));
        let events: Vec<_> = events
            .try_collect()
            .await
            .map_err(|err| self.docker.fault("tell its events", err))?;
        for event in events {
            match event.action.as_deref() {
                Some("start") => evidence.start = true,
                Some("die") => evidence.die = true,
                Some("stop") => evidence.stop = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// When the engine started, by its network `bridge`; `None` where it has none.
    async fn engine_started(&self) -> Result<Option<OffsetDateTime>, EngineError> {
        let bridge = self.docker.client().inspect_network("bridge", None).await;
        match bridge.map_err(|err| self.docker.fault("inspect the network", err)) {
            Ok(bridge) => Ok(bridge.created),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }
}

pub(super) fn parse(text: Option<String>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text?, &Rfc3339).ok()
}

impl Evidence {
    /// Whose doing the end was.
    pub fn judge(self, exit: Exit) -> Ending {
        let Evidence {
            live_restore,
            start,
            die,
            stop,
            restarted,
        } = self;
        let same_life = start || restarted == Some(false);
        // It saw the end, and nothing says that it was not there all the time: a busy engine forgets.
        let probably = die && restarted.is_none() && !stop && !live_restore;
        let by_engine = !same_life
            && match exit.code {
                KILLED => !live_restore && !exit.oom_killed && !probably,
                UNKNOWN => !die,
                _ => false,
            };
        Ending {
            exit,
            by_engine,
            witnessed: same_life || die,
            uninterrupted: same_life,
        }
    }
}
