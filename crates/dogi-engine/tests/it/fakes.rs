//! Ports that do what a test tells them, and remember what they were asked.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use dogi_engine::{
    Engine, EngineConfig,
    ports::{
        Alive, Attempted, Begin, BoxStream, BuildRequest, BuiltImage, Checkout, CheckoutRequest,
        CommandRequest, ContainerRequest, Context, ContextRequest, Deliverer, Delivery, FileLimits,
        Host, PullRequest, RepoFile, Runner, ShareRequest, Source, StepError, Work,
    },
};
use dogi_job::{
    CallbackExchange, CallbackRequest, CallbackResponse, Event, Exit, FailureKind, RunId, Spec,
};
use dogi_stream::Channel;
use dogi_url::{Commit, InstanceId, RawTarget, RunRequest, Unverified};
use futures::{FutureExt, future::BoxFuture};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::graphs::fakes::Graphs;

/// What the fake world does and has done.
#[derive(Debug)]
pub(crate) struct World {
    /// Each container waits for one permit before it ends.
    pub(crate) may_end: Semaphore,
    /// Ends of containers, in order; `Ok(0)` when there are none left.
    pub(crate) ends: Mutex<VecDeque<Result<i64, StepError>>>,
    /// What each container prints.
    pub(crate) prints: Mutex<Vec<u8>>,
    /// The error of the next checkout.
    pub(crate) checkout_fails: Mutex<Option<StepError>>,
    /// Whether builds panic.
    pub(crate) build_panics: Mutex<bool>,
    /// Answers of the callback receiver, in order; 200 when there are none left.
    pub(crate) answers: Mutex<VecDeque<u16>>,
    /// How long a receiver that answers 503 is left alone.
    pub(crate) patience: Mutex<Duration>,
    /// Runs whose container is there.
    pub(crate) containers: Mutex<HashSet<RunId>>,
    /// The most containers at once.
    pub(crate) most: AtomicUsize,
    /// Runs whose container was started, in order.
    pub(crate) started: Mutex<Vec<RunId>>,
    /// Runs whose container was taken up by a later life, in order.
    pub(crate) taken_up: Mutex<Vec<RunId>>,
    /// How many containers were told to stop.
    pub(crate) cancelled: AtomicUsize,
    /// How many checkouts wait for ever: the engine is to end first.
    pub(crate) checkouts_hang: AtomicUsize,
    /// Ids of the callbacks received.
    pub(crate) delivered: Mutex<Vec<String>>,
    /// How long it takes to remove a container.
    pub(crate) removal: Mutex<Duration>,
    /// How many clean-ups fail from now on.
    pub(crate) cleanups_fail: AtomicUsize,
    /// How often what belongs to no run was looked for.
    pub(crate) sweeps: AtomicUsize,
    /// Whether deliveries panic.
    pub(crate) deliveries_panic: Mutex<bool>,
    /// The digest of every build context; there is none if this is `None`.
    pub(crate) context: Mutex<Option<String>>,
    /// What there is of container graphs.
    pub(crate) graphs: Graphs,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake(pub(crate) Arc<World>);

impl Fake {
    pub(crate) fn new() -> Self {
        Self(Arc::new(World {
            may_end: Semaphore::new(0),
            ends: Mutex::default(),
            prints: Mutex::new(b"hello\n".to_vec()),
            checkout_fails: Mutex::default(),
            build_panics: Mutex::default(),
            answers: Mutex::default(),
            patience: Mutex::new(Duration::from_millis(1)),
            containers: Mutex::default(),
            most: AtomicUsize::new(0),
            started: Mutex::default(),
            taken_up: Mutex::default(),
            cancelled: AtomicUsize::new(0),
            checkouts_hang: AtomicUsize::new(0),
            delivered: Mutex::default(),
            removal: Mutex::default(),
            cleanups_fail: AtomicUsize::new(0),
            sweeps: AtomicUsize::new(0),
            deliveries_panic: Mutex::default(),
            context: Mutex::default(),
            graphs: Graphs::default(),
        }))
    }

    /// Lets `n` containers end.
    pub(crate) fn let_end(&self, n: usize) {
        self.0.may_end.add_permits(n);
    }

    pub(crate) fn ends_with(&self, end: Result<i64, StepError>) {
        self.0.ends.lock().expect("not poisoned").push_back(end);
        self.let_end(1);
    }

    pub(crate) async fn engine(&self, config: EngineConfig) -> Engine {
        Engine::builder(config)
            .source(self.clone())
            .runner(self.clone())
            .deliverer(self.clone())
            .build()
            .await
            .expect("the engine can be put together")
    }

