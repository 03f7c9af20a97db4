//! End to end: `dogi` as a process, a real Docker engine, real git servers, real receivers.
//!
//! Needs a Docker engine and Debian's `busybox-static`, `git` and `openssh-server`;
//! `cargo xtask test` sees to them. No image is pulled: every image is built `FROM scratch`.

mod harness;

mod backup;
mod bad_input;
mod callbacks;
mod cancels;
mod commands;
mod crashes;
mod crowd;
mod disk;
mod engine;
mod engine_restarts;
mod files;
mod gc;
mod git;
mod graphs;
mod hook_cases;
mod hook_jobs;
mod hook_runs;
mod hooks;
mod hostile_hooks;
mod limits;
mod metrics;
mod queue;
mod resumed;
mod routes;
mod run_url;
mod signatures;
mod stopping;
mod streams;
mod taken_up;
mod webhook_graphs;
mod webhooks;
