//! What the program does, without Docker: settings, command line, listener, routes.

mod app;
mod check_event;
mod ci_settings;
mod cli;
mod config;
mod fake;
mod h2;
mod history;
mod https;
mod listener;
mod load;
mod logging;
mod metrics;
mod pure;
mod routes;
mod secrets;
mod server;
mod streams;
mod tail;
mod webhook_files;

use std::time::Duration;

/// Longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}