    /// A container that an earlier life of the engine started.
    async fn take_up(&self, work: &Work) -> Result<Exit, StepError> {
        let there = self
            .0
            .containers
            .lock()
            .expect("not poisoned")
            .contains(&work.run);
        if !there {
            return Err(StepError::Lost {
                reason: "engine stopped: its container is gone".to_owned(),
            });
        }
        {
            // It was made and not started.
            let mut started = self.0.started.lock().expect("not poisoned");
            if !started.contains(&work.run) {
                started.push(work.run.clone());
            }
        }
        self.0
            .taken_up
            .lock()
            .expect("not poisoned")
            .push(work.run.clone());
        self.end(work).await
    }

    async fn end(&self, work: &Work) -> Result<Exit, StepError> {
        tokio::select! {
            () = work.cancel.cancelled() => {
                self.0.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(StepError::Cancelled)
            }
            permit = self.0.may_end.acquire() => {
                permit.expect("the semaphore is never closed").forget();
                let end = self.0.ends.lock().expect("not poisoned").pop_front().unwrap_or(Ok(0));
                end.map(|code| Exit { code, out_of_memory: false })
            }
        }
    }

    pub(crate) fn containers(&self) -> usize {
        self.0.containers.lock().expect("not poisoned").len()
    }
}

/// An engine over a fresh fake world and a temporary directory.
pub(crate) async fn engine() -> (Engine, Fake, tempfile::TempDir) {
    engine_with(|_| {}).await
}

pub(crate) async fn engine_with(
    change: impl FnOnce(&mut EngineConfig),
) -> (Engine, Fake, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut config = EngineConfig::new(directory.path());
    change(&mut config);
    let fake = Fake::new();
    (fake.engine(config).await, fake, directory)
}

/// What the run URL with these parameters asks for.
pub(crate) fn spec(params: &str) -> Spec {
    spec_of("https/github.com/o/r.git", params)
}

pub(crate) fn spec_of(repo: &str, params: &str) -> Spec {
    let target = format!("/{repo}?{params}");
    let raw = RawTarget::split(&target).expect("a valid target");
    let verified = Unverified::new(raw)
        .danger_accept_unsigned()
        .expect("no signature needed");
    let request = RunRequest::parse(&verified, None).expect("valid parameters");
    Spec::from_request(&request, &dogi_url::Namespace::default())
}

pub(crate) fn instance(spec: &Spec) -> InstanceId {
    spec.instance.clone()
}

/// Files: the digest of a build context, and the container graph.
#[derive(Debug)]
struct FakeCheckout(Option<String>, Option<RepoFile>);

/// A Dockerfile that needs nothing.
#[derive(Debug)]
struct FakeContext(String);

impl Context for FakeContext {
    fn digest(&self) -> Option<String> {
        Some(self.0.clone())
    }

    fn dockerfile(&self) -> &[u8] {
        b"FROM scratch\n"
    }

    fn dockerfile_path(&self) -> &str {
        "Dockerfile"
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn stream(&self, _cancel: CancellationToken) -> BoxStream {
        Box::pin(futures::stream::empty())
    }
}

impl Checkout for FakeCheckout {
    fn commit(&self) -> Option<Commit> {
        Some(Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34").expect("a commit"))
    }

    fn revision(&self) -> Option<String> {
        Some("main".to_owned())
    }

    fn context<'a>(
        &'a self,
        _request: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>> {
        async {
            match self.0.clone() {
                Some(digest) => Ok(Arc::new(FakeContext(digest)) as Arc<dyn Context>),
                None => Err(StepError::failed(
                    FailureKind::Internal,
                    "the fake has no context",
                )),
            }
        }
        .boxed()
    }

    fn files<'a>(
        &'a self,
        wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
        _: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>> {
        let files = self.1.iter().filter(|file| wanted(&file.path)).cloned();
        let files = files.collect();
        async { Ok(files) }.boxed()
    }

    fn tree(&self, _prefix: &str, _cancel: CancellationToken) -> BoxStream {
        Box::pin(futures::stream::empty())
    }
}

impl Source for Fake {
    fn checkout<'a>(
        &'a self,
        _request: CheckoutRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>> {
        async move {
            let less = |left: usize| left.checked_sub(1);
            let hang = &self.0.checkouts_hang;
            let hangs = hang
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_ok();
            work.console.line("cloning").await;
            if hangs {
                work.cancel.cancelled().await;
                return Err(StepError::Cancelled);
            }
            if let Some(error) = self.0.checkout_fails.lock().expect("not poisoned").take() {
                return Err(error);
            }
            let context = self.0.context.lock().expect("not poisoned").clone();
            let graph = self.0.graphs.file();
            Ok(Arc::new(FakeCheckout(context, graph)) as Arc<dyn Checkout>)
        }
        .boxed()
    }
}

impl Runner for Fake {
    fn build<'a>(
        &'a self,
        _request: BuildRequest<'a>,
        _work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        async move {
            assert!(
                !*self.0.build_panics.lock().expect("not poisoned"),
                "the test wants a panic"
            );
            Ok(BuiltImage {
                id: "sha256:1".to_owned(),
                reused: false,
            })
        }
        .boxed()
    }

