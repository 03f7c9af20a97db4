//! What is decided, by tables; what is sent, to real receivers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod data;
#[cfg(feature = "deliver")]
mod deliver;
mod forge;
mod headers;
mod hooks;
#[cfg(feature = "mail")]
mod mail;
mod messages;
mod patience;
mod requests;
mod retry;
mod rules;
mod sign;
mod status;
