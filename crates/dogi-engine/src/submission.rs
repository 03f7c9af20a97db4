//! From a request to a run in the books, or to nothing at all.

use std::{
    collections::HashMap,
    hash::Hash,
    io,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use dogi_job::{Run, RunId, Spec, StopCause, Submit};
use dogi_url::{GroupName, InstanceId};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot, watch};

use crate::{
    RunHandle, SubmitError, Submitted,
    directory::Entered,
    driver::{self, Driven},
    engine::Shared,
    outputs::RunOutputs,
    ports::{Entry, Record, Recorded, Safety, Submission},
};

/// How long after a submission that could not be taken back it is tried again; it doubles each
/// time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

type Answer = oneshot::Sender<Result<Submitted, SubmitError>>;

/// Submissions of one instance come one after the other, and so do those of one group, so that the
/// order of their ids is the one in which they take each other's place. After a crash the ids are all
/// that is known of it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    instances: Queues<InstanceId>,
    groups: Queues<GroupName>,
}

/// Whoever holds the lock of a key has its turn.
type Queues<K> = Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>;
type Turn = (OwnedMutexGuard<()>, Option<OwnedMutexGuard<()>>);

impl Turns {
    /// Whoever waits for a group has an instance's turn, and nobody the other way round: so they
    /// never wait for each other.
    async fn of(&self, spec: &Spec) -> Turn {
        let instance = turn(&self.instances, &spec.instance).await;
        let group = match &spec.group {
            Some(group) => Some(turn(&self.groups, group).await),
            None => None,
        };
        (instance, group)
    }
}

async fn turn<K: Hash + Eq + Clone>(queues: &Queues<K>, key: &K) -> OwnedMutexGuard<()> {
    let turn = {
        let mut queues = queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, turn| turn.strong_count() > 0);
        let known = queues.get(key).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            queues.insert(key.clone(), Arc::downgrade(&turn));
            turn
        })
    };
    turn.lock_owned().await
}

impl Shared {
    /// What was begun for a client that goes away is taken back: so it is done in a task, which
    /// nobody drops half-way.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        spec: Spec,
        how: Submit,
        details: Option<Vec<u8>>,
    ) -> Result<Submitted, SubmitError> {
        let (answer, answered) = oneshot::channel();
        let shared = self.clone();
        tokio::spawn(async move { shared.take(spec, how, details, answer).await });
        // Without an answer the runtime is on its way out.
        answered.await.unwrap_or(Err(SubmitError::Closing))
    }

    async fn take(
        self: Arc<Self>,
        spec: Spec,
        how: Submit,
        details: Option<Vec<u8>>,
        mut answer: Answer,
    ) {
        let turn = async {
            match how {
                // It takes nobody's place.
                Submit::Beside => None,
                Submit::Run | Submit::Restart => Some(self.turns.of(&spec).await),
            }
        };
        let _turn = tokio::select! {
            biased;
            () = answer.closed() => return,
            turn = turn => turn,
        };
        let alive = self.directory().attachable(&spec.instance, how);
        if let Some(run) = alive {
            let _ = answer.send(Ok(Submitted { run, joined: true }));
            return;
        }
        // A flood is not to cost a directory and two records each.
        if let Some(refusal) = self.directory().certainly_refuses(&spec) {
            let _ = answer.send(Err(refusal.into()));
            return;
        }
        let now = self.clock.now();
        let id = self.directory().next_id(now);
        let spec = Arc::new(spec);
        let outputs = match self.make_outputs(&id, &spec, details).await {
            Ok(outputs) => outputs,
            Err(error) => {
                let _ = answer.send(Err(error));
                return;
            }
        };
        let directory = outputs.directory().clone();
        let entered = match answer.is_closed() {
            true => Ok(None),
            false => self.enter(&id, spec, outputs, how, &answer).await,
        };
        if !matches!(entered, Ok(Some(Submitted { joined: false, .. }))) {
            directory.remove(&*self.workers).await;
        }
        if let Some(answered) = entered.transpose()
            && answer.send(answered).is_err()
        {
            self.directory().stop(&id, StopCause::Disconnect);
        }
    }

    async fn make_outputs(
        &self,
        id: &RunId,
        spec: &Arc<Spec>,
        details: Option<Vec<u8>>,
    ) -> Result<RunOutputs, SubmitError> {
        let directory = self.run_directory(id);
        let options = self.output_options();
        let spec = spec.clone();
        self.workers
            .complete(move || {
                let outputs = RunOutputs::create(&directory, &spec, &options)?;
                if let Some(details) = details {
                    if !options.reserve.take(details.len() as u64) {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                    outputs.directory().keep_details(&details)?;
                }
                Ok(outputs)
            })
            .await
            .flatten()
            .map_err(SubmitError::Disk)
    }

    /// Records the submission and enters the run in the books; `None` when nobody waits for that
    /// any more.
    async fn enter(
        self: &Arc<Self>,
        id: &RunId,
        spec: Arc<Spec>,
        outputs: RunOutputs,
        how: Submit,
        answer: &Answer,
    ) -> Result<Option<Submitted>, SubmitError> {
        let at = self.clock.now();
        let submitted = Entry {
            sequence: 0,
            recorded: Recorded {
                at,
                record: Record::Submitted(Submission {
                    how,
                    spec: Box::new((*spec).clone()),
                }),
            },
            promises: Vec::new(),
            safety: Safety::Synced,
        };
        let stored = self.store.append(id, submitted).await;
        stored.map_err(SubmitError::Store)?;
        if answer.is_closed() {
            self.take_back(id).await;
            return Ok(None);
        }
        let run = Run::new(id.clone(), spec.clone(), at);
        let (commands, commands_rx) = mpsc::unbounded_channel();
        let (status, status_rx) = watch::channel(Arc::new(run.status()));
        let handle = RunHandle::new(id.clone(), spec, &outputs, status_rx, commands);
        let entered = self.directory().enter(&handle, how);
        match entered {
            Ok(Entered::Started) => {
                outputs.directory().keep();
                let driven = Driven {
                    borrowed: 0,
                    run,
                    sequence: 1,
                    outputs,
                    commands: commands_rx,
                    status,
                };
                // First what is told first.
                self.report(&handle);
                driver::spawn_waiting(self.clone(), driven);
                Ok(Some(Submitted {
                    run: handle,
                    joined: false,
                }))
            }
            Ok(Entered::Attached(alive)) => {
                self.take_back(id).await;
                Ok(Some(Submitted {
                    run: alive,
                    joined: true,
                }))
            }
            Err(refusal) => {
                self.take_back(id).await;
                Err(refusal.into())
            }
        }
    }

    /// Nobody is told that a run was not taken while a restart of the server would find it.
    async fn take_back(&self, run: &RunId) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.store.forget(run, Safety::Synced).await {
            tracing::warn!(%run, %error, "a submission is not taken back yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
