use std::{fmt, future::Future, thread};

use tokio::sync::oneshot;

use crate::{Result, error::Context};

/// A server on a thread and a runtime of its own: a test that blocks its thread
/// cannot starve the server that it waits for.
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Background {
    /// Runs `serve` until it ends or the value is dropped; whatever it spawned ends
    /// with it. `serve` is called inside the runtime.
    pub(crate) fn start<F>(name: &str, serve: impl FnOnce() -> F + Send + 'static) -> Result<Self>
    where
        F: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing("start a runtime")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve() => (),
                    _ = stopped => (),
                }
            });
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread.doing("start a thread")?),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only fails when the server panicked, which its test has seen.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Background")
    }
}
