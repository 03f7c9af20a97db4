use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
};

use bytes::Bytes;

use crate::{Limits, Program, SpawnError};

/// A program and all that it gets. `Debug` shows no values.
#[derive(Clone)]
pub struct CommandSpec {
    /// What is started.
    pub program: Program,
    /// What the program is told it is called (`argv[0]`), such as the command as it was configured.
    pub name: OsString,
    /// Its arguments, without the name.
    pub arguments: Vec<OsString>,
    /// Its whole environment: nothing is inherited. Of two variables of one name the later one
    /// counts.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs; `None`: where this process does.
    pub working_directory: Option<PathBuf>,
    /// Files that are written for it, and removed after its end.
    pub files: Vec<FileSpec>,
    /// How long it may take.
    pub limits: Limits,
}

impl CommandSpec {
    /// A program without arguments, with an empty environment and the default limits.
    pub fn new(program: Program, name: impl Into<OsString>) -> Self {
        Self {
            program,
            name: name.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            working_directory: None,
            files: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// What the kernel or the C library would misread.
    pub(crate) fn check(&self) -> Result<(), SpawnError> {
        let arguments = std::iter::once(&self.name).chain(&self.arguments);
        for (index, argument) in arguments.enumerate() {
            if has_nul(argument) {
                return Err(SpawnError::NulInArgument { index });
            }
        }
        let names = self.environment.iter().map(|(name, _)| name);
        for variable in names.chain(self.files.iter().map(|file| &file.variable)) {
            check_name(variable)?;
        }
        match self.environment.iter().find(|(_, value)| has_nul(value)) {
            None => Ok(()),
            Some((variable, _)) => Err(SpawnError::NulInValue {
                variable: variable.clone(),
            }),
        }
    }
}

/// A `=` at the beginning is let through: that is how an odd variable of a parent looks, and it is
/// passed on as it came.
fn check_name(variable: &OsStr) -> Result<(), SpawnError> {
    let name = variable.as_bytes();
    if name.is_empty() || name[1..].contains(&b'=') || name.contains(&0) {
        let variable = variable.to_owned();
        return Err(SpawnError::VariableName { variable });
    }
    Ok(())
}

fn has_nul(text: &OsStr) -> bool {
    text.as_bytes().contains(&0)
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<usize> = self.arguments.iter().map(|text| text.len()).collect();
        let environment = self.environment.iter();
        let environment: Vec<_> = environment.map(|(name, _)| name).collect();
        f.debug_struct("CommandSpec")
            .field("program", &self.program)
            .field("name", &self.name)
            .field("argument_bytes", &sizes)
            .field("environment", &environment)
            .field("working_directory", &self.working_directory)
            .field("files", &self.files)
            .field("limits", &self.limits)
            .finish()
    }
}

/// A file that is written before a program starts: mode 0600, its name begins with the variable's
/// and can't be guessed. `Debug` shows the size of the content.
#[derive(Clone)]
pub struct FileSpec {
    /// The variable that holds its absolute path.
    pub variable: OsString,
    /// What is in it.
    pub content: Bytes,
    /// Where it is written. Usually the working directory, or the system's one for temporary files.
    pub directory: PathBuf,
}

impl fmt::Debug for FileSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSpec")
            .field("variable", &self.variable)
            .field("content_bytes", &self.content.len())
            .field("directory", &self.directory)
            .finish()
    }
}
