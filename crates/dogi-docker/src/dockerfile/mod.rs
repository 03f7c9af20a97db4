//! What, besides the context, an image depends on: read off its Dockerfile. Pure.

mod analyse;
mod lines;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::image::ImageName;

/// What a build takes from elsewhere.
///
/// Two builds of the same context, Dockerfile, arguments, platform and builder give the same image if
/// [`Bases::is_knowable`] and everything in `images` and `frontend` resolves to the same digests
/// ([`crate::Docker::resolve_digest`]). Commands that load something themselves (`RUN curl …`) are, as for
/// Docker's own cache, no part of this. One thing can't be seen here: `ONBUILD` triggers of a base image,
/// which are as fixed as its digest unless they add a URL themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bases {
    /// Images that stages begin with, or that files are copied or mounted from. `scratch` is none.
    pub images: BTreeSet<ImageName>,
    /// The image that BuildKit lets read the Dockerfile (`# syntax=`). The classic builder ignores it.
    pub frontend: Option<ImageName>,
    /// Ids of the secrets that commands mount.
    pub secrets: BTreeSet<String>,
    /// Why the result can't be known beforehand; empty if it can.
    pub unknowable: Vec<Unknowable>,
}

/// Something that can differ between two builds without a trace in what was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknowable {
    /// Line of the Dockerfile, from 1.
    pub line: usize,
    /// What stands there.
    pub reason: UnknowableReason,
}

/// Kinds of [`Unknowable`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknowableReason {
    /// `ADD` of a URL or a git repository without a checksum.
    RemoteFile(String),
    /// `ADD` of a name that begins with a variable, which may be a URL.
    VariableSource(String),
    /// A mount that gives a command an ssh agent.
    SshMount,
    /// A base that depends on a variable of which the value is not known.
    VariableBase(String),
    /// A base or frontend that is no name of an image.
    BadName(String),
    /// The target is no stage of this Dockerfile.
    NoSuchStage(String),
    /// There is no stage at all.
    NoStage,
}

impl fmt::Display for Unknowable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.reason {
            UnknowableReason::RemoteFile(source) => write!(f, "ADD of {source:?}"),
            UnknowableReason::VariableSource(source) => write!(f, "ADD of {source:?}, maybe a URL"),
            UnknowableReason::SshMount => f.write_str("an ssh mount"),
            UnknowableReason::VariableBase(base) => write!(f, "the base {base:?} is variable"),
            UnknowableReason::BadName(name) => write!(f, "{name:?} is no name of an image"),
            UnknowableReason::NoSuchStage(stage) => write!(f, "there is no stage {stage:?}"),
            UnknowableReason::NoStage => f.write_str("there is no FROM"),
        }
    }
}

impl Bases {
    /// Whether what the image depends on can be told before building it.
    pub fn is_knowable(&self) -> bool {
        self.unknowable.is_empty()
    }

    /// Registries that the images come from, for [`crate::BuildSpec::registries`]. Complete only if
    /// [`Bases::is_knowable`].
    pub fn registries(&self) -> BTreeSet<String> {
        let images = self.images.iter().chain(&self.frontend);
        images.map(|image| image.registry().to_owned()).collect()
    }
}

/// Reads a Dockerfile. `args` are the build's arguments, `target` its target stage; stages after the
/// target don't count, all before it do (the classic builder makes them all).
///
/// Nothing is an error: a Dockerfile that does not parse is the builder's to refuse.
///
/// ```
/// # use dogi_docker::base_images;
/// let bases = base_images(b"ARG V=12\nFROM debian:$V\nCOPY --from=busybox:1 /bin/sh /\n", &[].into(), None);
/// let names: Vec<String> = bases.images.iter().map(ToString::to_string).collect();
/// assert_eq!(names, ["busybox:1", "debian:12"]);
/// assert!(bases.is_knowable());
/// ```
pub fn base_images(
    dockerfile: &[u8],
    args: &BTreeMap<String, String>,
    target: Option<&str>,
) -> Bases {
    analyse::analyse(&String::from_utf8_lossy(dockerfile), args, target)
}
