//! What a user of the crate sees, by behaviour.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod caches;
mod dotenv;
mod end;
mod find;
mod hook;
mod images;
mod isolate;
mod judge;
mod moved;
mod names;
mod own;
mod plugin;
mod prepare;
mod push;
mod run;
mod secrets;
mod support;
