//! What all connections of one checkout share: its deadline, its budget, its end.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Source;
use crate::limits::Limits;
use crate::mirrors::Room;

/// How often the bytes received are told.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes received between two looks at the disk.
const LOOK: u64 = 1 << 20;

/// Why a connection ended: the first reason counts.
#[derive(Debug)]
pub(crate) enum Fault {
    Cancelled,
    /// The whole checkout took too long.
    Deadline,
    /// The server took too long for one step.
    Stalled {
        what: &'static str,
        limit: Duration,
    },
    TooLarge,
    NoRoom,
    Denied(String),
    NotFound(String),
    Unauthorized(String),
    HostKey(String),
    Connection {
        reason: String,
        source: Option<Source>,
    },
}

/// The bytes and the time that a checkout may take, submodules included.
pub(crate) struct Budget {
    received: AtomicU64,
    deadline: Instant,
    room: Room,
    /// The room that there was at the beginning. What was received is not on disk yet, an object
    /// is written when all of it is there: to look at the disk meanwhile is not enough.
    room_before: u64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, room: &Room) -> Arc<Budget> {
        let deadline = Instant::now() + limits.timeout;
        Arc::new(Budget {
            received: AtomicU64::new(0),
            deadline,
            room: room.clone(),
            room_before: room(),
        })
    }
}

impl Budget {
    /// Whether the disk has no room for `total` bytes, the last `new` of which just came. Others
    /// write to it too, so it is looked at again now and then.
    fn is_beyond_room(&self, total: u64, new: u64) -> bool {
        let look = total / LOOK != total.saturating_sub(new) / LOOK;
        total > self.room_before || (look && (self.room)() == 0)
    }
}

/// One connection's share of it. Used by the thread that speaks the protocol.
pub(crate) struct Link {
    runtime: Handle,
    cancel: CancellationToken,
    budget: Arc<Budget>,
    pub(crate) limits: Limits,
    /// Seen by gix while it works on what was received.
    pub(crate) interrupt: AtomicBool,
    fault: Mutex<Option<Fault>>,
    lines: UnboundedSender<String>,
    told: Mutex<Told>,
}

struct Told {
    bytes: u64,
    at: Instant,
}

impl Link {
    pub(crate) fn new(
        cancel: CancellationToken,
        budget: Arc<Budget>,
        limits: Limits,
        lines: UnboundedSender<String>,
    ) -> Link {
        Link {
            runtime: Handle::current(),
            cancel,
            budget,
            limits,
            interrupt: AtomicBool::new(false),
            fault: Mutex::default(),
            lines,
            told: Mutex::new(Told {
                bytes: 0,
                at: Instant::now(),
            }),
        }
    }

    /// Waits for `work` on this thread, until it is cancelled, for no longer than `limit` and than
    /// the deadline. `what` says what did not happen in time.
    pub(crate) fn wait<T>(
        &self,
        limit: Duration,
        what: &'static str,
        work: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(self.fail(Fault::Cancelled)),
                done = work => done,
                () = tokio::time::sleep_until(self.budget.deadline) => {
                    Err(self.fail(Fault::Deadline))
                }
                () = tokio::time::sleep(limit) => Err(self.fail(Fault::Stalled { what, limit })),
            }
        })
    }

    /// As [`Link::wait`], for what must be waited for even when it is cancelled.
    pub(crate) fn settle<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// A background task needs the runtime around it.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Ends once it is cancelled or late: sets the interrupt flag of gix then.
    pub(crate) async fn watch(self: Arc<Self>) {
        tokio::select! {
            () = self.cancel.cancelled() => self.fail(Fault::Cancelled),
            () = tokio::time::sleep_until(self.budget.deadline) => self.fail(Fault::Deadline),
        };
    }

    /// Notes why it ended, unless something did before; the error for who is reading.
    pub(crate) fn fail(&self, fault: Fault) -> io::Error {
        let text = format!("{fault:?}");
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(fault);
        self.interrupt.store(true, Ordering::Relaxed);
        io::Error::other(text)
    }

    /// Why it ended, if it is known.
    pub(crate) fn take_fault(&self) -> Option<Fault> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Counts bytes received against the limit, and tells of them now and then.
    pub(crate) fn count(&self, bytes: usize) -> io::Result<()> {
        let total = self
            .budget
            .received
            .fetch_add(bytes as u64, Ordering::Relaxed)
            + bytes as u64;
        if total > self.limits.max_bytes {
            return Err(self.fail(Fault::TooLarge));
        }
        if self.budget.is_beyond_room(total, bytes as u64) {
            return Err(self.fail(Fault::NoRoom));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.bytes += bytes as u64;
        if told.at.elapsed() >= TELL_INTERVAL {
            told.at = Instant::now();
            let line = format!("Receiving objects {}", size(told.bytes));
            drop(told);
            self.tell(line);
        }
        Ok(())
    }

    /// The bytes that this connection received.
    pub(crate) fn received(&self) -> u64 {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bytes
    }

    /// A line for people.
    pub(crate) fn tell(&self, line: String) {
        // Nobody may listen any more.
        let _ = self.lines.send(line);
    }
}

/// `12.3 MiB`
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}
