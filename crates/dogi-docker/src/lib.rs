//! Build images, run containers, exec in them and follow their files, on a Docker engine.
//!
//! What this adds to a plain API client:
//!
//! - **Output that is exact and complete**: attached before the start, read to the end, byte for byte,
//!   with a terminal or without ([`Container::start_attached`]).
//! - **Files followed from inside the container** like `tail -F`, under any user, on images that hold
//!   nothing but the program, on remote engines ([`Container::follow`]).
//! - **Output that is not kept as it was printed**, with secrets masked for example, is taken up and
//!   followed on all the same ([`Rewriting`]).
//! - **Builds with both builders** from a streamed context, with a log for people, private base images,
//!   and cancelling that waits until the engine has stopped ([`Docker::build`]).
//! - **What an image depends on**, read off its Dockerfile ([`base_images`], [`Docker::resolve_digest`]).
//! - **Errors that say where the trouble is**: a command that can't start, an engine that is not there,
//!   one that went away in the middle ([`EngineError`]).
//! - **Volumes filled and copied without running anything**, on any image that the engine has
//!   ([`Docker::fill_volume`], [`Docker::copy_volume`]).
//! - **Safe by what can't be said**: no capabilities, devices or privileges, no mounts but of named volumes
//!   ([`ContainerSpec`]); everything carries the caller's labels and can be found and collected by them
//!   ([`Docker::collect`]).
//!
//! # Example
//!
//! ```no_run
//! use dogi_docker::{BuildSpec, ContainerSpec, Docker, Endpoint};
//! use futures::StreamExt;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(context: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let docker = Docker::connect(&Endpoint::default())?;
//! let context = futures::stream::iter([Ok(context.into())]); // a tar
//! let mut log = Vec::new();
//! let mut tell = |text: &[u8]| log.extend_from_slice(text);
//! let image = docker.build(&BuildSpec::default(), context, &mut tell, &CancellationToken::new()).await?;
//!
//! let container = docker.create(&ContainerSpec::new(image.as_str())).await?;
//! container.inject_helper().await?;
//! let mut attached = container.start_attached().await?;
//! let files = container.follow(&[(0, "/app/data.jsonl")])?; // read it in a task of its own
//! while let Some(piece) = attached.output.next().await {
//!     let (_channel, _bytes) = piece?;
//! }
//! let exit = container.wait().await?;
//! files.collect::<Vec<_>>().await; // ends by itself; only then remove the container
//! container.remove().await?;
//! assert_eq!(exit.code, 0);
//! # Ok(())
//! # }
//! ```
//!
//! A Dockerfile can be read without an engine:
//!
//! ```
//! let bases = dogi_docker::base_images(b"FROM debian:12\nADD https://example.com/x /", &[].into(), None);
//! assert_eq!(bases.unknowable[0].to_string(), "line 2: ADD of \"https://example.com/x\"");
//! ```
//!
//! # How a container is run
//!
//! create → ([`Container::inject_helper`]) → [`Container::start_attached`] → ([`Container::follow`]) →
//! read the output to its end → [`Container::wait`] → read the files to their end →
//! [`Container::remove`]. A container that can't start is removed by `start_attached` itself.
//!
//! # Limitations
//!
//! - Linux containers on engines that speak API 1.39 or newer (tried: 20.10). `unix://` and `tcp://`, with
//!   TLS; no `ssh://`, no named pipes.
//! - A connection per request: certain, and cheap on a socket; a remote engine pays a round trip more.
//! - The last few milliseconds of a file on a tmpfs mount are lost with the mount.
//! - A file that is rewritten to the same size with the same last 64 bytes is seen as rewritten only at the end.
//! - Secrets and ssh agents are not given to builds.
//!
//! # Features
//!
//! None. The follow helper is compiled by the build script with the same `rustc`, statically; where that
//! is not possible the crate works without it and polls.

mod archive;
mod auth;
mod build;
mod client;
mod container;
mod dockerfile;
mod endpoint;
mod error;
mod failing;
mod follow;
mod image;
mod owned;
mod patience;
mod transport;
mod unique;
mod volume;

pub use archive::FileOfArchive;
pub use auth::{AuthError, Credentials, RegistryAuth};
pub use build::{BuildError, BuildSpec, Builder, ImageId, Progress};
pub use client::{Docker, EngineInfo};
pub use container::{
    AdoptError, Adopted, Adoption, Attached, Channel, Container, ContainerId, ContainerSpec,
    ContainerState, CreateError, Ending, Evidence, Exec, ExecError, ExecSpec, Exit, FinalFile, Gap,
    Limits, Output, OutputError, PathKind, PathStat, Prior, Rewrite, Rewriting, StartError,
    UploadError,
};
pub use dockerfile::{Bases, Unknowable, UnknowableReason, base_images};
pub use endpoint::{ConnectError, Endpoint};
pub use error::EngineError;
pub use follow::{
    FileEvent, FileKey, FollowError, FollowStream, HELPER_PATH, Injection, LiveFile, Mismatch,
    Reconciler, helper_program, reconcile,
};
pub use image::{ImageName, ImageNameError, PullError, Resolved};
pub use owned::{Collected, LabelFilter, Owned, OwnedKind};
pub use volume::{
    CopyVolumeError, CreateVolumeError, FillError, VolumeMount, VolumeName, VolumeNameError,
};
