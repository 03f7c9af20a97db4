//! The kit works with the real programs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod docker;
mod engine;
mod forges;
mod git;
mod receivers;
mod registry;
mod repo;
mod smtp;
