//! Tests of dogi-docker against a real engine, by behaviour.
//!
//! They need an engine at `unix:///var/run/docker.sock` (or `DOGI_TEST_DOCKER_HOST`) and a static
//! busybox; no registry outside this machine is asked.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::type_complexity,
    clippy::unwrap_used
)]

mod adopt;
mod auth;
mod build;
mod dockerfile;
mod ending;
mod endpoint;
mod follow;
mod follow_on;
mod helper;
mod limits;
mod names;
mod output;
mod owned;
mod progress;
mod reconcile;
mod registry;
mod restart;
mod rewriting;
mod support;
mod troubled;
mod volume;
