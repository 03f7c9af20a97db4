use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Action, Dogi, Execute, FileArgument, Hook};
use crate::incoming::{Argument, Missing, Request, Source};

/// What a request that triggered a hook starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// A program.
    Command(Command),
    /// A job.
    Job(Job),
}

/// A program to run. Nothing in it goes through a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// A name or a path; also argument 0.
    pub program: String,
    /// Where it runs; `None`: where the server does.
    pub directory: Option<String>,
    /// Its arguments, without argument 0. A missing value is an empty one.
    pub arguments: Vec<Vec<u8>>,
    /// Variables beside the server's own; the last of a name wins.
    pub environment: Vec<(String, Vec<u8>)>,
    /// Files to write before and to remove after it.
    pub files: Vec<File>,
    /// What the log should say: values that the request lacks, and the like.
    pub warnings: Vec<String>,
}

/// A file for a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The variable that is to hold its path; its own name begins with that.
    pub variable: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// A job to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Names and values, as in a run URL.
    pub parameters: Vec<(String, String)>,
}

/// A request whose values can't be given to a program or job. No message holds such a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The operator refuses arguments that could be taken for options.
    #[error("the {0} begins with '-', which this hook refuses")]
    LeadingDash(Source),
    /// No program can be given such an argument or variable.
    #[error("the {0} has a NUL in it")]
    Nul(Source),
    /// A job's parameter is not there.
    #[error("the request has no {from}, which is the job's `{name}`")]
    Missing {
        /// The parameter.
        name: String,
        /// Where it should have come from.
        from: Source,
    },
    /// A job's parameter is no text.
    #[error("the {from}, which is the job's `{name}`, is not UTF-8")]
    NotUtf8 {
        /// The parameter.
        name: String,
        /// Where it came from.
        from: Source,
    },
}

impl Hook {
    /// What a request starts. Whether it may was decided before, by [`Hook::evaluate`].
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn command(&self, request: &Request) -> Result<Prepared, CommandError> {
        match &self.action {
            Action::Execute(execute) => execute.prepare(request).map(Prepared::Command),
            Action::Dogi(dogi) => dogi.prepare(request).map(Prepared::Job),
        }
    }
}

impl Execute {
    fn prepare(&self, request: &Request) -> Result<Command, CommandError> {
        let mut command = Command {
            program: self.program.clone(),
            directory: self.directory.clone(),
            arguments: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            warnings: Vec::new(),
        };
        for argument in &self.arguments {
            let value = command.value(argument, request)?.unwrap_or_default();
            let is_own = matches!(argument.source, Source::Literal(_));
            if self.rejects_leading_dash && !is_own && value.starts_with(b"-") {
                return Err(CommandError::LeadingDash(argument.source.clone()));
            }
            command.arguments.push(value);
        }
        for variable in &self.environment {
            if let Some(value) = command.value(&variable.value, request)? {
                command.environment.push((variable.name.clone(), value));
            }
        }
        for file in &self.files {
            let file = command.file(file, request);
            command.files.extend(file);
        }
        Ok(command)
    }
}

impl Command {
    /// A value for a program; a missing one is a warning.
    fn value(
        &mut self,
        argument: &Argument,
        request: &Request,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        match argument.get(request) {
            Ok(value) if value.contains(&0) => Err(CommandError::Nul(argument.source.clone())),
            Ok(value) => Ok(Some(value.into_owned())),
            Err(missing) => {
                self.missing(&missing);
                Ok(None)
            }
        }
    }

    fn missing(&mut self, missing: &Missing) {
        self.warnings.push(missing.to_string());
    }

    fn file(&mut self, file: &FileArgument, request: &Request) -> Option<File> {
        let value = match file.content.get(request) {
            Ok(value) => value.into_owned(),
            Err(missing) => {
                self.missing(&missing);
                return None;
            }
        };
        let mut content = value;
        if file.is_base64 {
            let (decoded, is_whole) = decode(&content);
            if !is_whole {
                let source = &file.content.source;
                self.warnings
                    .push(format!("the {source} is not base64 to its end"));
            }
            content = decoded;
        }
        Some(File {
            variable: file.variable.clone(),
            content,
        })
    }
}

impl Dogi {
    fn prepare(&self, request: &Request) -> Result<Job, CommandError> {
        let mut parameters = Vec::new();
        for parameter in &self.parameters {
            let name = parameter.name.clone();
            let from = parameter.value.source.clone();
            let value = match parameter.value.get(request) {
                Ok(value) => value.into_owned(),
                Err(Missing(from)) => return Err(CommandError::Missing { name, from }),
            };
            match String::from_utf8(value) {
                Ok(value) => parameters.push((name, value)),
                Err(_) => return Err(CommandError::NotUtf8 { name, from }),
            }
        }
        Ok(Job { parameters })
    }
}

/// Base64 as Go's `StdEncoding` reads it: line breaks mean nothing, bits behind the end neither,
/// and what stands before a mistake is kept. Also whether there was none.
fn decode(text: &[u8]) -> (Vec<u8>, bool) {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    if let Ok(content) = engine.decode(&text) {
        return (content, true);
    }
    let mut content = Vec::new();
    for four in text.chunks(4) {
        match engine.decode(four) {
            Ok(bytes) => content.extend_from_slice(&bytes),
            Err(_) => break,
        }
        if four.contains(&b'=') {
            break;
        }
    }
    (content, false)
}
