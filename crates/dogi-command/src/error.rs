use std::{ffi::OsString, io, path::PathBuf};

/// No program was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// There is no name to look for.
    #[error("the command is empty: the name or path of a program was expected")]
    Empty,
    /// No file's name holds a NUL byte.
    #[error("the command {command:?} contains a NUL byte, which no path can")]
    Nul {
        /// As configured.
        command: OsString,
    },
    /// There is no such file.
    #[error("the command {command:?} was not found: there is no file {path:?}{}", hint(.command))]
    NotFound {
        /// As configured.
        command: OsString,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// None of the directories of the search path has an executable file of that name.
    #[error(
        "the command {command:?} was not found: no executable file of that name in PATH \
         ({search:?}){}",
        hint(.command)
    )]
    NotInPath {
        /// As configured.
        command: OsString,
        /// The directories that were searched, with colons between them.
        search: OsString,
    },
    /// The search path names a directory that depends on where this process was started.
    #[error(
        "the command {command:?} was found as {path:?} by way of a relative entry of PATH, which \
         is not followed: write the program's full path"
    )]
    RelativeSearch {
        /// As configured.
        command: OsString,
        /// What was found.
        path: PathBuf,
    },
    /// It is a directory.
    #[error("the command {command:?} is the directory {path:?}: an executable file was expected")]
    Directory {
        /// As configured.
        command: OsString,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is a file that this user may not execute.
    #[error(
        "the command {command:?} can't be executed by this user: the file {path:?} lacks the \
         permission (chmod +x), or its file system forbids it (noexec)"
    )]
    NotExecutable {
        /// As configured.
        command: OsString,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file system did not say.
    #[error("the command {command:?} can't be looked up as {path:?}")]
    Unreadable {
        /// As configured.
        command: OsString,
        /// Where it was looked for.
        path: PathBuf,
        /// What it said instead.
        #[source]
        source: io::Error,
    },
}

/// The usual mistake behind a command that is not there.
fn hint(command: &OsString) -> &'static str {
    if command.as_encoded_bytes().contains(&b' ') {
        "; it contains a space: arguments are given apart from the command"
    } else {
        ""
    }
}

/// No program was started, and nothing is left of the attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The kernel takes arguments up to a NUL byte.
    #[error("argument {index} contains a NUL byte (argument 0 is the command's name)")]
    NulInArgument {
        /// Its place, from 1; 0 is the command's name.
        index: usize,
    },
    /// A variable's name is empty or contains `=` or a NUL byte.
    #[error(
        "the environment variable {variable:?} can't be passed on: its name is empty or contains \
         \"=\" or a NUL byte"
    )]
    VariableName {
        /// The name.
        variable: OsString,
    },
    /// The kernel takes values up to a NUL byte.
    #[error("the value of the environment variable {variable:?} contains a NUL byte")]
    NulInValue {
        /// The name.
        variable: OsString,
    },
    /// A temporary file could not be written.
    #[error("the file for the variable {variable:?} could not be written in {directory:?}")]
    File {
        /// The variable that was to hold its path.
        variable: OsString,
        /// Where it was to be.
        directory: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The program can't run there.
    #[error("the working directory {path:?} can't be used")]
    WorkingDirectory {
        /// As given.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// More than the kernel takes: see `execve(2)`, "Limits on size of arguments and environment".
    #[error(
        "the program {program:?} can't be started: its arguments ({arguments} bytes) and \
         environment ({environment} bytes) are more than the system takes; the longest one has \
         {longest} bytes, and usually 131071 is the most for one and 2 MiB for all: large values go \
         into files"
    )]
    TooLong {
        /// The program.
        program: PathBuf,
        /// Bytes of all arguments.
        arguments: usize,
        /// Bytes of all variables with their names.
        environment: usize,
        /// Bytes of the longest argument or variable.
        longest: usize,
    },
    /// Somebody has the file open for writing, and did not close it for a while.
    #[error("the program {program:?} can't be started: somebody is writing it")]
    Busy {
        /// The program.
        program: PathBuf,
    },
    /// Neither a binary of this machine nor a script with a first line.
    #[error(
        "the program {program:?} can't be started: it is no binary of this machine and no script \
         that begins with `#!`"
    )]
    Format {
        /// The program.
        program: PathBuf,
    },
    /// The program is there, what it needs to start is not.
    #[error(
        "the program {program:?} can't be started: the interpreter that its first line (`#!`) or \
         its binary names does not exist"
    )]
    Interpreter {
        /// The program.
        program: PathBuf,
    },
    /// Anything else, such as too many processes.
    #[error("the program {program:?} can't be started")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The runtime is about to end.
    #[error("no program is started any more: the runtime is shutting down")]
    Shutdown,
    /// No pipe could be made for its output.
    #[error("no pipe could be made for a program's output")]
    Pipe {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// How a program ended is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The kernel does not say. Usually somebody else in this process waits for all children, or
    /// SIGCHLD is ignored.
    #[error("how process {process} ended can't be found out")]
    Unknown {
        /// The process id.
        process: u32,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The runtime ended first, which killed the program; or this was told before.
    #[error("process {process} is not waited for any more")]
    Gone {
        /// The process id.
        process: u32,
    },
    /// Its output can't be read.
    #[error("the output of process {process} can't be read")]
    Output {
        /// The process id.
        process: u32,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}
