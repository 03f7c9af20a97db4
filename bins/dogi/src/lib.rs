//! The `dogi` program as a library: settings, listener, routes and commands. The program itself is
//! one page that calls [`cli::main`]; tests and embedders start the server in-process with
//! [`App`].
//!
//! ```no_run
//! use dogi::App;
//! use dogi::config::{Environment, Flags, Purpose, Settings};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env: Environment = [("BYPASS_SIGNATURES", "true"), ("LISTEN", "127.0.0.1:0")].into_iter().collect();
//! let settings = Settings::load(&Flags::new(), &env, Purpose::Serve)?;
//! let app = App::build(&settings).await?;
//! println!("http://{}", app.local_addr()?);
//! let stop = CancellationToken::new();
//! app.serve(stop).await;
//! # Ok(())
//! # }
//! ```
//!
//! What a request goes through: [`listen`] accepts and bounds it, [`http::Route`] says what it is
//! about, [`http::Gate`] whether its sender may, and one function per route answers, most of them
//! by way of [`dogi_engine::Engine`]. `wire.rs` is the only place that knows which real things
//! stand behind the engine's ports.
//!
//! # Limitations
//!
//! Linux only: signals, `/proc`, file locks.
//!
//! # Features
//!
//! None.

use std::time::{SystemTime, UNIX_EPOCH};

mod app;
pub mod cli;
pub mod config;
mod control;
mod hooks;
pub mod http;
pub mod listen;
mod metrics;
mod webhooks;
mod wire;

pub use app::{App, BuildError, HookReloader};
pub use dogi_engine::chain;
pub use metrics::Metrics;
pub use wire::WireError;

/// Unix time in seconds.
fn unix_now() -> u64 {
    unix_now_ms() / 1000
}

/// Unix time in milliseconds.
fn unix_now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
