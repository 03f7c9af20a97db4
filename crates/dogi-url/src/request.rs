//! The run URL, typed.

mod body;
mod error;
mod fields;
mod given;
mod print;
mod rules;

pub use body::{Body, BodyError};
pub use error::{Place, PrintError, RequestError};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Action, CallbackParams, Command, ContainerPath, Cpus, EnvName, FileName, GroupName,
    GroupPolicy, ImageRef, OnFail, OutputSelection, OutputType, Pipeline, Platform, RepoPath,
    RepoUrl, RequestId, Revision, StageName, Verified,
};

/// What a run URL asks for.
///
/// The fields are public, so that a request can also be made without a URL; [`Self::check`] holds
/// the rules that concern several of them. [`Self::parse`] and deserialising have checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct RunRequest {
    /// The repository.
    pub repo: RepoUrl,
    /// What to do with its instance.
    #[serde(default)]
    pub action: Action,
    /// What to show.
    #[serde(default)]
    pub output: OutputSelection,
    /// When to show it.
    #[serde(default)]
    pub output_type: OutputType,
    /// Which instance, of several of one repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Branch, tag or commit (`ref`); the default branch otherwise.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// How its image is built.
    #[serde(default)]
    pub build: BuildParams,
    /// Run in this image instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// Run these nodes of its container graph instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Pipeline>,
    /// The command, instead of the image's (`cmd`, `bashc`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// Environment (`env_NAME`); the values hold no NUL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<EnvName, String>,
    /// Files of the container that are outputs (`file_NAME`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<FileName, ContainerPath>,
    /// Whether the container gets a pseudo-terminal. Its default is `true`, for a pipeline `false`.
    pub tty: bool,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// One job at a time among those of this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// What happens when the group is busy.
    #[serde(default)]
    pub group_policy: GroupPolicy,
    /// Whether closing the connection aborts the job.
    #[serde(default)]
    pub attach: bool,
    /// Who is told how it ended (`cb`, `cb_on`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackParams>,
    /// Ignore cached images and pull the bases.
    #[serde(default)]
    pub rebuild: bool,
    /// How the stream of a failed job ends.
    #[serde(default)]
    pub on_fail: OnFail,
}

/// How the image of a repository is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BuildParams {
    /// The Dockerfile (`df`), relative to the root of the repository; `Dockerfile` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<RepoPath>,
    /// The directory that is the context; the root otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<RepoPath>,
    /// The stage to build; the last one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<StageName>,
    /// Build arguments (`build_arg_NAME`); the values hold no NUL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<EnvName, String>,
    /// The platform; the engine's own otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Whether `.git` is a part of the context.
    #[serde(default)]
    pub git_dir: bool,
}

/// What a job may use; an absent limit is the operator's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// How long it may take, in whole milliseconds.
    #[serde(
        default,
        with = "crate::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Share of processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
}

impl RunRequest {
    /// Most `env_` parameters.
    pub const MAX_ENV: usize = 256;
    /// Most `build_arg_` parameters.
    pub const MAX_BUILD_ARGS: usize = 256;
    /// Most `file_` parameters.
    pub const MAX_FILES: usize = 32;
    /// Longest value of a parameter, in bytes.
    pub const MAX_VALUE_BYTES: usize = 64 * 1024;
    /// Least memory, in bytes; Docker refuses less.
    pub const MIN_MEMORY: u64 = 6 * 1024 * 1024;

    /// A request with every parameter at its default.
    pub fn new(repo: RepoUrl) -> Self {
        Self {
            repo,
            action: Action::default(),
            output: OutputSelection::default(),
            output_type: OutputType::default(),
            id: None,
            revision: None,
            build: BuildParams::default(),
            image: None,
            pipeline: None,
            command: None,
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            tty: true,
            limits: Limits::default(),
            group: None,
            group_policy: GroupPolicy::default(),
            attach: false,
            callback: None,
            rebuild: false,
            on_fail: OnFail::default(),
        }
    }

    /// Whether `path`, as it was sent, is the path of a run URL: `/https/…`, `/ssh/…` and so on.
    pub fn is_run_path(path: &str) -> bool {
        let rest = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        rest.is_some_and(|(scheme, _)| RepoUrl::is_scheme(scheme))
    }

    /// Reads a run URL, and the parameters in its body; where both give one, the URL wins.
    ///
    /// An empty body counts as none. When the URL is signed, a body has to be the one that
    /// `body_sha256` announces; when `body_sha256` is given, it is compared in any case.
    ///
    /// # Errors
    /// The first mistake that is found, with the name of the parameter and what is allowed.
    pub fn parse(url: &Verified<'_>, body: Option<Body<'_>>) -> Result<Self, RequestError> {
        let path = url.path().strip_prefix('/').unwrap_or(url.path());
        let (scheme, rest) = path.split_once('/').unwrap_or((path, ""));
        let repo = RepoUrl::parse(scheme, rest).map_err(RequestError::Repo)?;
        let given = given::collect(url, body)?;
        let request = fields::read(repo, given)?;
        request.check()?;
        Ok(request)
    }

    /// The rules that concern several parameters, or that the types of the fields don't hold.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RequestError> {
        rules::check(self)
    }

    /// The URL that asks for this: path and query, without what is default.
    ///
    /// # Errors
    /// When a command has arguments that `cmd` can't hold because it is split at spaces;
    /// [`Self::to_json`] holds every command.
    pub fn to_target(&self) -> Result<String, PrintError> {
        print::target(self)
    }

    /// The parameters as the JSON body of a POST to [`RepoUrl::run_path`].
    pub fn to_json(&self) -> serde_json::Value {
        print::json(self)
    }

    /// Whether a request like this has a terminal when it does not say.
    fn default_tty(pipeline: Option<&Pipeline>) -> bool {
        pipeline.is_none()
    }
}

impl Serialize for RunRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for RunRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let request = Self::deserialize(deserializer)?;
        request.check().map_err(serde::de::Error::custom)?;
        Ok(request)
    }
}
