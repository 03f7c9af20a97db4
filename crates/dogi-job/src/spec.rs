use std::{collections::BTreeMap, path::PathBuf};

use dogi_url::{
    BuildParams, CallbackParams, Command, ContainerPath, EnvName, FileName, GroupName, GroupPolicy,
    ImageRef, InstanceId, Limits, Namespace, OutputName, RepoUrl, RequestId, Revision, RunRequest,
};
use serde::{Deserialize, Serialize};

use crate::SecretName;

/// Everything that says what a run does. It does not change after submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Of which instance this is a run: one run of an instance is alive at a time.
    pub instance: InstanceId,
    /// The `id` of the request, which told the instance apart from others of the repository.
    pub id: Option<RequestId>,
    /// Where the files come from.
    pub source: SourceRef,
    /// Where the image comes from.
    pub origin: Origin,
    /// What to run instead of the image's own command.
    pub command: Option<Command>,
    /// Environment variables of the container.
    pub env: BTreeMap<EnvName, String>,
    /// Secrets of the operator's that the container gets as environment variables; they win over
    /// [`Spec::env`]. Only their names stand here: a value is asked for when the container is made,
    /// and is never recorded. No request can name one. A command on the machine itself gets none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<EnvName, SecretName>,
    /// Files inside the container that are followed.
    pub files: BTreeMap<FileName, ContainerPath>,
    /// Whether the container gets a pseudo-terminal.
    pub tty: bool,
    /// Limits of time, memory and CPU; what is `None` is the operator's default.
    pub limits: Limits,
    /// Who is told the result.
    pub callback: Option<CallbackParams>,
    /// Runs of one group come one at a time.
    pub group: Option<GroupName>,
    /// What happens when the group is busy.
    pub group_policy: GroupPolicy,
    /// Whether cached images are ignored and bases pulled.
    pub rebuild: bool,
}

/// Where the files of a run come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceRef {
    /// A repository.
    Repo {
        /// Its URL.
        url: RepoUrl,
        /// Branch, tag or commit; `None`: the default branch.
        revision: Option<Revision>,
    },
    /// A directory of this machine, as it is now. Only programs that run on behalf of the
    /// directory's owner make one; no request can.
    WorkTree {
        /// The directory.
        path: PathBuf,
        /// A commit of the repository there; `None`: the files as they are on disk.
        revision: Option<Revision>,
    },
    /// Nowhere: it needs none.
    Nothing,
}

/// Where the image of a run comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The repository's Dockerfile.
    Build(BuildParams),
    /// A ready image, with the repository at `/workspace`.
    Image(ImageRef),
    /// No image: a command of the operator's on this machine itself. Only what the operator wrote
    /// makes one; no request can. What exactly it runs lies beside the outputs of the run.
    Host(HostCommand),
}

/// A command on the server's machine. Commands of one name have a queue of their own, beside the one
/// that containers wait in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCommand {
    /// What it is called: the id of a hook.
    pub name: String,
    /// How many of this name run at once.
    pub running: usize,
    /// How many of this name wait.
    pub queued: usize,
}

impl Spec {
    /// A run of the repository's Dockerfile with nothing else said.
    #[must_use]
    pub fn new(instance: InstanceId, url: RepoUrl) -> Self {
        Self {
            instance,
            id: None,
            source: SourceRef::Repo {
                url,
                revision: None,
            },
            origin: Origin::Build(BuildParams::default()),
            command: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            files: BTreeMap::new(),
            tty: true,
            limits: Limits::default(),
            callback: None,
            group: None,
            group_policy: GroupPolicy::default(),
            rebuild: false,
        }
    }

    /// A command on the server's machine.
    #[must_use]
    pub fn of_command(namespace: &Namespace, command: HostCommand) -> Self {
        Self {
            instance: InstanceId::of_hook(namespace, &command.name),
            id: None,
            source: SourceRef::Nothing,
            origin: Origin::Host(command),
            command: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            files: BTreeMap::new(),
            tty: false,
            limits: Limits::default(),
            callback: None,
            group: None,
            group_policy: GroupPolicy::default(),
            rebuild: false,
        }
    }

    /// The command on the server's machine, if it is one.
    #[must_use]
    pub fn host_command(&self) -> Option<&HostCommand> {
        match &self.origin {
            Origin::Host(command) => Some(command),
            Origin::Build(_) | Origin::Image(_) => None,
        }
    }

    /// What a run URL asks for.
    #[must_use]
    pub fn from_request(request: &RunRequest, namespace: &Namespace) -> Self {
        let origin = match &request.image {
            Some(image) => Origin::Image(image.clone()),
            None => Origin::Build(request.build.clone()),
        };
        Self {
            instance: InstanceId::new(namespace, &request.repo, request.id.as_ref()),
            id: request.id.clone(),
            source: SourceRef::Repo {
                url: request.repo.clone(),
                revision: request.revision.clone(),
            },
            origin,
            command: request.command.clone(),
            env: request.env.clone(),
            secrets: BTreeMap::new(),
            files: request.files.clone(),
            tty: request.tty,
            limits: request.limits.clone(),
            callback: request.callback.clone(),
            group: request.group.clone(),
            group_policy: request.group_policy,
            rebuild: request.rebuild,
        }
    }

    /// The names of the outputs that a run of this has, `status` left out.
    pub fn outputs(&self) -> impl Iterator<Item = OutputName> + '_ {
        std::iter::once(OutputName::Log).chain(self.files.keys().cloned().map(OutputName::File))
    }

    /// What stands for the repository where runs of different repositories take turns.
    #[must_use]
    pub fn fairness_key(&self) -> String {
        match &self.source {
            SourceRef::Repo { url, .. } => url.as_str().to_owned(),
            SourceRef::WorkTree { path, .. } => path.display().to_string(),
            SourceRef::Nothing => self.instance.to_string(),
        }
    }
}
