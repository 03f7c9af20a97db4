//! Commands on this machine.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use dogi_command::{CommandSpec, FileSpec, LookupError, Program};
use dogi_job::{Event, Exit, FailureKind};
use dogi_stream::mask::Masks;
use futures::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};

use super::program::{Log, watch};
use crate::{
    chain,
    ports::{CommandRequest, Host, StepError, Work},
};

/// Runs commands as processes of this machine, each in a group of its own.
#[derive(Clone)]
pub struct HostRunner {
    /// What every command inherits.
    environment: BTreeMap<OsString, OsString>,
    /// Where files go for commands without a working directory.
    temporary: PathBuf,
}

impl HostRunner {
    /// With the environment that every command inherits, and the directory for files of commands
    /// that have no working directory of their own.
    pub fn new(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        temporary: impl Into<PathBuf>,
    ) -> Self {
        Self {
            environment: environment.into_iter().collect(),
            temporary: temporary.into(),
        }
    }

    /// What is to be started for a command: its program looked up, and the environment it inherits
    /// put before its own. Asks the file system.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn spec(&self, details: &CommandDetails) -> Result<CommandSpec, LookupError> {
        let directory = details.working_directory.as_deref();
        let path = self.environment.get(OsStr::new("PATH"));
        let program = Program::find(
            &details.command.0,
            directory,
            path.map_or(OsStr::new(""), OsString::as_os_str),
        )?;
        let own = details.environment.iter();
        let own = own.map(|(name, value)| (name.0.clone(), value.0.clone()));
        let mut spec = CommandSpec::new(program, details.command.0.clone());
        spec.arguments = details
            .arguments
            .iter()
            .map(|text| text.0.clone())
            .collect();
        let inherited = self.environment.iter();
        let inherited = inherited
            .filter(|(name, _)| !details.without.iter().any(|hidden| hidden.0 == **name))
            .map(|(name, value)| (name.clone(), value.clone()));
        spec.environment = inherited.chain(own).collect();
        spec.working_directory = details.working_directory.clone();
        spec.files = details
            .files
            .iter()
            .map(|file| self.file(file, directory))
            .collect();
        Ok(spec)
    }

    fn file(&self, file: &FileDetails, directory: Option<&Path>) -> FileSpec {
        FileSpec {
            variable: file.variable.0.clone(),
            content: Bytes::from(file.content.0.clone().into_vec()),
            directory: directory.unwrap_or(&self.temporary).to_path_buf(),
        }
    }

    async fn execute(&self, request: CommandRequest<'_>, work: &Work) -> Result<Exit, StepError> {
        let details = read_details(request.details, work).await?;
        let spec = self
            .spec(&details)
            .map_err(|error| not_started(request, "the command can't be found", &chain(&error)))?;
        drop(details);
        let container = format!("the command {:?}", request.command.name);
        work.record(Event::Started { container }).await;
        if work.cancel.is_cancelled() {
            return Err(StepError::Cancelled);
        }
        let running = spec.spawn().await;
        let running = running.map_err(|error| {
            not_started(request, "the command can't be started", &chain(&error))
        })?;
        // Its secrets are the operator's own business, who wrote it.
        let mut log = Log::new(request.outputs.log().clone(), &Masks::default());
        watch(running, &mut log, work).await
    }
}

/// No values: they may be secrets.
impl std::fmt::Debug for HostRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostRunner")
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("temporary", &self.temporary)
            .finish()
    }
}

/// The reason, which has paths of the host in it, is for the server's own log.
fn not_started(request: CommandRequest<'_>, what: &str, reason: &str) -> StepError {
    tracing::warn!(command = request.command.name, reason, "{what}");
    StepError::failed(
        FailureKind::Start,
        format!("{what}: the server's log says why"),
    )
}

async fn read_details(path: &Path, work: &Work) -> Result<CommandDetails, StepError> {
    let path = path.to_path_buf();
    let read = tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(path)?;
        Ok::<_, std::io::Error>(serde_json::from_slice(&bytes)?)
    });
    let read = work.unless_cancelled(read).await?;
    let read = read.map_err(std::io::Error::other).flatten();
    read.map_err(|error| {
        let message = format!("what was to be run can't be read: {error}");
        StepError::failed(FailureKind::Internal, message)
    })
}

impl Host for HostRunner {
    fn run<'a>(
        &'a self,
        request: CommandRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        self.execute(request, work).boxed()
    }
}

/// What exactly a command is, as it lies beside its outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandDetails {
    /// The program as it was configured: a path, or a name to be looked up.
    pub command: Text,
    /// Its arguments, without the name.
    pub arguments: Vec<Text>,
    /// Variables beside those that every command inherits.
    pub environment: Vec<(Text, Text)>,
    /// Files with content.
    pub files: Vec<FileDetails>,
    /// Where it runs; `None`: where the server does.
    pub working_directory: Option<PathBuf>,
    /// Variables that it does not inherit.
    #[serde(default)]
    pub without: Vec<Text>,
}

impl CommandDetails {
    /// In the form that a [`HostRunner`] reads.
    ///
    /// # Errors
    /// When the working directory is no Unicode.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

/// A file that a command gets by its path in a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDetails {
    /// The variable.
    pub variable: Text,
    /// What is in it.
    pub content: Text,
}

/// Bytes that are most often text. `Debug` shows their number: they may be secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Text(pub OsString);

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(OsString::from_vec(bytes))
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Hex { hex: String },
}

impl From<Text> for Written {
    fn from(text: Text) -> Self {
        match text.0.into_string() {
            Ok(text) => Self::Text(text),
            Err(bytes) => Self::Hex {
                hex: hex::encode(bytes.as_bytes()),
            },
        }
    }
}

impl From<Written> for Text {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Self(text.into()),
            // Nobody but this writes it.
            Written::Hex { hex } => Self::from(hex::decode(hex).unwrap_or_default()),
        }
    }
}
