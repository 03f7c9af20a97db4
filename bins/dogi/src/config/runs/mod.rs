//! `run` of a rule: what a delivery starts, in all its forms.

mod pipeline;
mod read;

use std::fmt;
use std::time::Duration;

use dogi_url::{Command, Cpus, ImageRef, RepoPath, StageName};

use super::plain::PlainName;

pub use pipeline::Pipeline;
pub(super) use read::read;

/// One thing that a delivery starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// What its commit status is called, behind `dogi/`: the name that it was given, else the form.
    /// No other entry of the rule has it.
    pub name: PlainName,
    /// What it does.
    pub work: Work,
    /// Its own ceiling of time.
    pub timeout: Option<Duration>,
    /// Its own ceiling of memory, in bytes.
    pub memory: Option<u64>,
    /// Its own ceiling of processors.
    pub cpus: Option<Cpus>,
}

impl RunEntry {
    /// What its commit status is called: `dogi/NAME`.
    #[must_use]
    pub fn context(&self) -> String {
        format!("dogi/{}", self.name)
    }
}

/// What an entry does, at the commit that the delivery is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Builds a Dockerfile of the repository and runs the image.
    Dockerfile {
        /// The Dockerfile.
        file: RepoPath,
        /// The directory that is the build context; `None`: the root.
        context: Option<RepoPath>,
        /// The stage to build; `None`: the last.
        target: Option<StageName>,
        /// Instead of the image's own command.
        command: Option<Command>,
    },
    /// Runs in an image that exists, with the repository in it.
    Image {
        /// The image.
        image: ImageRef,
        /// Instead of the image's own command.
        command: Option<Command>,
    },
    /// Brings a compose project up and tests it.
    Compose {
        /// The compose file.
        file: RepoPath,
        /// What the tests are.
        tests: ComposeTests,
        /// Push the project's images when the tests succeed.
        push: bool,
    },
    /// Runs nodes of the repository's container graph.
    Pipeline(Pipeline),
    /// Runs a command on this machine, without a container, in a checkout.
    Host {
        /// The command.
        command: Command,
    },
    /// Asks the repository's own file of hooks, and runs each that triggers in a container.
    Hooks {
        /// That file.
        file: RepoPath,
        /// The container's image, where a hook names none; `None`: the repository's Dockerfile.
        image: Option<ImageRef>,
    },
}

/// How a compose project is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComposeTests {
    /// By a service of its own.
    Service(PlainName),
    /// By a command beside it.
    Command(Command),
}

impl Work {
    /// The key that says which form it is.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Self::Dockerfile { .. } => "dockerfile",
            Self::Image { .. } => "image",
            Self::Compose { .. } => "compose",
            Self::Pipeline(_) => "pipeline",
            Self::Host { .. } => "command",
            Self::Hooks { .. } => "hooks",
        }
    }

    /// Whether it makes containers whose files can become outputs: those of a compose project are not of
    /// dogi's making, and a container graph has volumes instead.
    #[must_use]
    pub fn takes_files(&self) -> bool {
        match self {
            Self::Dockerfile { .. } | Self::Image { .. } | Self::Hooks { .. } => true,
            Self::Compose { .. } | Self::Pipeline(_) | Self::Host { .. } => false,
        }
    }
}

/// In words.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dockerfile {
                file,
                context,
                target,
                command,
            } => {
                write!(f, "builds {file}")?;
                if let Some(target) = target {
                    write!(f, " to its stage {target}")?;
                }
                if let Some(context) = context {
                    write!(f, " with the directory {context}")?;
                }
                write!(f, " and runs {}", command_or_own(command.as_ref()))
            }
            Self::Image { image, command } => {
                write!(f, "runs {} in {image}", command_or_own(command.as_ref()))
            }
            Self::Compose { file, tests, push } => {
                write!(f, "brings {file} up and runs ")?;
                match tests {
                    ComposeTests::Service(name) => write!(f, "its service {name}")?,
                    ComposeTests::Command(command) => write!(f, "{}", quoted(command))?,
                }
                f.write_str(if *push {
                    ", then pushes its images"
                } else {
                    ""
                })
            }
            Self::Pipeline(pipeline) => write!(f, "runs {pipeline}"),
            Self::Host { command } => write!(f, "runs {} on this machine", quoted(command)),
            Self::Hooks { file, image } => {
                write!(
                    f,
                    "asks the repository's own {file} and runs what triggers in "
                )?;
                match image {
                    Some(image) => write!(f, "{image}"),
                    None => f.write_str("its Dockerfile's image"),
                }
            }
        }
    }
}

fn command_or_own(command: Option<&Command>) -> String {
    command.map_or_else(|| "the image's own command".to_owned(), quoted)
}

/// The arguments as a list, so that it can be seen where one ends.
fn quoted(command: &Command) -> String {
    match command {
        Command::Args(args) => format!("{args:?}"),
        Command::Bash(line) => format!("bash -c {line:?}"),
    }
}

/// What a rule does that does not say.
pub(super) fn default_runs(line: u64) -> Vec<RunEntry> {
    let file = RepoPath::new("Dockerfile").expect("a good path");
    let work = Work::Dockerfile {
        file,
        context: None,
        target: None,
        command: None,
    };
    vec![RunEntry {
        line,
        name: work.form().parse().expect("a good name"),
        work,
        timeout: None,
        memory: None,
        cpus: None,
    }]
}
