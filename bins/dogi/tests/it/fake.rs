//! An engine whose containers are hand puppets: a test says what they print and how they end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dogi::Metrics;
use dogi_engine::ports::{
    Alive, Attempted, BoxStream, BuildRequest, BuiltImage, Checkout, CheckoutRequest,
    ContainerRequest, Context, ContextRequest, Deliverer, Delivery, FileLimits, RepoFile, Runner,
    Source, StepError, Work,
};
use dogi_engine::{Engine, EngineConfig, MemoryStore};
use dogi_job::{CallbackExchange, CallbackRequest, Event, Exit, FailureKind, RunId, Spec};
use dogi_stream::Channel;
use dogi_url::{Commit, FileName};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The strings of the puppets.
#[derive(Debug)]
pub(crate) struct Theatre {
    containers: tokio::sync::Mutex<mpsc::UnboundedReceiver<Container>>,
    fake: Fake,
}

#[derive(Clone, Debug)]
struct Fake(Arc<World>);

#[derive(Debug)]
struct World {
    entrances: mpsc::UnboundedSender<Container>,
    /// The error of every checkout, while it is set.
    checkout_fails: Mutex<Option<StepError>>,
    /// The answer of the engine behind it; `None`: it is silent.
    ready: Mutex<Option<Result<(), StepError>>>,
    /// How often it was asked.
    asked: AtomicUsize,
}

/// A running container.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) spec: Spec,
    acts: mpsc::UnboundedSender<Act>,
    /// Closed when the container is gone.
    gone: CancellationToken,
}

#[derive(Debug)]
enum Act {
    Print(Bytes),
    File(FileName, Bytes),
    End(i64),
}

impl Theatre {
    pub(crate) async fn engine(config: EngineConfig, metrics: &Metrics) -> (Engine, Self) {
        let (entrances, containers) = mpsc::unbounded_channel();
        let fake = Fake(Arc::new(World {
            entrances,
            checkout_fails: Mutex::default(),
            ready: Mutex::new(Some(Ok(()))),
            asked: AtomicUsize::default(),
        }));
        let engine = Engine::builder(config)
            .observer(metrics.clone())
            .store(metrics.measured(MemoryStore::new()))
            .source(fake.clone())
            .runner(fake.clone())
            .deliverer(fake.clone())
            .build()
            .await
            .expect("the engine can be put together");
        (
            engine,
            Self {
                containers: tokio::sync::Mutex::new(containers),
                fake,
            },
        )
    }

    /// The next container that starts.
    pub(crate) async fn container(&self) -> Container {
        let mut containers = self.containers.lock().await;
        super::within(containers.recv())
            .await
            .expect("the engine is there")
    }

    pub(crate) fn checkouts_fail(&self, kind: FailureKind, message: &str) {
        let error = StepError::failed(kind, message);
        *self.fake.0.checkout_fails.lock().expect("not poisoned") = Some(error);
    }

    pub(crate) fn docker_is_gone(&self) {
        let kind = FailureKind::EngineUnavailable;
        let error = StepError::failed(kind, "the Docker engine does not answer");
        *self.fake.0.checkout_fails.lock().expect("not poisoned") = Some(error.clone());
        *self.fake.0.ready.lock().expect("not poisoned") = Some(Err(error));
    }

    pub(crate) fn docker_is_silent(&self) {
        *self.fake.0.ready.lock().expect("not poisoned") = None;
    }

    /// How often Docker was asked whether it is there.
    pub(crate) fn asked(&self) -> usize {
        self.fake.0.asked.load(Ordering::Acquire)
    }
}

impl Container {
    pub(crate) fn print(&self, text: impl Into<Bytes>) -> &Self {
        // One that is gone hears nothing.
        let _ = self.acts.send(Act::Print(text.into()));
        self
    }

    pub(crate) fn file(&self, name: &str, text: impl Into<Bytes>) -> &Self {
        let name = name.parse().expect("a file's name");
        let _ = self.acts.send(Act::File(name, text.into()));
        self
    }

    pub(crate) fn end(&self, code: i64) {
        let _ = self.acts.send(Act::End(code));
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Waits until it was stopped or has ended.
    pub(crate) async fn gone(&self) {
        super::within(self.gone.cancelled()).await;
    }
}

#[derive(Debug)]
struct Files;

impl Checkout for Files {
    fn commit(&self) -> Option<Commit> {
        Some(Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34").expect("a commit"))
    }

    fn revision(&self) -> Option<String> {
        Some("main".to_owned())
    }

    fn context<'a>(
        &'a self,
        _: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>> {
        async {
            Err(StepError::failed(
                FailureKind::Internal,
                "a puppet has no context",
            ))
        }
        .boxed()
    }

    fn files<'a>(
        &'a self,
        _: &'a (dyn Fn(&str) -> bool + Send + Sync),
        _: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn tree(&self, _: &str, _: CancellationToken) -> BoxStream {
        Box::pin(futures::stream::empty())
    }
}

impl Source for Fake {
    fn checkout<'a>(
        &'a self,
        _: CheckoutRequest<'a>,
        _: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>> {
        let failure = self.0.checkout_fails.lock().expect("not poisoned").clone();
        async { failure.map_or_else(|| Ok(Arc::new(Files) as Arc<dyn Checkout>), Err) }.boxed()
    }
}

impl Runner for Fake {
    fn build<'a>(
        &'a self,
        _: BuildRequest<'a>,
        _: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        async {
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
            tracing::info!("a puppet enters");
            let (acts, mut play) = mpsc::unbounded_channel();
            let gone = CancellationToken::new();
            let _gone = gone.clone().drop_guard();
            let spec = request.spec.clone();
            // A test that looks at no container has dropped the other end.
            let _ = self.0.entrances.send(Container { spec, acts, gone });
            work.record(Event::Started {
                container: "c".to_owned(),
            })
            .await;
            loop {
                let act = tokio::select! {
                    () = work.cancel.cancelled() => return Err(StepError::Cancelled),
                    act = play.recv() => act,
                };
                match act {
                    Some(Act::Print(text)) => {
                        request
                            .outputs
                            .log()
                            .append(vec![(Channel::Stdout, text)])
                            .await;
                    }
                    Some(Act::File(name, text)) => {
                        let file = request.outputs.files().get(&name).expect("a followed file");
                        file.append(vec![(Channel::Stdout, text)]).await;
                    }
                    Some(Act::End(code)) => {
                        return Ok(Exit {
                            code,
                            out_of_memory: false,
                        });
                    }
                    None => work.cancel.cancelled().await,
                }
            }
        }
        .boxed()
    }

    fn cleanup<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<(), StepError>> {
        async { Ok(()) }.boxed()
    }

    fn sweep<'a>(&'a self, _: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>> {
        async { Ok(0) }.boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StepError>> {
        self.0.asked.fetch_add(1, Ordering::AcqRel);
        let answer = self.0.ready.lock().expect("not poisoned").clone();
        async {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
        .boxed()
    }
}

impl Deliverer for Fake {
    fn deliver<'a>(
        &'a self,
        delivery: Delivery<'a>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Attempted> {
        async move {
            let request = CallbackRequest {
                url: delivery.callback.url.as_str().to_owned(),
                method: "POST".to_owned(),
                data: serde_json::Value::Null,
            };
            let exchange = CallbackExchange {
                request,
                response: None,
                error: None,
            };
            Attempted {
                exchange,
                accepted: true,
                retry_in: None,
            }
        }
        .boxed()
    }
}
