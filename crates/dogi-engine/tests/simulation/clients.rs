//! Clients: they submit, abort, follow, and go away.

use std::{sync::Arc, time::Duration};

use dogi_engine::{Engine, RunHandle, Submitted};
use dogi_job::{RunId, Spec, Submit};
use dogi_stream::{Piece, Position};
use dogi_url::{InstanceId, OutputName};
use tokio::task::JoinSet;

use crate::{
    plan::Operation,
    world::{Answer, Follower, State, World},
};

/// Somebody who asks the server of one life for something.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) world: Arc<World>,
    pub(crate) engine: Engine,
}

/// Sets in motion everything that was not asked for yet, and everybody who reads on.
pub(crate) fn all(client: &Client) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    let state = client.world.lock();
    let now = state.now();
    for (number, (at, operation)) in state.plan.operations.iter().enumerate() {
        if state.clients.called.contains_key(&number) {
            continue;
        }
        let (client, operation) = (client.clone(), operation.clone());
        let wait = Duration::from_millis(at.saturating_sub(now));
        asking.spawn(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            client.ask(number, operation).await;
        });
    }
    for (number, follower) in &state.clients.followers {
        if let Some(run) = client.engine.run(&follower.run)
            && !follower.at_end
        {
            asking.spawn(client.clone().follow(*number, run));
        }
    }
    drop(state);
    asking
}

impl Client {
    async fn ask(self, number: usize, operation: Operation) {
        let call = |state: &mut State| {
            let life = state.life();
            state.note(format!("operation {number}: {}", operation.describe()));
            state.clients.call(number, life);
        };
        self.world.alive(call).await;
        match operation {
            Operation::Submit {
                spec,
                how,
                lease,
                impatient,
            } => {
                let submitted = self.submit(number, *spec, how, impatient).await;
                let Some(Submitted { run, joined }) = submitted else {
                    return;
                };
                let lease = lease.map(|hold| self.hold(&run, hold));
                let following = async {
                    if !joined {
                        self.clone().follow(number, run.clone()).await;
                    }
                };
                tokio::join!(following, async {
                    if let Some(lease) = lease {
                        lease.await;
                    }
                });
            }
            Operation::Abort { like } => self.abort(number, like).await,
            Operation::AbortRun { of } => self.abort_run(number, of).await,
        }
    }

    async fn submit(
        &self,
        number: usize,
        spec: Spec,
        how: Submit,
        impatient: Option<u64>,
    ) -> Option<Submitted> {
        let submitting = self.engine.submit(spec, how);
        let submitted = match impatient {
            Some(wait) => tokio::time::timeout(Duration::from_millis(wait), submitting).await,
            None => Ok(submitting.await),
        };
        let answer = match &submitted {
            Ok(Ok(Submitted { run, joined: false })) => Answer::Taken(run.id().clone()),
            Ok(Ok(Submitted { run, joined: true })) => Answer::Joined(run.id().clone()),
            Ok(Err(_)) => Answer::Refused,
            Err(_) => Answer::Unheard,
        };
        self.answer(number, answer).await;
        submitted.ok()?.ok()
    }

    async fn answer(&self, number: usize, answer: Answer) {
        let note = |state: &mut State| {
            let life = state.life();
            let what = match &answer {
                Answer::Taken(run) => format!("taken as {}", state.name(run)),
                Answer::Joined(run) => format!("joined {}", state.name(run)),
                answer => format!("{answer:?}"),
            };
            state.note(format!("operation {number} is answered: {what}"));
            state.clients.answer(number, life, answer);
        };
        self.world.alive(note).await;
    }

    /// Holds a lease for a while; it is over with the server too.
    async fn hold(&self, run: &RunHandle, wait: u64) {
        let lease = self.engine.lease(run);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        drop(lease);
    }

