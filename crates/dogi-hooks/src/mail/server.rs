use std::net::IpAddr;

use crate::incoming::Secret;

/// The operator's mail server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port; 587 is for mails that clients submit (RFC 6409).
    pub port: u16,
    /// User and password, where it asks for them.
    pub login: Option<(String, Secret)>,
    /// How the connection is protected.
    pub security: TransportSecurity,
    /// Certificates in PEM that are trusted besides those of the platform.
    pub roots: Vec<u8>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportSecurity {
    /// TLS from the first byte on (RFC 8314).
    Tls,
    /// Plain at first, then TLS by STARTTLS (RFC 3207); a server without it is told nothing.
    StartTls,
    /// STARTTLS where the server has it, whatever its certificate says, else plain: only for a server
    /// on this machine, where nobody is between.
    Opportunistic,
}

impl MailServer {
    /// A server without a login. Port 465 means TLS from the first byte on, a host of loopback that
    /// anything goes, and all else that STARTTLS is required.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        let security = match port {
            465 => TransportSecurity::Tls,
            _ if is_loopback(&host) => TransportSecurity::Opportunistic,
            _ => TransportSecurity::StartTls,
        };
        Self {
            host,
            port,
            login: None,
            security,
            roots: Vec::new(),
        }
    }

    /// Logs in with this user and password.
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = Some((user.into(), password));
        self
    }

    /// Protects the connection in this way, whatever host and port say.
    #[must_use]
    pub fn security(mut self, security: TransportSecurity) -> Self {
        self.security = security;
        self
    }

    /// Trusts these certificates, in PEM, besides those of the platform.
    #[must_use]
    pub fn roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = pem.into();
        self
    }
}

/// Names of this machine (RFC 6761), and its addresses.
fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let bare = host
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(&host);
    let is_name = host == "localhost" || host.ends_with(".localhost");
    let address = |ip: IpAddr| ip.to_canonical().is_loopback();
    is_name || bare.parse().is_ok_and(address)
}
