//! What a user of the crate sees, by behaviour.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod arguments;
mod debug;
mod end;
mod files;
mod lookup;
mod many;
mod output;
mod refused;
mod stop;
mod support;
