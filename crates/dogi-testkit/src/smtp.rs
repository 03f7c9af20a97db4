//! A real mail server on loopback: aiosmtpd, which keeps what it takes.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Result,
    certificate::Certificate,
    error::Context,
    proc::{self, Process},
    wait,
};

/// What the server runs.
const PROGRAM: &str = include_str!("smtp/server.py");

/// Where Debian's package `python3-aiosmtpd` has its program, beside the interpreter that finds it:
/// another Python that stands before it on the path does not.
const AIOSMTPD: &[&str] = &["/usr/bin/aiosmtpd"];
const PYTHON: &str = "/usr/bin/python3";

/// How connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not at all; STARTTLS is not offered.
    Plain,
    /// By STARTTLS, without which no mail is taken.
    StartTls,
    /// By TLS from the first byte on.
    Tls,
}

/// What a [`Server`] is to be like.
#[derive(Debug)]
pub struct Builder {
    mode: Mode,
    login: Option<(String, String)>,
    words: String,
    names: Vec<String>,
}

/// A mail as the server took it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Received {
    /// The sender in the envelope.
    pub from: String,
    /// The recipients in the envelope.
    pub to: Vec<String>,
    /// What the client called itself.
    pub helo: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Who was logged in.
    pub login: Option<String>,
    /// Names and values of the header fields, in order, decoded.
    pub headers: Vec<(String, String)>,
    /// The types of all parts, the outermost first.
    pub parts: Vec<String>,
    /// The part of plain text, decoded.
    pub text: String,
    /// The part of HTML, decoded.
    pub html: String,
    /// What a strict parser has to say against it.
    pub defects: Vec<String>,
    /// The message as it came, each byte a character.
    pub raw: String,
}

impl Received {
    /// The values of a header field, whatever its case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(named)
            .map(|(_, value)| value.as_str())
    }
}

/// A mail server. Recipients say what becomes of a mail: `later-451@…` and `never-550@…` are answered
/// with their number, `hang@…` never.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use dogi_testkit::smtp::{Mode, Server};
/// let server = Server::builder(Mode::StartTls).login("ci", "sesame").start().await?;
/// assert!(server.certificate().is_some());
/// assert!(server.received()?.is_empty());
/// # Ok(()) })
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
    certificate: Option<Certificate>,
    dir: TempDir,
}

impl Builder {
    /// Asks every client to log in.
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// What is said to recipients who are answered with a number.
    pub fn words(mut self, words: &str) -> Self {
        words.clone_into(&mut self.words);
        self
    }

    /// Has a certificate for these names instead of `DNS:localhost` and `IP:127.0.0.1`.
    pub fn names(mut self, names: &[&str]) -> Self {
        self.names = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Starts the server on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When aiosmtpd is missing or does not come up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the server.
    pub async fn start(self) -> Result<Server> {
        proc::find(AIOSMTPD, "python3-aiosmtpd")?;
        let dir = tempfile::Builder::new().prefix("smtp-").tempdir();
        let dir = dir.doing("make a directory")?;
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let certificate = match self.mode {
            Mode::Plain => None,
            Mode::StartTls | Mode::Tls => Some(Certificate::new(&names)?),
        };
        let program = dir.path().join("server.py");
        fs::write(&program, PROGRAM).doing("write the mail server's program")?;
        let mut command = Command::new(PYTHON);
        command
            .current_dir(dir.path())
            .arg(program)
            .arg(self.options(certificate.as_ref()).to_string());
        let mut process = Process::spawn(&mut command, "python3")?;
        let port = port(&mut process, dir.path()).await?;
        Ok(Server {
            process,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            certificate,
            dir,
        })
    }

    fn options(&self, certificate: Option<&Certificate>) -> Value {
        json!({
            "mode": match self.mode {
                Mode::Plain => "plain",
                Mode::StartTls => "starttls",
                Mode::Tls => "tls",
            },
            "login": self.login,
            "words": self.words,
            "certificate": certificate.map(Certificate::file),
            "key": certificate.map(Certificate::key_file),
        })
    }
}

/// The server chooses its port itself, so that nobody else can have it first.
async fn port(process: &mut Process, dir: &Path) -> Result<u16> {
    let file = dir.join("port");
    let port = wait::until("a mail server to listen", || {
        let text = fs::read_to_string(&file).ok();
        let running = process.is_running();
        async move {
            match text.and_then(|text| text.parse().ok()) {
                Some(port) => Some(Some(port)),
                None => (!running).then_some(None),
            }
        }
    })
    .await?;
    port.ok_or_else(|| process.ended())
}

impl Server {
    /// A server that is still to be told the rest.
    pub fn builder(mode: Mode) -> Builder {
        Builder {
            mode,
            login: None,
            words: "as you wished".to_owned(),
            names: vec!["DNS:localhost".to_owned(), "IP:127.0.0.1".to_owned()],
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate, where it has one.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The mails that it has said to have taken, in order.
    ///
    /// # Errors
    ///
    /// When they can't be read.
    pub fn received(&self) -> Result<Vec<Received>> {
        let entries = fs::read_dir(self.dir.path()).doing("list mails")?;
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        files.sort();
        files.iter().map(|file| read(file)).collect()
    }

    /// What the server printed.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

fn read(file: &Path) -> Result<Received> {
    let bytes = fs::read(file).doing("read a mail")?;
    let kept: Value = serde_json::from_slice(&bytes)
        .map_err(std::io::Error::other)
        .doing("read a mail")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| kept[name].as_array().cloned().unwrap_or_default();
    let texts = |name: &str| list(name).iter().map(text).collect();
    Ok(Received {
        from: text(&kept["from"]),
        to: texts("to"),
        helo: text(&kept["helo"]),
        tls: kept["tls"] == true,
        login: kept["login"].as_str().map(str::to_owned),
        headers: list("headers")
            .iter()
            .map(|field| (text(&field[0]), text(&field[1])))
            .collect(),
        parts: texts("parts"),
        text: text(&kept["text"]),
        html: text(&kept["html"]),
        defects: texts("defects"),
        raw: text(&kept["raw"]),
    })
}
