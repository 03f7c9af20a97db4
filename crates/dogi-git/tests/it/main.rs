//! The tests of this crate, by behaviour.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod contexts;
mod crashes;
mod credentials;
mod dockerignore;
mod dockerignore_docker;
mod evil;
mod files;
mod git_dir;
mod heavy;
mod kept;
mod limits;
mod local;
mod mirrors;
mod old_server;
mod revisions;
mod ssh;
mod strangers;
mod submodules;
mod support;
