//! The machine that the server runs on: its time, its disk, its threads.

use dogi_engine::{
    Clock,
    governor::{Room, Space},
    ports::{Job, Workers},
};
use dogi_job::UnixMillis;
use futures::{FutureExt, future::BoxFuture};

use super::Ports;

impl Clock for Ports {
    fn now(&self) -> UnixMillis {
        self.0.now()
    }
}

impl Space for Ports {
    fn room(&self) -> Option<Room> {
        None
    }
}

/// Work that may block is done at once and on the one thread: another one would finish whenever the
/// machine likes.
impl Workers for Ports {
    fn run(&self, job: Job) -> BoxFuture<'static, ()> {
        async move { job() }.boxed()
    }
}
