//! A process group that can be signalled as long as its number is its own.

use std::{
    io,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::Notify;

/// A group, as everybody sees it who may signal it.
///
/// The number of a group is the process id of its leader. The kernel gives that id to another
/// process only after the leader was reaped, so signalling is safe before and forbidden after; the
/// lock makes it impossible to reap in between.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Pid,
    reaped: Mutex<bool>,
    /// The wish that the group be stopped. It is kept until somebody waits for it.
    pub(crate) stop: Notify,
}

impl Group {
    pub(crate) fn leader(&self) -> Pid {
        self.leader
    }

    /// Sends a signal to every process of the group, unless its leader was reaped.
    pub(crate) fn signal(&self, signal: Signal) {
        let reaped = self.lock();
        if !*reaped {
            // Fails where no process of the group may be signalled by this user, and there is
            // nothing else that could be done about those.
            let _ = kill_process_group(self.leader, signal);
        }
    }

    /// Reaps the leader if it has ended.
    fn reap(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let mut reaped = self.lock();
        let status = child.try_wait();
        // After an error the id is somebody else's business, too.
        *reaped = !matches!(status, Ok(None));
        status
    }

    fn is_reaped(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.reaped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one who has to reap. Dropping it before that kills the group, and reaps in a thread if the
/// leader takes a moment to die.
#[derive(Debug)]
pub(crate) struct Leader {
    /// There until it is dropped.
    child: Option<Child>,
    group: Arc<Group>,
}

impl Leader {
    /// `child` must have been started as the leader of a group.
    pub(crate) fn new(child: Child) -> Self {
        let group = Group {
            leader: Pid::from_child(&child),
            reaped: Mutex::new(false),
            stop: Notify::new(),
        };
        Self {
            child: Some(child),
            group: Arc::new(group),
        }
    }

    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    /// Reaps the process, whose end was noticed.
    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        let child = self.child.as_mut().expect("it is there until the drop");
        let status = self.group.reap(child)?;
        status.ok_or_else(|| io::Error::other("its end was told, but it has not ended"))
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take().filter(|_| !self.group.is_reaped()) else {
            return;
        };
        self.group.signal(Signal::KILL);
        if !matches!(self.group.reap(&mut child), Ok(None)) {
            return;
        }
        let group = self.group.clone();
        let reaping = move || {
            if wait_without_reaping(group.leader).is_ok() {
                let _ = group.reap(&mut child);
            }
        };
        // Without a thread a zombie is left until this process ends.
        let _ = thread::Builder::new().name("reaper".into()).spawn(reaping);
    }
}

/// Waits until a child has ended, and leaves it as it is. Blocks the thread.
pub(crate) fn wait_without_reaping(child: Pid) -> io::Result<()> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    rustix::io::retry_on_intr(|| waitid(WaitId::Pid(child), options))?;
    Ok(())
}
