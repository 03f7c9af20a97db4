//! Events first, then effects.

use std::{sync::Arc, time::Duration};

use dogi_job::{Event, NodeEvent, Perform, Phase, Run};

use super::Driver;
use crate::{
    ports::{Entry, Record, Recorded, Report, Safety},
    promises,
};

/// How long after a record that was not taken it is tried again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Driver {
    /// Records what happened before what follows from it is done, takes it in, and brings
    /// everybody up to date.
    pub(super) async fn record(&mut self, event: Event) {
        if self.shared.is_halted() {
            return std::future::pending().await;
        }
        let at = self.shared.clock.now();
        let mut after = self.run.clone();
        after.apply(at, &event);
        if let Event::CleanupFailed { message } = &event {
            tracing::warn!(run = %self.run.id(), %message, "something of a run is left behind");
            // Without an image there was no container.
            let spec = self.run.spec();
            let several = spec.local().is_some() || spec.graph().is_some();
            if after.status().image.is_some() || several {
                self.shared.clean_up_later(self.run.id(), self.run.spec());
            }
        }
        self.finish_nodes(&after).await;
        if ends(&self.run, &after) {
            self.tell_errors(&after).await;
        }
        if after.is_decided() && !self.run.is_decided() && after.container().is_some() {
            // Its end on record, the container goes, and with it the other copy of what it printed.
            self.outputs.sync().await;
        }
        let entry = Entry {
            sequence: self.sequence,
            promises: promises::changes(&self.run, &after, at),
            safety: safety(&event),
            recorded: Recorded {
                at,
                record: Record::Event(event.clone()),
            },
        };
        self.append(entry, &after).await;
        self.sequence += 1;
        if let Event::Planned { plan } = &event {
            self.open_nodes(plan).await;
        }
        let before = std::mem::replace(&mut self.run, after).status();
        let status = self.run.status();
        self.shared.observer.recorded(&before, &status, &event, at);
        self.follow_up().await;
        let mut reports = self.run.spec().reports.iter();
        let awaited = reports.any(dogi_job::Report::awaits_commit);
        if matches!(event, Event::CheckedOut { .. }) && awaited {
            self.tell();
        }
    }

    /// Has everybody told who is to be.
    fn tell(&self) {
        let handle = self.shared.directory().run(self.run.id());
        handle.inspect(|run| self.shared.report(run));
    }

    /// Records what an effect told on its way.
    pub(super) async fn report(&mut self, report: Report) {
        self.record(report.event).await;
        // The effect may have been dropped meanwhile.
        let _ = report.recorded.send(());
    }

    /// Nothing follows before it is recorded: while the store takes nothing, a disk that is full for
    /// one, the run stands still. Only what is to stop is stopped all the same: a job that fills
    /// the disk must not be safe from its abort because of that.
    async fn append(&mut self, entry: Entry, after: &Run) {
        let mut pause = FIRST_PAUSE;
        let mut failed = false;
        while let Err(error) = self.shared.store.append(self.run.id(), entry.clone()).await {
            if !failed {
                failed = true;
                let run = self.run.id();
                tracing::error!(%run, error = %crate::chain(&error), "an event can't be recorded: the run waits");
                if after.is_decided() {
                    self.cancel_performing();
                }
            }
            self.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if failed {
            tracing::info!(run = %self.run.id(), "the event is recorded: the run goes on");
        }
    }

    /// Waits, and hears meanwhile whoever wants the run to stop.
    async fn pause(&mut self, pause: Duration) {
        let mut over = std::pin::pin!(tokio::time::sleep(pause));
        loop {
            tokio::select! {
                biased;
                Some(event) = self.commands.recv() => {
                    if matches!(event, Event::StopRequested { .. }) {
                        self.cancel_performing();
                    }
                    self.unrecorded.push_back(event);
                }
                () = &mut over => break,
            }
        }
        if self.run.due(self.shared.clock.now()).is_some() {
            self.cancel_performing();
        }
    }

    fn cancel_performing(&self) {
        for (key, cancel) in &self.in_flight {
            if key.perform == Perform::Perform && key.phase != Phase::Callback {
                cancel.cancel();
            }
        }
    }

    /// Brings everybody who looks at the run up to date.
    pub(super) async fn follow_up(&mut self) {
        let stopped_now = self.run.has_stopped() && !self.stopped;
        if stopped_now {
            self.stopped = true;
            self.checkout = None;
            self.outputs.finish_files();
            self.remove_unlogged().await;
        }
        let over = self.run.state().is_final();
        if over {
            self.outputs.finish();
        }
        // Whoever learns that the run has stopped finds its room free; that it is over, its place.
        if stopped_now {
            self.shared.directory().stopped(self.run.id());
        }
        if over {
            self.shared.directory().left(self.run.id());
        }
        self.status.send_replace(Arc::new(self.run.status()));
        if over && !self.run.spec().reports.is_empty() {
            self.tell();
        }
    }

    /// The reason stands in the log too, after everything that the job printed, and once: an
    /// earlier life of the server may have written it.
    async fn tell_errors(&mut self, after: &Run) {
        let errors = after.status().errors;
        let console = self.outputs.console();
        for error in errors.iter().skip(self.errors_told) {
            let line = format!("dogi: {error}");
            if !(self.resumed && console.has_line(&line).await) {
                console.closing_line(line).await;
            }
        }
        self.errors_told = errors.len();
    }
}

/// Whether the log gets its last lines.
fn ends(before: &Run, after: &Run) -> bool {
    (after.has_stopped() && !before.has_stopped())
        || (after.state().is_final() && !before.state().is_final())
}

/// What would be lost for good, or was promised to somebody, is on the disk itself before anything
/// follows from it. The rest is found out again after a power cut.
fn safety(event: &Event) -> Safety {
    match event {
        Event::Admitted
        | Event::Resumed
        | Event::CheckedOut { .. }
        | Event::Built { .. }
        | Event::Planned { .. }
        | Event::Node {
            happened: NodeEvent::Built { .. },
            ..
        }
        | Event::CleanedUp
        | Event::CleanupFailed { .. } => Safety::Written,
        Event::Started { .. }
        | Event::Node { .. }
        | Event::Exited { .. }
        | Event::Failed { .. }
        | Event::StopRequested { .. }
        | Event::Attempted { .. } => Safety::Synced,
    }
}
