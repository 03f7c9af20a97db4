//! Documents as trees, and the mistakes in them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod parse;
mod reader;
