//! Runs the Compose project of a checkout that nobody has to trust, with the real program:
//! `docker compose` or `docker-compose`, whichever is there.
//!
//! A [`Project`] is a Compose file in a checkout and what its caller grants it. [`Compose::prepare`]
//! checks it: the program resolves the file (which is the only way to know what it means), a policy
//! judges the result, and what will be run is written anew: without published ports, names of
//! containers and restarts, with limits and the caller's labels. [`Prepared::run`] pulls, builds,
//! starts, tests and pushes. [`Compose::down`] leaves nothing behind, also when nothing but the
//! project's name is known any more.
//!
//! ```no_run
//! use std::{ffi::OsStr, time::Duration};
//!
//! use dogi_compose::{Compose, Down, Plan, Project, Tests};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(project: Project) -> Result<(), Box<dyn std::error::Error>> {
//! let compose = Compose::find(OsStr::new("/usr/local/bin:/usr/bin:/bin"), None).await?;
//! let (mut log, cancel) = (Vec::new(), CancellationToken::new());
//! let prepared = compose.prepare(&project, &mut log, &cancel).await?;
//! let plan = Plan { tests: Tests::Service("tests".to_owned()), push: true, keep: false, files: Vec::new() };
//! let outcome = prepared.run(&plan, &mut log, &cancel).await;
//! let down = Down {
//!     name: project.name.clone(),
//!     scratch: project.scratch.clone(),
//!     engine: project.engine.clone(),
//!     images: true,
//!     time: Duration::from_secs(60),
//! };
//! compose.down(&down, &mut log).await?;
//! assert!(outcome?.tests.success());
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A project gets no more power over the host than any container has, unless [`Allow`] says so; all
//!   that is refused is told at once, with its place, value and what would permit it.
//! - The program sees no variable of this process, no file outside of the checkout and no
//!   configuration of the user; the checkout's `.env` can't tell it where the engine is.
//! - Values of variables and passwords stand on no command line, and in files of mode 0600 alone.
//! - Two projects of one file don't meet: networks, volumes, containers are named after the project.
//!
//! # Limitations
//!
//! - The engine's images are everybody's: a project may build an image of any name, which others then
//!   use.
//! - What is built may reach the network, and so may containers.
//! - Remote contexts and includes, `provider` services and registries of secrets are refused.
//! - A bind below a directory that another service may write is refused, since that one could make it
//!   a link.
//! - Without a docker program, 1.29 can run projects, and take them down as long as their scratch
//!   directory is there; nothing looks for what it left.
//! - `.env` is read by rules of its own, the intersection of what the versions agree on: no values of
//!   several lines, no variables in values.
//!
//! # Features
//!
//! None.

mod checkout;
mod dotenv;
mod down;
mod environment;
mod error;
mod exec;
mod hook;
mod images;
mod model;
mod name;
mod own;
mod policy;
mod prepare;
mod program;
mod project;
mod refusal;
mod resolve;
mod rewrite;
mod run;
mod scratch;
mod sink;
mod sources;
mod words;

pub use checkout::PathFault;
pub use dotenv::{DotenvError, parse_dotenv};
pub use down::Down;
pub use error::{ComposeError, DownError, FindError, RunError};
pub use hook::{HookCommand, HookContainer};
pub use images::Build;
pub use name::{ProjectName, ProjectNameError};
pub use own::container_ids;
pub use policy::judge;
pub use prepare::Prepared;
pub use program::Compose;
pub use project::{
    Allow, Ceilings, Credentials, EngineAddress, Login, Permission, Project, Shared,
};
pub use refusal::Refusal;
pub use rewrite::isolate;
pub use run::{Outcome, Plan, Tests};
pub use sink::Sink;
pub use words::{WordsError, split_words};
