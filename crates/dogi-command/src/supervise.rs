//! The task beside each program: it enforces the limits, whether somebody waits or not.

use std::io;

use rustix::process::Signal;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    Exit, Leftovers, Limits, Status, Stopped, WaitError, files::Files, group::Leader, members,
    watch::Watch,
};

/// Everything that belongs to a running program and to nobody else. Dropping it, as the end of a
/// runtime does, kills the program and removes its files.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) leader: Leader,
    pub(crate) watch: Watch,
    pub(crate) limits: Limits,
    pub(crate) files: Files,
    /// When the program has ended, for whoever reads the output.
    pub(crate) ended: watch::Sender<Option<Instant>>,
    pub(crate) exit: oneshot::Sender<Result<Exit, WaitError>>,
}

impl Supervisor {
    pub(crate) async fn run(mut self) {
        let process = self.leader.group().leader().as_raw_pid().unsigned_abs();
        let exit = self.see_it_end().await;
        drop(self.leader);
        self.files.remove().await;
        let exit = exit.map_err(|source| WaitError::Unknown { process, source });
        // Nobody waits when the handle was dropped.
        let _ = self.exit.send(exit);
    }

    async fn see_it_end(&mut self) -> io::Result<Exit> {
        let stopped = self.end_or_reason_to_stop().await?;
        if stopped.is_some() {
            self.stop().await?;
        }
        self.ended.send_replace(Some(Instant::now()));
        if self.limits.leftovers == Leftovers::Kill {
            self.leader.group().signal(Signal::KILL);
        }
        let status = Status::of(self.leader.reap()?);
        Ok(Exit { status, stopped })
    }

    async fn end_or_reason_to_stop(&mut self) -> io::Result<Option<Stopped>> {
        let time = self.limits.time;
        let too_long = async {
            match time {
                Some(time) => sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = self.watch.ended() => ended.map(|()| None),
            () = self.leader.group().stop.notified() => Ok(Some(Stopped::Asked)),
            () = too_long => Ok(Some(Stopped::TimeLimit)),
        }
    }

    /// SIGTERM, the grace, SIGKILL. The leader has ended afterwards; of the others this is known if
    /// they did so within the grace.
    async fn stop(&mut self) -> io::Result<()> {
        let group = self.leader.group().clone();
        group.signal(Signal::TERM);
        // A shell ends at once while what it started is still cleaning up: the grace is for all.
        let first = timeout(self.limits.grace, self.all_ended()).await;
        // For one that /proc does not show, too: the leader is not reaped, so this is still its group.
        group.signal(Signal::KILL);
        match first {
            Ok(ended) => ended,
            Err(_) => {
                self.watch.ended().await?;
                // A killed process may hang in the kernel: it is not waited for without end.
                let _ = timeout(self.limits.grace, members::gone(group.leader())).await;
                Ok(())
            }
        }
    }

    async fn all_ended(&mut self) -> io::Result<()> {
        self.watch.ended().await?;
        members::gone(self.leader.group().leader()).await;
        Ok(())
    }
}
