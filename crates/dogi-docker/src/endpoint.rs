//! Where the engine is, as the Docker CLI's variables say it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What to connect to: the values of `DOCKER_HOST`, `DOCKER_CERT_PATH` and `DOCKER_TLS_VERIFY`.
///
/// The library never reads the environment itself: the caller passes what it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///path`, `tcp://host[:port]` or `host:port`; empty means [`Endpoint::DEFAULT_HOST`].
    pub host: String,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`. Set, a TCP connection uses TLS.
    pub cert_path: Option<PathBuf>,
    /// Whether the engine's certificate has to be signed by `ca.pem` for this host. TLS without it
    /// keeps eavesdroppers out, not impostors.
    pub tls_verify: bool,
    /// How long the engine may take to begin an answer, and to accept a connection. Operations that
    /// take long by nature (build, pull, upload, wait, stop) are not cut off by it.
    pub timeout: Duration,
}

impl Endpoint {
    /// The local socket.
    pub const DEFAULT_HOST: &'static str = "unix:///var/run/docker.sock";
    /// Time-out used by [`Endpoint::default`].
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

    /// An endpoint at this host with the default time-out and no TLS.
    pub fn new(host: impl Into<String>) -> Self {
        Endpoint {
            host: host.into(),
            ..Endpoint::default()
        }
    }

    /// Whether it is a socket of this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.is_empty() || self.host.starts_with("unix://")
    }

    pub(crate) fn address(&self) -> Result<Address, ConnectError> {
        Address::parse(&self.host, self.uses_tls())
    }

    pub(crate) fn uses_tls(&self) -> bool {
        self.tls_verify || self.cert_path.is_some()
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Endpoint {
            host: Endpoint::DEFAULT_HOST.to_owned(),
            cert_path: None,
            tls_verify: false,
            timeout: Endpoint::DEFAULT_TIMEOUT,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.host.is_empty() {
            Endpoint::DEFAULT_HOST
        } else {
            &self.host
        })
    }
}

/// An endpoint that can't be used, found before anything is sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The scheme is known, but dogi can't speak it.
    #[error("Docker host {host:?}: {scheme}:// is not supported: {reason}; use unix:// or tcp://")]
    UnsupportedScheme {
        /// The value as given.
        host: String,
        /// The part before `://`.
        scheme: String,
        /// Why not.
        reason: &'static str,
    },
    /// The value is no address.
    #[error("Docker host {host:?}: {reason}; expected unix:///path/to/socket or tcp://host:port")]
    BadHost {
        /// The value as given.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Verification was asked for without the certificates to verify with.
    #[error(
        "DOCKER_TLS_VERIFY is set, but no certificate directory: set DOCKER_CERT_PATH to the directory with ca.pem, cert.pem and key.pem"
    )]
    NoCertificates,
    /// A file of the certificate directory can't be read.
    #[error("can't read {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the certificate directory holds something else.
    #[error("{}: {reason}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A parsed host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
}

impl Address {
    /// The rules are those of the CLI's `opts.ParseHost`: no scheme means TCP, a missing port is
    /// 2375, or 2376 with TLS, a missing host is this machine.
    fn parse(text: &str, tls: bool) -> Result<Address, ConnectError> {
        let bad = |reason| ConnectError::BadHost {
            host: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Address::parse(Endpoint::DEFAULT_HOST, tls);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(bad("it has a space or a control character"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "unix" if rest.is_empty() => Address::parse(Endpoint::DEFAULT_HOST, tls),
            "unix" if !rest.starts_with('/') => Err(bad("the socket's path is not absolute")),
            "unix" => Ok(Address::Unix(PathBuf::from(rest))),
            "tcp" => Address::parse_tcp(rest, tls).map_err(bad),
            other => Err(ConnectError::UnsupportedScheme {
                host: text.to_owned(),
                scheme: other.to_owned(),
                reason: match other {
                    "npipe" => "named pipes are Windows' own",
                    "ssh" => "no ssh program is run; forward the socket with `ssh -L` instead",
                    "fd" => "it names a socket handed to the daemon, not to a client",
                    "http" | "https" => "the Docker CLI writes tcp:// and sets DOCKER_TLS_VERIFY",
                    _ => "it is unknown",
                },
            }),
        }
    }

    fn parse_tcp(rest: &str, tls: bool) -> Result<Address, &'static str> {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err("nothing may stand around host and port");
        }
        let (host, port) = split_port(rest)?;
        let port = match port {
            None | Some("") => {
                if tls {
                    2376
                } else {
                    2375
                }
            }
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err("the port is not a number from 1 to 65535"),
            },
        };
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Address::Tcp {
            host: host.to_owned(),
            port,
        })
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(v6) = text.strip_prefix('[') {
        let (host, rest) = v6.split_once(']').ok_or("the bracket is not closed")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("something stands between the bracket and the port"),
        };
    }
    match text.matches(':').count() {
        0 => Ok((text, None)),
        1 => Ok(text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port)))),
        _ => Err("an IPv6 address needs brackets"),
    }
}