    fn run<'a>(
        &'a self,
        request: ContainerRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        async move {
            if request.node.is_some() {
                return self.0.graphs.run(&request, work).await;
            }
            if let Begin::TakeUp { .. } = request.begin {
                return self.take_up(work).await;
            }
            let alive = {
                let mut containers = self.0.containers.lock().expect("not poisoned");
                // One that an earlier life made and did not start goes.
                containers.insert(work.run.clone());
                containers.len()
            };
            self.0.most.fetch_max(alive, Ordering::SeqCst);
            work.record(Event::Started {
                container: "c".to_owned(),
            })
            .await;
            {
                let mut started = self.0.started.lock().expect("not poisoned");
                assert!(!started.contains(&work.run), "two containers of one run");
                started.push(work.run.clone());
            }
            let text = Bytes::from(self.0.prints.lock().expect("not poisoned").clone());
            request
                .outputs
                .log()
                .append(vec![(Channel::Stdout, text)])
                .await;
            self.end(work).await
        }
        .boxed()
    }

    fn pull<'a>(
        &'a self,
        _request: PullRequest<'a>,
        _work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        async {
            Ok(BuiltImage {
                id: "sha256:2".to_owned(),
                reused: false,
            })
        }
        .boxed()
    }

    fn share<'a>(
        &'a self,
        _request: ShareRequest<'a>,
        _work: &'a Work,
    ) -> BoxFuture<'a, Result<(), StepError>> {
        async { Ok(()) }.boxed()
    }

    fn cleanup<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StepError>> {
        async move {
            let removal = *self.0.removal.lock().expect("not poisoned");
            tokio::time::sleep(removal).await;
            let less = |left: usize| left.checked_sub(1);
            let fails = &self.0.cleanups_fail;
            if fails
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_ok()
            {
                let kind = FailureKind::EngineUnavailable;
                return Err(StepError::failed(kind, "the engine is away"));
            }
            self.0.containers.lock().expect("not poisoned").remove(run);
            Ok(())
        }
        .boxed()
    }

    fn sweep<'a>(&'a self, _alive: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>> {
        self.0.sweeps.fetch_add(1, Ordering::SeqCst);
        async { Ok(0) }.boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StepError>> {
        async { Ok(()) }.boxed()
    }
}

impl Host for Fake {
    fn run<'a>(
        &'a self,
        request: CommandRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        async move {
            let alive = {
                let mut containers = self.0.containers.lock().expect("not poisoned");
                containers.insert(work.run.clone());
                containers.len()
            };
            self.0.most.fetch_max(alive, Ordering::SeqCst);
            let container = format!("the command {:?}", request.command.name);
            work.record(Event::Started { container }).await;
            self.0
                .started
                .lock()
                .expect("not poisoned")
                .push(work.run.clone());
            let details = std::fs::read(request.details).expect("what was submitted");
            let log = request.outputs.log();
            log.append(vec![(Channel::Stdout, details.into())]).await;
            let ended = self.end(work).await;
            self.0
                .containers
                .lock()
                .expect("not poisoned")
                .remove(&work.run);
            ended
        }
        .boxed()
    }
}

impl Deliverer for Fake {
    fn deliver<'a>(
        &'a self,
        delivery: Delivery<'a>,
        _cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Attempted> {
        async move {
            assert!(
                !*self.0.deliveries_panic.lock().expect("not poisoned"),
                "the test wants a panic"
            );
            self.0
                .delivered
                .lock()
                .expect("not poisoned")
                .push(delivery.id.to_owned());
            let status = self
                .0
                .answers
                .lock()
                .expect("not poisoned")
                .pop_front()
                .unwrap_or(200);
            let retry = (status == 503).then_some(*self.0.patience.lock().expect("not poisoned"));
            Attempted {
                exchange: CallbackExchange {
                    request: CallbackRequest {
                        url: delivery.callback.url.as_str().to_owned(),
                        method: "POST".to_owned(),
                        data: json!({"state": delivery.status.state.as_str()}),
                    },
                    response: Some(CallbackResponse {
                        status,
                        data: json!("ok"),
                    }),
                    error: None,
                },
                accepted: status == 200,
                retry_in: retry,
            }
        }
        .boxed()
    }
}
