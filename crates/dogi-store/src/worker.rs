use std::{
    io,
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::sync::{mpsc, watch};

/// A thread that serves a queue of messages until nobody can send one any more.
pub(crate) struct Worker<M> {
    sender: Mutex<Option<mpsc::Sender<M>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ended: watch::Receiver<()>,
}

/// The worker takes no messages any more.
#[derive(Debug)]
pub(crate) struct Closed;

impl<M: Send + 'static> Worker<M> {
    pub(crate) fn start(
        name: &str,
        queue: usize,
        serve: impl FnOnce(mpsc::Receiver<M>) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let (alive, ended) = watch::channel(());
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                serve(receiver);
                drop(alive);
            })?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            ended,
        })
    }

    /// Waits for a place in the queue. Cancel safe: dropped, the message is not sent.
    pub(crate) async fn send(&self, message: M) -> Result<(), Closed> {
        let sender = lock(&self.sender).clone().ok_or(Closed)?;
        sender.send(message).await.map_err(|_| Closed)
    }

    /// Takes no more messages, and waits until those taken are done. Dropped, it goes on by
    /// itself.
    pub(crate) async fn close(&self) {
        drop(lock(&self.sender).take());
        let mut ended = self.ended.clone();
        // Nothing is ever sent: an error says that the thread has let go of it.
        while ended.changed().await.is_ok() {}
    }
}

impl<M> Drop for Worker<M> {
    fn drop(&mut self) {
        drop(lock(&self.sender).take());
        if let Some(thread) = lock(&self.thread).take() {
            // A panic has been printed by its thread, and whoever waited for it was told.
            drop(thread.join());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