    async fn abort(&self, number: usize, like: usize) {
        let plan = self.world.lock().plan.clone();
        let Some(spec) = plan.spec(like) else {
            return;
        };
        let alive = self.alive(&spec.instance);
        self.engine.abort(&spec.instance).await;
        self.aborted(number, alive).await;
    }

    async fn abort_run(&self, number: usize, of: usize) {
        let run = self.world.lock().clients.run_of(of).cloned();
        let Some(run) = run else {
            return self.answer(number, Answer::Done).await;
        };
        let known = self.engine.abort_run(&run).await;
        self.aborted(number, known.map(|_| run).into_iter().collect())
            .await;
    }

    fn alive(&self, instance: &InstanceId) -> Vec<RunId> {
        let mut alive = self.engine.jobs();
        alive.retain(|run| run.instance() == instance);
        alive.iter().map(|run| run.id().clone()).collect()
    }

    async fn aborted(&self, number: usize, runs: Vec<RunId>) {
        let note = |state: &mut State| {
            let now = state.now();
            for run in runs {
                if state.containers.live_of(&run, now) && !state.disk.was_left_behind(&run) {
                    let name = state.name(&run);
                    state.violate(format!("{name} lives though its abort was answered"));
                }
                state.clients.aborted.insert(run);
            }
        };
        self.world.alive(note).await;
        self.answer(number, Answer::Done).await;
    }

    /// Reads the log of a run to its end, from where it was read to in an earlier life.
    async fn follow(self, number: usize, run: RunHandle) {
        let begin = |state: &mut State| {
            let followers = &mut state.clients.followers;
            let follower = followers.entry(number).or_insert_with(|| Follower {
                run: run.id().clone(),
                position: Position::START,
                read: Vec::new(),
                at_end: false,
            });
            follower.position
        };
        let position = self.world.alive(begin).await;
        let log = run.output(&OutputName::Log).expect("every run has a log");
        let mut reader = log.follow(position);
        loop {
            let piece = next(&mut reader).await;
            let take = |state: &mut State| take(state, number, piece);
            if !self.world.alive(take).await {
                return;
            }
        }
    }
}

/// The next piece of a log. Before each look the other thread comes to the end of what it has to do:
/// otherwise it would be left to the machine whether the reader sees what is just being written.
async fn next(reader: &mut dogi_stream::Follower) -> Option<Piece> {
    let mut piece = std::pin::pin!(reader.next());
    let piece = std::future::poll_fn(|context| {
        let (done, all_done) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || done.send(()));
        // Where the runtime is on its way out, there is nothing to wait for.
        let _ = all_done.recv();
        piece.as_mut().poll(context)
    });
    piece.await.expect("the log can be read")
}

/// Takes in what was read; whether there may be more.
fn take(state: &mut State, number: usize, piece: Option<Piece>) -> bool {
    let follower = state
        .clients
        .followers
        .get_mut(&number)
        .expect("it began to read");
    match piece {
        None => {
            follower.at_end = true;
            return false;
        }
        Some(Piece::Data {
            position_after,
            bytes,
            ..
        }) => {
            follower.position = position_after;
            follower.read.extend_from_slice(&bytes);
        }
        Some(Piece::Restarted { .. }) => {
            state.violate(format!(
                "the reader of operation {number} had to start over"
            ));
        }
    }
    true
}

impl Operation {
    fn describe(&self) -> String {
        match self {
            Self::Submit {
                spec,
                how,
                lease,
                impatient,
            } => {
                let group = spec.group.as_ref().map(|group| (group, spec.group_policy));
                let callback = spec.callback.as_ref().map(|callback| callback.on);
                format!(
                    "{how:?} {} group {group:?} callback {callback:?} timeout {:?} lease {lease:?} impatient {impatient:?}",
                    spec.instance, spec.limits.timeout
                )
            }
            Self::Abort { like } => format!("abort the instance of operation {like}"),
            Self::AbortRun { of } => format!("abort the run of operation {of}"),
        }
    }
}
