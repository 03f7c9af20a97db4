//! The two programs that git repositories are reached by: `ssh`, and `git` for `file://`.
//!
//! Nothing from outside becomes an option or a word of a shell of this machine: the host and the
//! user are types that can't begin with `-`, and the path is quoted for the shell at the far end.

use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection as GitConnection;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;

use super::pipe::{Reader, Writer};
use super::{Connection, Failed, Fault, Link, Net};
use crate::mirrors::HostKeys;

const SSH_PORT: u16 = 22;
/// As much of what a program complains is kept.
const MAX_COMPLAINT: usize = 16 * 1024;
/// How long a program may take to end once its output has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where ssh goes.
pub(super) struct SshTarget<'a> {
    pub(super) user: &'a str,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
}

pub(super) fn ssh(
    net: &Net,
    target: SshTarget<'_>,
    link: &Arc<Link>,
) -> Result<Connection, Failed> {
    let port = target.port.unwrap_or(SSH_PORT);
    let address = *net
        .resolve(target.host, port, link)?
        .first()
        .expect("resolving gives at least one address or an error");
    let mut command = Command::new(&net.ssh_program);
    command.args(ssh_options(net, &target, address, link.limits.connect));
    command.arg("--").arg(target.host);
    command.arg(format!("git-upload-pack {}", quoted(target.path)));
    // Asks for protocol version 2; a server that does not take the variable speaks the old one.
    command.env("GIT_PROTOCOL", "version=2").env("LC_ALL", "C");
    spawn(command, target.path, link)
}

fn ssh_options(
    net: &Net,
    target: &SshTarget<'_>,
    address: SocketAddr,
    connect: Duration,
) -> Vec<String> {
    // The key is known by the name, in the form that ssh itself writes for other ports; the
    // connection goes to the address that was checked.
    let alias = match target.port {
        Some(port) if port != SSH_PORT => format!("[{}]:{port}", target.host),
        _ => target.host.to_owned(),
    };
    let checking = match net.known_hosts.mode {
        HostKeys::AcceptNew => "accept-new",
        HostKeys::Strict => "yes",
    };
    let known_hosts = option_path(&net.known_hosts.file);
    let mut options = vec!["-F".to_owned(), "none".to_owned(), "-T".to_owned()];
    let mut option = |name: &str, value: &str| {
        options.push("-o".to_owned());
        options.push(format!("{name}={value}"));
    };
    option("BatchMode", "yes");
    option("LogLevel", "ERROR");
    option("HostName", &address.ip().to_string());
    option("HostKeyAlias", &alias);
    option("CheckHostIP", "no");
    option("StrictHostKeyChecking", checking);
    option("UserKnownHostsFile", &known_hosts);
    option("UpdateHostKeys", "no");
    option("ConnectTimeout", &connect.as_secs().max(1).to_string());
    option("ServerAliveInterval", "15");
    option("ProxyCommand", "none");
    option("ControlMaster", "no");
    option("ControlPath", "none");
    option("ClearAllForwardings", "yes");
    option("ForwardAgent", "no");
    option("PermitLocalCommand", "no");
    option("SendEnv", "GIT_PROTOCOL");
    let host_port = target.port.map(|port| format!("{}:{port}", target.host));
    let key = host_port.and_then(|key| net.ssh_keys.get(&key));
    if let Some(key) = key.or_else(|| net.ssh_keys.get(target.host)) {
        option("IdentitiesOnly", "yes");
        option("IdentityFile", &option_path(key));
    }
    options.extend(["-p".to_owned(), address.port().to_string()]);
    options.extend(["-l".to_owned(), target.user.to_owned()]);
    options
}

/// A path as the value of an ssh option: quoted, its `%` not taken for placeholders.
fn option_path(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%%");
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word of a POSIX shell.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

pub(super) fn upload_pack(path: &str, link: &Arc<Link>) -> Result<Connection, Failed> {
    let mut command = Command::new("git");
    command.args(["upload-pack", "--", path]);
    command.env("GIT_PROTOCOL", "version=2").env("LC_ALL", "C");
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_CONFIG_PARAMETERS",
    ] {
        command.env_remove(variable);
    }
    spawn(command, path, link)
}

fn spawn(mut command: Command, path: &str, link: &Arc<Link>) -> Result<Connection, Failed> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    let _runtime = link.enter();
    let mut child = command.spawn().map_err(|error| {
        let reason = format!("the program `{program}` can't be started: {error}");
        link.fail(Fault::Connection {
            reason,
            source: None,
        });
        Failed
    })?;
    let (Some(to), Some(from), Some(complaints)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        unreachable!("all three were asked for")
    };
    let reader = BufReader::with_capacity(
        64 * 1024,
        Reader {
            from,
            link: link.clone(),
        },
    );
    let writer = Writer {
        to,
        link: link.clone(),
    };
    let connection = GitConnection::new(
        reader,
        writer,
        Protocol::V2,
        path,
        None::<(String, _)>,
        ConnectMode::Process,
        false,
    );
    let process = Process::watch(child, complaints, link.clone());
    Ok(Connection {
        transport: Box::new(connection),
        process: Some(process),
    })
}

/// A running program. It is killed, and gone, when this is dropped.
pub(crate) struct Process {
    child: Child,
    link: Arc<Link>,
    complaint: Arc<Mutex<Vec<u8>>>,
    read: Option<oneshot::Receiver<()>>,
}

impl Process {
    fn watch(child: Child, mut stderr: ChildStderr, link: Arc<Link>) -> Process {
        let complaint = Arc::new(Mutex::new(Vec::new()));
        let (done, read) = oneshot::channel::<()>();
        let kept = complaint.clone();
        link.spawn(async move {
            let mut chunk = [0; 1024];
            while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_COMPLAINT - kept.len();
                kept.extend_from_slice(&chunk[..read.min(room)]);
            }
            drop(done);
        });
        Process {
            child,
            link,
            complaint,
            read: Some(read),
        }
    }

    /// What the program said when the connection broke, as the reason for that.
    pub(crate) fn diagnose(&mut self) {
        if let Some(read) = self.read.take() {
            let _ = self.link.settle(tokio::time::timeout(LAST_WORDS, read));
        }
        let text = self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        if !lines.is_empty() {
            self.link.fail(classify(&lines));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = self.link.settle(self.child.wait());
    }
}

fn classify(lines: &[&str]) -> Fault {
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    let all = || {
        let text: String = lines.join("; ");
        text.chars()
            .filter(|c| !c.is_control())
            .take(1000)
            .collect::<String>()
    };
    if has("HOST IDENTIFICATION HAS CHANGED") {
        return Fault::HostKey("it differs from the one in known_hosts".to_owned());
    }
    if has("Host key verification failed") || has("host key is known for") {
        return Fault::HostKey(all());
    }
    if has("Permission denied") || has("Too many authentication failures") {
        return Fault::Unauthorized(all());
    }
    let missing = [
        "not appear to be a git repository",
        "not found",
        "No such file",
        "does not exist",
    ];
    if missing.into_iter().any(has) {
        return Fault::NotFound(all());
    }
    Fault::Connection {
        reason: all(),
        source: None,
    }
}
