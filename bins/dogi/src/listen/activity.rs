//! What one connection is doing: written by its I/O and its requests, read by its supervisor.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Limits;

/// "Not now" in the atomics that hold a time.
const NEVER: u64 = u64::MAX;

/// One connection, as its requests see it (an `Arc` of it is in every request's extensions).
#[derive(Debug)]
pub struct Activity {
    peer: SocketAddr,
    tls: bool,
    opened: Instant,
    requests: AtomicUsize,
    in_flight: AtomicUsize,
    /// Those of them whose answer the client does not keep waiting.
    busy: AtomicUsize,
    /// When the client last took a part of an answer, where it can refuse one by itself.
    taken: AtomicU64,
    /// Something of an answer may wait to be written.
    answering: AtomicBool,
    /// Requests that must see the end of the client's bytes: those that read a body, and those
    /// whose job ends with the connection.
    watching_eof: AtomicUsize,
    half_closed: AtomicBool,
    reader: AtomicWaker,
    flushes: AtomicU64,
    flushed: Notify,
    idle_since: AtomicU64,
    last_write: AtomicU64,
    stalled_since: AtomicU64,
}

impl Activity {
    /// A connection that was opened just now.
    #[must_use]
    pub fn new(peer: SocketAddr, tls: bool) -> Self {
        Self {
            peer,
            tls,
            opened: Instant::now(),
            requests: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
            answering: AtomicBool::new(false),
            watching_eof: AtomicUsize::new(0),
            half_closed: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            flushes: AtomicU64::new(0),
            flushed: Notify::new(),
            idle_since: AtomicU64::new(0),
            last_write: AtomicU64::new(0),
            stalled_since: AtomicU64::new(NEVER),
        }
    }

    /// The other end of the TCP connection (a proxy's, if there is one).
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// While the guard lives, an end of the client's bytes counts as its disconnection. Without
    /// one it may be a half-close (`nc -N`), after which the client still reads.
    #[must_use]
    pub fn watch_eof(self: &std::sync::Arc<Self>) -> EofGuard {
        self.watching_eof.fetch_add(1, Ordering::AcqRel);
        self.reader.wake();
        EofGuard(std::sync::Arc::clone(self))
    }

    /// Resolves when all that the connection holds at the moment was handed to the network. To be
    /// awaited by a body that has nothing to say: the connection flushes then. Cancel safe.
    pub async fn flushed(&self) {
        let before = self.flushes.load(Ordering::Acquire);
        loop {
            let notified = self.flushed.notified();
            if self.flushes.load(Ordering::Acquire) > before {
                return;
            }
            notified.await;
        }
    }

    /// The stream has nothing left to write.
    pub(super) fn wrote_all(&self) {
        if self.in_flight.load(Ordering::Acquire) == 0 {
            self.answering.store(false, Ordering::Release);
        }
        self.flushes.fetch_add(1, Ordering::AcqRel);
        self.flushed.notify_waiters();
    }

