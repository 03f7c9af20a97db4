//! Commits of git repositories as build contexts, without a work tree.
//!
//! [`Mirrors`] keeps a bare mirror of each repository and fetches only the commit that is asked
//! for, one commit deep. A [`Checkout`] is such a commit with its submodules; its [`Context`] is
//! what `docker build` would be sent from a `git clone --recurse-submodules`: line endings and
//! encodings as `.gitattributes` wants them, `.dockerignore` obeyed as Docker obeys it, written as
//! a tar straight from the object database.
//!
//! ```
//! use std::sync::Arc;
//! use dogi_egress::EgressPolicy;
//! use dogi_git::{ContextOptions, MirrorOptions, Mirrors};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Arc::new(EgressPolicy::default());
//! let options = MirrorOptions::new(policy, "/var/lib/dogi/known_hosts".into());
//! let mirrors = Mirrors::new("/var/lib/dogi/mirrors".into(), options)?;
//!
//! let cancel = CancellationToken::new();
//! let repo = "https://github.com/o/r.git".parse()?;
//! let checkout = mirrors.checkout(&repo, None, &cancel, &|line| println!("{line}")).await?;
//! let context = checkout.context(ContextOptions::default(), &cancel).await?;
//! println!("{} {}", checkout.commit(), context.digest());
//! let tar = context.stream(&cancel);
//! # drop(tar);
//! # Ok(())
//! # }
//! ```
//!
//! # Safety
//!
//! A repository is somebody else's. Trees with names such as `..` or `.git`, or the same name
//! twice, are refused, so are submodules whose name, path or URL could be taken for an option or
//! a place outside. Symlinks are kept and never followed on this machine. Nothing of a
//! repository's, the user's or the machine's configuration is run: no filters, no hooks, no
//! credential helpers. All connections obey an egress policy, a size limit, time limits and a
//! cancel token, at every point. Credentials go to their own host only and are written nowhere.
//!
//! # Limitations
//!
//! - Unix only. `ssh://` needs the program `ssh`, `file://` the program `git`.
//! - Object ids are SHA-1; dumb HTTP is refused.
//! - Git LFS files stay the pointers that they are; [`Context::lfs_pointers`] names them.
//! - A single file is held in memory while it is written, so it is bounded by
//!   [`Limits::max_object_bytes`].
//! - The `.git` of a context is that of the outermost repository; submodules have none.
//! - Of a branch's tags only the one that was asked for is known.
//! - An abbreviated commit id is found only at the tip of a branch or tag.
//! - `$Id$` and line endings follow `.gitattributes` alone: `core.autocrlf` and the like are
//!   configuration, and there is none.
//!
//! # Features
//!
//! None.

mod checkout;
mod context;
mod credentials;
mod error;
mod files;
mod ignore;
mod kept;
mod limits;
mod local;
mod mirror;
mod mirrors;
mod net;
mod tree;

pub use checkout::{Checkout, Submodule};
pub use context::{Context, ContextOptions, TarStats, TarStream};
pub use credentials::{Credential, Credentials, NoCredentials};
pub use error::{CheckoutError, ContextError, FilesError};
pub use files::{FileQuery, RepoFile};
pub use ignore::{Builder, Dockerignore, IgnoreError};
pub use kept::{KeptMirror, Leftover, Removal};
pub use limits::Limits;
pub use local::{LocalRepo, WorkTree};
pub use mirrors::{HostKeys, KnownHosts, MirrorOptions, Mirrors, Progress, Room, SshKeys};
pub use tree::NameError;
