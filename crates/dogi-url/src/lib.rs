//! Run URLs, as types that cannot hold a bad value.
//!
//! A run URL names a git repository and what to do with it:
//! `/https/github.com/o/r.git?action=run&env_FOO=bar&sig=…`. This crate takes such a URL apart,
//! verifies its signature over the bytes as they were sent, and types every parameter; and it
//! writes and signs them. It is pure: no I/O, no clock, no environment.
//!
//! ```
//! use dogi_url::{
//!     Action, Expiry, InstanceId, Keys, Namespace, RawTarget, RunRequest, Scheme, Secret, Unverified,
//! };
//!
//! let keys = Keys::new(Some(Secret::new("correct horse")?), [], false);
//! let url = "/https/github.com/o/r.git?action=run&file_data=/app/data.jsonl&output=file_data";
//! let sent = keys.sign(url, Expiry::At(1_900_000_000), Scheme::Hmac)?;
//!
//! let verified = Unverified::new(RawTarget::split(&sent)?).verify(&keys, 1_800_000_000)?;
//! let request = RunRequest::parse(&verified, None)?;
//! assert_eq!(request.action, Action::Run);
//! assert_eq!(request.repo.as_str(), "https://github.com/o/r.git");
//! assert_eq!(
//!     InstanceId::new(&Namespace::default(), &request.repo, None).as_str(),
//!     "dogi_default_526e4a8479d4f91ef2ce1b4cca9b19fc0ac39f1e",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors are made to be shown
//!
//! Every error says which parameter was wrong, quotes the value (escaped and shortened), and says
//! what is allowed and what was probably meant. None holds a secret or a password.
//!
//! # Limitations
//!
//! Whether a repository or a callback may be *reached* is not decided here, nor whether the
//! operator allows `git` and `file` URLs or as much memory as is asked for. Targets are at most
//! [`RawTarget::MAX_BYTES`] long, bodies [`Body::MAX_BYTES`].
//!
//! # Features
//!
//! None. All types implement serde's traits; deserialising checks as parsing does.

mod callback;
mod choices;
mod command;
pub mod duration;
mod host;
mod image;
mod instance;
mod names;
mod output;
mod path;
mod pipeline;
mod query;
mod raw;
mod repo;
mod request;
mod revision;
mod sign;
pub mod size;
mod text;
mod unix_millis;

pub use callback::{CallbackParams, CallbackUrl};
pub use choices::{Action, CallbackOn, GroupPolicy, OnFail, OutputType};
pub use command::Command;
pub use image::{ImageRef, Platform};
pub use instance::{InstanceId, Namespace};
pub use names::{EnvName, FileName, GroupName, NodeName, RequestId, StageName};
pub use output::{OutputName, OutputSelection};
pub use path::{ContainerPath, RepoPath};
pub use pipeline::{NodeList, Pipeline};
pub use query::EscapeError;
pub use raw::{RawTarget, TargetError};
pub use repo::{JoinError, RepoError, RepoUrl, Transport};
pub use request::{
    Body, BodyError, BuildParams, Limits, Place, PrintError, RequestError, RunRequest,
};
pub use revision::{Commit, Revision};
pub use sign::{
    Expiry, Keys, Scheme, Secret, SecretError, SignError, SignatureError, SignedBy, Unverified,
    Verified,
};
pub use size::Cpus;
pub use text::InvalidValue;
pub use unix_millis::UnixMillis;
