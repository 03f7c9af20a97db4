use std::{fmt, io};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

/// Does work that may block, such as writing to a disk, where it holds nobody up.
///
/// A port so that a program with threads of its own can use them, and a simulation can have
/// everything done in one order.
pub trait Workers: fmt::Debug + Send + Sync {
    /// Has `job` done. It is done even if the future, once polled, is dropped.
    fn run(&self, job: Job) -> BoxFuture<'static, ()>;
}

/// A piece of work that may block.
pub type Job = Box<dyn FnOnce() + Send>;

/// Tokio's own threads for blocking work.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockingThreads;

impl Workers for BlockingThreads {
    fn run(&self, job: Job) -> BoxFuture<'static, ()> {
        async move {
            if let Err(error) = tokio::task::spawn_blocking(job).await {
                tracing::error!(%error, "blocking work panicked");
            }
        }
        .boxed()
    }
}

impl dyn Workers + '_ {
    /// Has `work` done and returns what it comes to.
    ///
    /// Not cancel safe: once polled, the work is done even if the future is dropped.
    ///
    /// # Errors
    /// When it panicked, or the runtime is on its way out.
    pub(crate) async fn complete<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (done, result) = oneshot::channel();
        let job = move || {
            // Whoever asked has perhaps gone on.
            let _ = done.send(work());
        };
        self.run(Box::new(job)).await;
        result
            .await
            .map_err(|_| io::Error::other("blocking work came to no end"))
    }
}
