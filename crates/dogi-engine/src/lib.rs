//! Performs what dogi-job wants: admission, runs, outputs, leases.
//!
//! The engine knows neither git nor Docker nor HTTP. It asks its [`ports`]: a [`ports::Source`]
//! for files, a [`ports::Runner`] for images and containers, a [`ports::Host`] for commands on the
//! machine itself, a [`ports::Deliverer`] for callbacks,
//! a [`ports::Store`] for history, [`ports::Secrets`] for what a container is to know and nobody is to
//! read. [`adapters`] has the real ones.
//!
//! ```no_run
//! use dogi_engine::{Engine, EngineConfig, adapters};
//! use dogi_job::{Spec, Submit};
//! use dogi_stream::Position;
//! use dogi_url::{InstanceId, OutputName, RepoUrl};
//!
//! # async fn example(
//! #     source: adapters::GitSource,
//! #     runner: adapters::DockerRunner,
//! #     deliverer: adapters::CallbackDeliverer,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let config = EngineConfig::new("/var/lib/dogi");
//! let namespace = config.namespace.clone();
//! let engine = Engine::builder(config)
//!     .source(source)
//!     .runner(runner)
//!     .deliverer(deliverer)
//!     .build()
//!     .await?;
//!
//! let repo = RepoUrl::from_clone_url("https://github.com/o/r.git")?;
//! let spec = Spec::new(InstanceId::new(&namespace, &repo, None), repo);
//! let run = engine.submit(spec, Submit::Restart).await?.run;
//! let log = run.output(&OutputName::Log).expect("every run has a log");
//! let mut follower = log.follow(Position::START);
//! while let Some(piece) = follower.next().await? {
//!     println!("{piece:?}");
//! }
//! println!("{}", run.finished().await.state);
//! # Ok(())
//! # }
//! ```
//!
//! # Limitations
//!
//! With the [`MemoryStore`] history ends with the process: at a start the outputs and containers
//! of earlier runs are removed. [`adapters::SqliteStore`] keeps it.
//!
//! # Features
//!
//! - `git` (default): `adapters::GitSource`, sources from git repositories.
//! - `docker` (default): `adapters::DockerRunner`, steps on a Docker engine.
//! - `store` (default): `adapters::SqliteStore`, history in a database.
//! - `command` (default): `adapters::HostRunner`, commands on the machine itself.
//! - `compose` (default): `adapters::LocalRunner`, compose projects and commands in checkouts. Brings
//!   `command` and the crate `dogi-docker`: the engine is asked where it sees the checkouts.
//! - `deliver` (default): `adapters::CallbackDeliverer`, callbacks over HTTP.

pub mod adapters;
pub mod governor;
pub mod outputs;
pub mod ports;

mod builder;
mod chain;
mod clock;
mod commands;
mod config;
mod delivery_id;
mod directory;
mod driver;
mod engine;
mod handle;
mod lease;
mod left_behind;
mod promises;
mod queues;
mod recovery;
mod reports;
pub mod store;
mod submission;
mod upkeep;

pub use builder::{BuildEngineError, EngineBuilder};
pub use chain::chain;
pub use clock::{Clock, SystemClock};
pub use config::{AtLogLimit, Ceilings, EngineConfig, OverCeiling};
pub use engine::{Engine, SubmitError, Submitted};
pub use handle::RunHandle;
pub use lease::Lease;
pub use store::MemoryStore;
