//! What the policy says, and that clients cannot get around it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod clients;
mod guard;
mod policy;
mod properties;
mod proxies;
mod tls;
