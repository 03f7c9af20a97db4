//! What a user of the crate sees, by behaviour.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod append;
mod crash;
mod damage;
mod full;
mod golden;
mod migrations;
mod model;
mod open;
mod outbox;
mod support;
mod upkeep;
mod values;