    /// Whether what is written now may be of an answer.
    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire)
    }

    /// A request began; it ends when the guard is dropped, which is with its response's body.
    /// `multiplexed`: it is one of several on its connection (HTTP/2), and the client says of each
    /// how much of its answer it takes, so that the socket tells nothing of a reader that stops.
    pub(super) fn request(self: &std::sync::Arc<Self>, multiplexed: bool) -> RequestGuard {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.busy.fetch_add(1, Ordering::AcqRel);
        self.answering.store(true, Ordering::Release);
        if self.in_flight.fetch_add(1, Ordering::AcqRel) == 0 {
            self.taken.store(self.now(), Ordering::Release);
        }
        RequestGuard {
            activity: std::sync::Arc::clone(self),
            multiplexed,
            busy: true,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// The client sends no more. `true`: tell nobody yet, the waker will be called in time.
    pub(super) fn hide_eof(&self, waker: &Waker) -> bool {
        self.reader.register(waker);
        self.half_closed.store(true, Ordering::Release);
        self.in_flight.load(Ordering::Acquire) > 0 && self.watching_eof.load(Ordering::Acquire) == 0
    }

    /// Bytes were taken by the client.
    pub(super) fn wrote(&self) {
        // The pings of HTTP/2 and their answers keep nobody busy.
        if self.is_answering() {
            self.last_write.store(self.now(), Ordering::Release);
        }
        self.stalled_since.store(NEVER, Ordering::Release);
    }

    /// Bytes are waiting for the client.
    pub(super) fn stalled(&self) {
        let now = self.now();
        let _ =
            self.stalled_since
                .compare_exchange(NEVER, now, Ordering::AcqRel, Ordering::Acquire);
    }

    /// How long no request has been under way, if none is.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        if self.in_flight.load(Ordering::Acquire) > 0 {
            return None;
        }
        let since = self.idle_since.load(Ordering::Acquire);
        Some(self.since(since.max(self.last_write.load(Ordering::Acquire))))
    }

    /// How long the client has taken nothing although bytes wait, or may be gone altogether.
    pub(super) fn stalled_for(&self) -> Option<Duration> {
        let gone = || {
            let half_closed = self.half_closed.load(Ordering::Acquire);
            half_closed.then(|| self.since(self.last_write.load(Ordering::Acquire)))
        };
        self.untaken_for().or_else(gone)
    }

    /// How long the client has taken nothing although bytes wait: by the socket, or because it
    /// keeps all its answers waiting.
    fn untaken_for(&self) -> Option<Duration> {
        let in_socket = match self.stalled_since.load(Ordering::Acquire) {
            NEVER => None,
            since => Some(self.since(since)),
        };
        let refused =
            self.in_flight.load(Ordering::Acquire) > 0 && self.busy.load(Ordering::Acquire) == 0;
        in_socket.max(refused.then(|| self.since(self.taken.load(Ordering::Acquire))))
    }

    fn since(&self, millis: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(millis))
    }

    /// Resolves when the connection has outlived a limit. Cancel safe.
    pub(super) async fn overdue(&self, limits: &Limits) -> Overdue {
        loop {
            match self.next_deadline(limits) {
                Err(overdue) => return overdue,
                Ok(left) => tokio::time::sleep(left).await,
            }
        }
    }

    /// When to look again: a state that begins now can't be overdue earlier than this.
    fn next_deadline(&self, limits: &Limits) -> Result<Duration, Overdue> {
        let mut left = limits
            .first_request
            .min(limits.keep_alive)
            .min(limits.write_stall);
        if let Some(idle) = self.idle_for() {
            let first = self.requests.load(Ordering::Acquire) == 0;
            let limit = if first {
                limits.first_request
            } else {
                limits.keep_alive
            };
            let remaining = limit.checked_sub(idle).filter(|left| !left.is_zero());
            let overdue = if first {
                Overdue::FirstRequest
            } else {
                Overdue::Idle
            };
            left = left.min(remaining.ok_or(overdue)?);
        }
        if let Some(stalled) = self.untaken_for() {
            let remaining = limits.write_stall.checked_sub(stalled);
            left = left.min(
                remaining
                    .filter(|left| !left.is_zero())
                    .ok_or(Overdue::WriteStall)?,
            );
        }
        Ok(left.max(Duration::from_millis(1)))
    }
}

/// Which limit a connection has outlived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No complete first request (or TLS handshake) in time.
    FirstRequest,
    /// No complete further request in time.
    Idle,
    /// The client takes nothing of what waits for it.
    WriteStall,
}

/// See [`Activity::watch_eof`].
#[derive(Debug)]
pub struct EofGuard(std::sync::Arc<Activity>);

impl Drop for EofGuard {
    fn drop(&mut self) {
        self.0.watching_eof.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct RequestGuard {
    activity: std::sync::Arc<Activity>,
    multiplexed: bool,
    busy: bool,
}

impl RequestGuard {
    /// The head of the answer is there: it is the client's turn.
    pub(super) fn answered(&mut self) {
        self.set_busy(false);
    }

    /// The client took what there was of the body; `waits`: there is no more at the moment.
    pub(super) fn took(&mut self, waits: bool) {
        if self.multiplexed {
            let activity = &self.activity;
            activity.taken.store(activity.now(), Ordering::Release);
            self.set_busy(waits);
        }
    }

    fn set_busy(&mut self, busy: bool) {
        if !self.multiplexed || busy == self.busy {
            return;
        }
        self.busy = busy;
        match busy {
            true => self.activity.busy.fetch_add(1, Ordering::AcqRel),
            false => self.activity.busy.fetch_sub(1, Ordering::AcqRel),
        };
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let activity = &self.activity;
        activity.idle_since.store(activity.now(), Ordering::Release);
        if self.busy {
            activity.busy.fetch_sub(1, Ordering::AcqRel);
        }
        if activity.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            activity.reader.wake();
        }
    }
}
