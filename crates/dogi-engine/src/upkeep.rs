//! What runs leave, and that it goes: containers, directories, history.

use std::{sync::Arc, time::Duration};

use dogi_job::{RunId, Spec};
use tokio::sync::oneshot;

use crate::{
    RunHandle,
    engine::Shared,
    ports::{Safety, StepError},
};

/// How long after a clean-up that failed the next one is tried; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long a start waits for what belongs to no run to be removed.
const TO_SWEEP: Duration = Duration::from_secs(5);

impl Shared {
    /// Puts away the history of runs beyond what is kept, now that `run` is over.
    pub(crate) async fn retire(self: &Arc<Self>, run: &RunId) {
        let old = self.directory().finished(run, &self.config);
        for handle in old {
            handle.retire();
            self.forget(handle.id()).await;
            if handle.spec().keep {
                self.clean_up_later(handle.id(), handle.spec());
            }
        }
        self.governor.nudge();
    }

    /// Tries again to remove what a run left, until it is gone or nobody has the engine any more.
    pub(crate) fn clean_up_later(self: &Arc<Self>, run: &RunId, spec: &Spec) {
        self.directory().left_behind.add(run, spec);
        let (shared, run, spec) = (Arc::downgrade(self), run.clone(), spec.clone());
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                tokio::time::sleep(pause).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                match shared.clean(&run, &spec).await {
                    Ok(()) => {
                        shared.directory().left_behind.remove(&run);
                        return;
                    }
                    Err(error) => tracing::debug!(%run, %error, "still left behind"),
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// Removes what earlier runs left where it would collide with a run of `spec`.
    ///
    /// # Errors
    /// When it could not be removed: a container may go on beside the one that is to start.
    pub(crate) async fn make_way(&self, spec: &Spec) -> Result<(), StepError> {
        let in_the_way = self.directory().left_behind.in_the_way_of(spec);
        for run in in_the_way {
            self.clean_up(&run).await?;
        }
        Ok(())
    }

    /// Removes what a run left.
    pub(crate) async fn clean(&self, run: &RunId, spec: &Spec) -> Result<(), StepError> {
        if spec.local().is_some() {
            self.local.cleanup(run, spec).await?;
        }
        self.runner.cleanup(run).await
    }

    async fn clean_up(&self, run: &RunId) -> Result<(), StepError> {
        self.runner.cleanup(run).await?;
        self.directory().left_behind.remove(run);
        Ok(())
    }

    /// Removes from Docker what belongs to no run: tries once, within a few seconds, and goes on
    /// trying in the background until Docker has answered.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        let (tried, first) = oneshot::channel();
        let shared = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tried = Some(tried);
            let mut pause = FIRST_PAUSE;
            while let Some(shared) = shared.upgrade() {
                let swept = shared.sweep_once().await;
                // Whoever waited has perhaps gone on.
                tried.take().map(|tried| tried.send(()));
                if swept {
                    return;
                }
                drop(shared);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
        let _ = tokio::time::timeout(TO_SWEEP, first).await;
    }

    pub(crate) async fn sweep_once(&self) -> bool {
        let alive = |run: &RunId| {
            let directory = self.directory();
            let kept = |run: RunHandle| run.spec().keep;
            directory.is_unfinished(run) || directory.run(run).is_some_and(kept)
        };
        // One that can't be looked at keeps nobody from the other.
        let in_docker = self.runner.sweep(&alive).await;
        let here = self.local.sweep(&alive).await;
        match in_docker.and_then(|removed| Ok(removed + here?)) {
            Ok(removed) => {
                if removed > 0 {
                    tracing::info!(removed, "removed what belonged to no run");
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "what belongs to no run was not looked for");
                false
            }
        }
    }

    /// Forgets a run that is history; tries again in the background where the store does not.
    pub(crate) async fn forget(self: &Arc<Self>, run: &RunId) {
        self.reports.forget(run).await;
        let Err(error) = self.store.forget(run, Safety::Written).await else {
            return;
        };
        tracing::warn!(%run, %error, "a run is not forgotten yet");
        let (shared, run) = (Arc::downgrade(self), run.clone());
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                tokio::time::sleep(pause).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                if shared.store.forget(&run, Safety::Written).await.is_ok() {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }
}
