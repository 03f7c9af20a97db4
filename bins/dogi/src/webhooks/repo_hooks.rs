//! A repository's own file of hooks: which of them a delivery triggers, and what they run. Pure.

use std::path::PathBuf;

use dogi_hooks::incoming::{
    BadRequest, CommandError, Hooks, NoLookup, Prepared, Received, Request, Signatures,
};
use dogi_url::ImageRef;

/// The largest file that is read, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;

/// So many hooks run for one delivery.
const MOST: usize = 20;

/// A hook that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Triggered {
    pub(crate) id: String,
    pub(crate) image: Option<ImageRef>,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    pub(crate) directory: Option<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// What a file of hooks makes of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) triggered: Vec<Triggered>,
    /// Why the others were not, a sentence each.
    pub(crate) others: Vec<String>,
}

/// Why a file of hooks can't be asked. The texts are for those who may see the repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepoHooksError {
    /// There is none at that commit.
    #[error("{file} is not there at that commit")]
    Missing { file: String },
    /// It is larger than any file of hooks.
    #[error("{file} has {size} bytes: expected at most {LARGEST}")]
    Huge { file: String, size: usize },
    /// Nobody wants so many at once.
    #[error("{file} has more than {MOST} hooks that this delivery triggers")]
    TooMany { file: String },
    /// It is no text.
    #[error("{file} is no UTF-8 text")]
    NotText { file: String },
    /// There are mistakes in it.
    #[error("{0}")]
    Mistakes(String),
    /// The delivery has no form that the hook could read.
    #[error("the hook {id:?} can't read the delivery")]
    Request {
        id: String,
        #[source]
        source: BadRequest,
    },
    /// What the hook asks for can't be had.
    #[error("the hook {id:?} can't be run: {reason}")]
    Command { id: String, reason: String },
}

/// Asks all hooks of a file about a delivery whose sender is proven.
pub(crate) fn ask(
    file: &str,
    content: Option<Vec<u8>>,
    received: &Received,
) -> Result<Asked, RepoHooksError> {
    let named = || file.to_owned();
    let content = content.ok_or_else(|| RepoHooksError::Missing { file: named() })?;
    let size = content.len();
    if size > LARGEST {
        return Err(RepoHooksError::Huge {
            file: named(),
            size,
        });
    }
    let text = String::from_utf8(content).map_err(|_| RepoHooksError::NotText { file: named() })?;
    // Nothing of the server's own is looked up for somebody else's file.
    let hooks = Hooks::read(&[(PathBuf::from(file), text)], &NoLookup);
    let hooks = hooks.map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().take(20).map(ToString::to_string).collect();
        RepoHooksError::Mistakes(lines.join("; "))
    })?;
    let mut asked = Asked::default();
    for hook in hooks.iter() {
        let id = hook.id().to_owned();
        let request = Request::read(received.clone(), hook.shape());
        let request = request.map_err(|source| RepoHooksError::Request {
            id: id.clone(),
            source,
        })?;
        // The operator's own check came first, and nobody commits the secret.
        let verdict = hook.evaluate_with(&request, Signatures::Trusted);
        if let Some(reason) = verdict.reason() {
            asked.others.push(format!("{id}: {reason}"));
            continue;
        }
        let image = hook
            .image()
            .map(|image| image.parse::<ImageRef>())
            .transpose();
        let image = image.map_err(|error| refused(&id, error.to_string()))?;
        let prepared = hook.command(&request);
        let prepared = prepared.map_err(|error: CommandError| refused(&id, error.to_string()))?;
        asked.triggered.push(triggered(id, image, prepared)?);
        if asked.triggered.len() > MOST {
            return Err(RepoHooksError::TooMany { file: named() });
        }
    }
    Ok(asked)
}

fn refused(id: &str, reason: impl Into<String>) -> RepoHooksError {
    RepoHooksError::Command {
        id: id.to_owned(),
        reason: reason.into(),
    }
}

fn triggered(
    id: String,
    image: Option<ImageRef>,
    prepared: Prepared,
) -> Result<Triggered, RepoHooksError> {
    let command = match prepared {
        Prepared::Command(command) => command,
        Prepared::Job(_) => {
            return Err(refused(
                &id,
                "`dogi` starts jobs of the operator's own hooks alone",
            ));
        }
    };
    if !command.files.is_empty() {
        return Err(refused(
            &id,
            "`pass-file-to-command` is for the operator's own hooks alone",
        ));
    }
    let text = |what: &str, bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| refused(&id, format!("{what} is no UTF-8 text")))
    };
    let mut words = vec![command.program];
    for argument in command.arguments {
        words.push(text("an argument", argument)?);
    }
    let mut environment = Vec::new();
    for (name, value) in command.environment {
        let value = text(&name, value)?;
        environment.push((name, value));
    }
    Ok(Triggered {
        id,
        image,
        command: words,
        directory: command.directory,
        environment,
    })
}
