//! The server's own log, on standard error. One process has one: only commands start it.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Begins to write what `filter` lets through. A second call changes nothing.
pub(super) fn start(filter: &str, json: bool) {
    let targets: Targets = filter.parse().unwrap_or_default();
    let layer = match json {
        true => fmt::layer().json().with_writer(std::io::stderr).boxed(),
        false => {
            use std::io::IsTerminal as _;
            let colours = std::io::stderr().is_terminal();
            fmt::layer()
                .with_ansi(colours)
                .with_writer(std::io::stderr)
                .boxed()
        }
    };
    // Tests run commands in one process: the first one's log is everybody's.
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .try_init();
}
