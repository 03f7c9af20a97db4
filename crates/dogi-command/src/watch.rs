//! Notices the end of a child, without reaping it.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::{JoinHandle, spawn_blocking},
};

use crate::{ExitWatch, group::wait_without_reaping};

#[derive(Debug)]
pub(crate) enum Watch {
    Pidfd(AsyncFd<OwnedFd>),
    Thread(JoinHandle<io::Result<()>>),
    Ended,
}

impl Watch {
    pub(crate) fn new(child: Pid, how: ExitWatch) -> Self {
        let pidfd = match how {
            ExitWatch::Pidfd => pidfd(child).ok(),
            ExitWatch::Thread => None,
        };
        let thread = || Self::Thread(spawn_blocking(move || wait_without_reaping(child)));
        pidfd.map_or_else(thread, Self::Pidfd)
    }

    /// Waits for the end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        match self {
            Self::Pidfd(pidfd) => drop(pidfd.readable().await?),
            Self::Thread(thread) => match thread.await {
                Ok(waited) => waited?,
                Err(error) => return Err(io::Error::other(error)),
            },
            Self::Ended => {}
        }
        *self = Self::Ended;
        Ok(())
    }
}

/// Readable when the process has ended.
pub(crate) fn pidfd(process: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    let pidfd = pidfd_open(process, PidfdFlags::empty())?;
    #[expect(
        deprecated,
        reason = "the one without `unsafe`; it is unsound only for types that change or close \
                  their descriptor, and an OwnedFd has the same one as long as it lives"
    )]
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}
