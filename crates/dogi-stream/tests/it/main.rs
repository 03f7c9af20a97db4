//! Logs, followers and framing, by behaviour.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod cursor;
mod decode;
mod disk_full;
mod follow;
mod interleaving;
mod load;
mod log;
mod mask;
mod multiplex;
mod ndjson;
mod recover;
mod reserved;
mod restart;
mod sse;
mod support;
mod text;
