//! How long a client may take, and how many there may be.

use std::time::Duration;

/// Bounds of the listener. [`Limits::default`] is what `dogi serve` uses; tests shorten them.
///
/// None of them ends a response that is slow because its job is slow, or because its reader is:
/// a stopped reader costs a bounded buffer, and only [`Limits::write_stall`] ends it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at once. Past that the one that has been idle longest goes, then the one
    /// that has been stalled longest; when all are busy a new one is answered 503.
    pub max_connections: usize,
    /// From the accept (TLS handshake included) to the end of the first request's headers.
    pub first_request: Duration,
    /// From the end of one response to the end of the next request's headers.
    pub keep_alive: Duration,
    /// Without a single byte taken by a client that has bytes waiting for it.
    pub write_stall: Duration,
    /// How long bytes that a client still sends are read and thrown away when its connection
    /// closes, so that a reset does not overtake the answer.
    pub linger: Duration,
    /// How long responses may go on after a signal to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            first_request: Duration::from_secs(15),
            keep_alive: Duration::from_secs(60),
            write_stall: Duration::from_secs(60 * 60),
            linger: Duration::from_secs(2),
            grace: Duration::from_secs(10),
        }
    }
}
