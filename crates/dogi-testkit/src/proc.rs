//! Child processes that do not outlive the test, and ports for them.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Seek},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::NamedTempFile;

use crate::{Error, Result, error::Context, wait};

/// How often a server that needs a port chosen beforehand is started anew when
/// somebody else took that port in between.
pub(crate) const PORT_ATTEMPTS: usize = 5;

/// A child process; killed and reaped when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    // A file and not a pipe: nobody has to read it for the program to go on.
    output: NamedTempFile,
    program: String,
}

impl Process {
    /// Starts `command` with no input; what it prints is kept for
    /// [`output`](Self::output). `package` is the Debian package of the program.
    ///
    /// # Errors
    ///
    /// [`Error::MissingProgram`] or [`Error::Io`].
    pub fn spawn(command: &mut Command, package: &'static str) -> Result<Self> {
        let output = NamedTempFile::new().doing("make a file for a program's output")?;
        let append = || File::options().append(true).open(output.path());
        let handle = || append().doing("open a file for a program's output");
        command
            .stdin(Stdio::null())
            .stdout(handle()?)
            .stderr(handle()?);
        let child = command
            .spawn()
            .map_err(|e| unstartable(command, package, e))?;
        Ok(Self {
            child,
            output,
            program: display(command),
        })
    }

    /// What the process printed so far, on both channels.
    pub fn output(&self) -> String {
        match std::fs::read(self.output.path()) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(e) => format!("(its output cannot be read: {e})"),
        }
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the process has ended by itself, and tells its exit code; `None`: a signal
    /// ended it.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when it does not end in time.
    ///
    /// # Cancel safety
    ///
    /// The process goes on when the future is dropped.
    pub async fn ended_by_itself(&mut self) -> Result<Option<i32>> {
        let what = format!("`{}` to end", self.program);
        wait::until(&what, || {
            let ended = self.child.try_wait().ok().flatten();
            async move { ended.map(|status| status.code()) }
        })
        .await
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process at once and waits for its end.
    pub fn kill(&mut self) {
        // Both fail only when the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until something accepts connections at `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the process ends first, [`Error::Timeout`] when it
    /// does not listen in time.
    ///
    /// # Cancel safety
    ///
    /// The process goes on when the future is dropped.
    pub async fn listening(&mut self, address: SocketAddr) -> Result<()> {
        let what = format!("`{}` to listen at {address}", self.program);
        let up = wait::until(&what, || {
            let running = self.is_running();
            async move {
                match tokio::net::TcpStream::connect(address).await {
                    Ok(_) if running => Some(true),
                    _ if !running => Some(false),
                    _ => None,
                }
            }
        })
        .await?;
        if up { Ok(()) } else { Err(self.ended()) }
    }

    pub(crate) fn ended(&self) -> Error {
        Error::Ended {
            program: self.program.clone(),
            output: self.output(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port on loopback. Another program may take it before it is used: start
/// again with another one then.
///
/// # Errors
///
/// [`Error::Io`] when no port can be had.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("find a free port")?;
    Ok(listener.local_addr().doing("find a free port")?.port())
}

/// Runs `command` to its end and returns what it wrote to its standard output.
///
/// # Errors
///
/// [`Error::MissingProgram`], [`Error::Io`], or [`Error::Failed`] with what it printed.
pub fn run(command: &mut Command, package: &'static str) -> Result<Vec<u8>> {
    let output = command
        .output()
        .map_err(|e| unstartable(command, package, e))?;
    checked(command, output)
}

/// As [`run`], with `input` as the standard input.
///
/// # Errors
///
/// As [`run`].
pub fn run_with_input(
    command: &mut Command,
    package: &'static str,
    input: &[u8],
) -> Result<Vec<u8>> {
    // A file, not a pipe: no thread is needed to feed it while output is read.
    let mut file = tempfile::tempfile().doing("make a file for a program's input")?;
    io::Write::write_all(&mut file, input)
        .and_then(|()| file.rewind())
        .doing("write a program's input")?;
    run(command.stdin(file), package)
}

/// The first of `candidates` that is a file.
///
/// # Errors
///
/// [`Error::MissingProgram`] that names the last one.
pub fn find(candidates: &[&str], package: &'static str) -> Result<PathBuf> {
    let found = candidates.iter().map(Path::new).find(|path| path.is_file());
    found
        .map(Path::to_owned)
        .ok_or_else(|| Error::MissingProgram {
            program: candidates.last().copied().unwrap_or_default().to_owned(),
            package,
        })
}

pub(crate) fn checked(command: &Command, output: std::process::Output) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(Error::Failed {
        command: display(command),
        status: output.status,
        output: String::from_utf8_lossy(&printed).trim().to_owned(),
    })
}

pub(crate) fn unstartable(command: &Command, package: &'static str, e: io::Error) -> Error {
    if e.kind() == io::ErrorKind::NotFound {
        let program = command.get_program().to_string_lossy().into_owned();
        return Error::MissingProgram { program, package };
    }
    Error::Io {
        what: format!("start `{}`", display(command)),
        source: e,
    }
}

fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
