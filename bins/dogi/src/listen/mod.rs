//! The listener: HTTP/1.1 and HTTP/2 (prior knowledge or ALPN) on one port, with a bound on
//! everything that a client can make it wait for.
//!
//! | a client that… | ends after |
//! |---|---|
//! | connects and is silent, sends half a preface, half a handshake, headers byte by byte | [`Limits::first_request`] |
//! | keeps a connection and sends no further request | [`Limits::keep_alive`] |
//! | sends a body slowly | the reader of the body says (see [`crate::http`]) |
//! | takes nothing of what it asked for | [`Limits::write_stall`] |
//! | opens more connections than there may be | the idlest one goes first |

mod activity;
mod count;
mod io;
mod limits;
mod refusal;
mod serve;
mod table;
mod tls;

pub use activity::{Activity, EofGuard};
pub use count::Connections;
pub use limits::Limits;
pub use serve::{Handler, Listener};
pub use tls::{Tls, TlsError, TlsFiles};
