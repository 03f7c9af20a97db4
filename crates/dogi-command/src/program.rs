use std::{
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::unix::ffi::OsStrExt as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use crate::LookupError;

/// A file that could be executed when it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Looks a command up, by the rules that the `webhook` server and Go's `exec.LookPath` have:
    ///
    /// - a relative command with a working directory is the file in that directory, with a slash in
    ///   it or without;
    /// - otherwise one with a slash is that file;
    /// - otherwise it is the first executable file of that name in the directories of `search`
    ///   (`PATH`: with colons between them, an empty one is the current directory). One that is found
    ///   by way of a relative directory is an error, not passed over.
    ///
    /// Relative paths count from this process's current directory, and are made absolute, so that
    /// the working directory of the command does not change their meaning.
    ///
    /// It asks the file system and waits for the answer: one or two system calls per directory.
    ///
    /// # Errors
    ///
    /// [`LookupError`], with the command and the place.
    pub fn find(
        command: &OsStr,
        working_directory: Option<&Path>,
        search: &OsStr,
    ) -> Result<Self, LookupError> {
        if command.is_empty() {
            return Err(LookupError::Empty);
        }
        if command.as_bytes().contains(&0) {
            let command = command.to_owned();
            return Err(LookupError::Nul { command });
        }
        match working_directory {
            // An absolute command replaces the directory when it is joined.
            Some(directory) => Self::at(command, &directory.join(command)),
            None if command.as_bytes().contains(&b'/') => Self::at(command, Path::new(command)),
            None => Self::search(command, search),
        }
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at(command: &OsStr, path: &Path) -> Result<Self, LookupError> {
        let failed = |fault: Fault| fault.describe(command, path);
        executable(path).map_err(failed)?;
        let absolute = std::path::absolute(path);
        let path = absolute.map_err(|source| failed(Fault::Unreadable(source)))?;
        Ok(Self { path })
    }

    fn search(command: &OsStr, search: &OsStr) -> Result<Self, LookupError> {
        // No path at all is no directory, while an empty entry is the current one.
        let entries = search.as_bytes().split(|byte| *byte == b':');
        for entry in entries.filter(|_| !search.is_empty()) {
            let directory = if entry.is_empty() { b"." } else { entry };
            let path = Path::new(OsStr::from_bytes(directory)).join(command);
            if executable(&path).is_err() {
                continue;
            }
            if path.is_relative() {
                let command = command.to_owned();
                return Err(LookupError::RelativeSearch { command, path });
            }
            return Ok(Self { path });
        }
        Err(LookupError::NotInPath {
            command: command.to_owned(),
            search: search.to_owned(),
        })
    }
}

enum Fault {
    NotFound,
    Directory,
    NotExecutable,
    Unreadable(io::Error),
}

impl Fault {
    fn describe(self, command: &OsStr, path: &Path) -> LookupError {
        let (command, path): (OsString, PathBuf) = (command.to_owned(), path.to_owned());
        match self {
            Self::NotFound => LookupError::NotFound { command, path },
            Self::Directory => LookupError::Directory { command, path },
            Self::NotExecutable => LookupError::NotExecutable { command, path },
            Self::Unreadable(source) => LookupError::Unreadable {
                command,
                path,
                source,
            },
        }
    }
}

fn executable(path: &Path) -> Result<(), Fault> {
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::NotFound,
        _ => Fault::Unreadable(error),
    })?;
    if metadata.is_dir() {
        return Err(Fault::Directory);
    }
    match may_execute(path) {
        Ok(()) => Ok(()),
        // Old kernels and some sandboxes can't answer for the effective user.
        Err(Errno::NOSYS | Errno::PERM) if metadata.permissions().mode() & 0o111 != 0 => Ok(()),
        Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS) => Err(Fault::NotExecutable),
        Err(error) => Err(Fault::Unreadable(error.into())),
    }
}

/// Whether the effective user may execute this file, or enter this directory.
pub(crate) fn may_execute(path: &Path) -> rustix::io::Result<()> {
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}
