use std::{collections::BTreeMap, path::PathBuf};

use dogi_graph::Selection;
use dogi_url::{
    BuildParams, CallbackParams, Command, ContainerPath, EnvName, FileName, GroupName, GroupPolicy,
    ImageRef, InstanceId, Limits, Namespace, OutputName, Pipeline, RepoUrl, RequestId, Revision,
    RunRequest,
};
use serde::{Deserialize, Serialize};

use crate::{Report, SecretName};

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
    /// Variables that only those nodes of a container graph get which ask for them: what whoever started
    /// the run has around. They come after [`Spec::env`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outside: BTreeMap<EnvName, String>,
    /// Secrets of the operator's that the container gets as environment variables; they win over
    /// [`Spec::env`]. Only their names stand here: a value is asked for when the container is made,
    /// and is never recorded. No request can name one. A command on the machine itself gets none, and of
    /// the nodes of a container graph only those that ask for one.
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
    /// Where the repository's files stand in the container; `None`: at `/workspace` of a ready image, and
    /// nowhere beside what the repository's own Dockerfile takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// Where the container finds the event that started the run, which lies beside its outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_path: Option<ContainerPath>,
    /// Whether its containers stay as they are when it is over, for as long as its history does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// Whether what is run may come from somebody who may not write to the repository: then nothing of
    /// the operator's is lent to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stranger: bool,
    /// Whether the image was named by a stranger: then it is one that everybody can pull, or none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public_image: bool,
    /// Who is told what becomes of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
}

/// The repository's files in a container. `/workspace` leads to them, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Where they stand.
    pub path: ContainerPath,
    /// The working directory.
    pub directory: ContainerPath,
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
    /// Nowhere: the run can't be made, and only tells why.
    Refused {
        /// Why, a sentence.
        reason: String,
    },
}

/// Where the image of a run comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The repository's Dockerfile.
    Build(BuildParams),
    /// A ready image, with the repository at `/workspace`.
    Image(ImageRef),
    /// The images that the repository's container graph names; these nodes of it are run.
    Graph(Selection),
    /// No image: a command of the operator's on this machine itself. Only what the operator wrote
    /// makes one; no request can. What exactly it runs lies beside the outputs of the run.
    Host(HostCommand),
    /// No image: programs of this machine in a checkout of the repository. Only what the operator wrote
    /// makes one; no request can.
    Local(Local),
}

/// What is done on the server's machine in a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Local {
    /// A command.
    Command(Vec<String>),
    /// A compose project.
    Compose(Compose),
}

/// A compose project: its images are pulled and built, its services started, something run in them or
/// beside them, and everything of it removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compose {
    /// The file, by its path in the repository.
    pub file: String,
    /// What decides.
    pub test: ComposeTest,
    /// Whether images are pushed when that succeeded.
    pub push: bool,
    /// What else the file may ask for.
    #[serde(default)]
    pub allow: ComposeAllow,
}

/// What is run in or beside a compose project, and decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComposeTest {
    /// A service, to its end.
    Service(String),
    /// A command on this machine, in the checkout.
    Command(Vec<String>),
    /// A command in a container of this image, that gets the engine's socket and the checkout.
    Container {
        /// The image.
        image: ImageRef,
        /// The command.
        command: Vec<String>,
    },
}

/// What a compose file may ask for that gives power over the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ComposeAllow {
    /// `privileged`, capabilities and devices.
    pub privileged: bool,
    /// The host's network.
    pub host_network: bool,
    /// Directories outside the checkout.
    pub host_binds: bool,
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
            outside: BTreeMap::new(),
            secrets: BTreeMap::new(),
            files: BTreeMap::new(),
            tty: true,
            limits: Limits::default(),
            callback: None,
            group: None,
            group_policy: GroupPolicy::default(),
            rebuild: false,
            workspace: None,
            event_path: None,
            keep: false,
            stranger: false,
            public_image: false,
            reports: Vec::new(),
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
            outside: BTreeMap::new(),
            secrets: BTreeMap::new(),
            files: BTreeMap::new(),
            tty: false,
            limits: Limits::default(),
            callback: None,
            group: None,
            group_policy: GroupPolicy::default(),
            rebuild: false,
            workspace: None,
            event_path: None,
            keep: false,
            stranger: false,
            public_image: false,
            reports: Vec::new(),
        }
    }

    /// The command on the server's machine, if it is one.
    #[must_use]
    pub fn host_command(&self) -> Option<&HostCommand> {
        match &self.origin {
            Origin::Host(command) => Some(command),
            Origin::Build(_) | Origin::Image(_) | Origin::Graph(_) | Origin::Local(_) => None,
        }
    }

    /// Which nodes of the repository's container graph are run, if it is a run of that.
    #[must_use]
    pub fn graph(&self) -> Option<&Selection> {
        match &self.origin {
            Origin::Graph(selection) => Some(selection),
            Origin::Build(_) | Origin::Image(_) | Origin::Host(_) | Origin::Local(_) => None,
        }
    }

    /// What is done on the server's machine in a checkout, if it is that.
    #[must_use]
    pub fn local(&self) -> Option<&Local> {
        match &self.origin {
            Origin::Local(local) => Some(local),
            Origin::Build(_) | Origin::Image(_) | Origin::Graph(_) | Origin::Host(_) => None,
        }
    }

    /// What a run URL asks for.
    #[must_use]
    pub fn from_request(request: &RunRequest, namespace: &Namespace) -> Self {
        let origin = match (&request.pipeline, &request.image) {
            (Some(Pipeline::All), _) => Origin::Graph(Selection::All),
            (Some(Pipeline::Nodes(nodes)), _) => {
                Origin::Graph(Selection::Nodes(nodes.names().to_vec()))
            }
            (None, Some(image)) => Origin::Image(image.clone()),
            (None, None) => Origin::Build(request.build.clone()),
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
            outside: BTreeMap::new(),
            secrets: BTreeMap::new(),
            files: request.files.clone(),
            tty: request.tty,
            limits: request.limits.clone(),
            callback: request.callback.clone(),
            group: request.group.clone(),
            group_policy: request.group_policy,
            rebuild: request.rebuild,
            workspace: None,
            event_path: None,
            keep: false,
            stranger: false,
            public_image: false,
            reports: Vec::new(),
        }
    }

    /// The names of the outputs that a run of this has, `status` left out, and those of the nodes of a
    /// container graph, which nobody knows yet.
    pub fn outputs(&self) -> impl Iterator<Item = OutputName> + '_ {
        std::iter::once(OutputName::Log).chain(self.files.keys().cloned().map(OutputName::File))
    }

    /// What stands for the repository where runs of different repositories take turns.
    #[must_use]
    pub fn fairness_key(&self) -> String {
        match &self.source {
            SourceRef::Repo { url, .. } => url.as_str().to_owned(),
            SourceRef::WorkTree { path, .. } => path.display().to_string(),
            SourceRef::Nothing | SourceRef::Refused { .. } => self.instance.to_string(),
        }
    }
}
