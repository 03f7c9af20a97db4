use std::{error::Error as _, fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    address::Envelope,
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio_util::sync::CancellationToken;

use super::{Mail, MailAddress, MailServer, TransportSecurity};
use crate::{Cancelled, Outcome, forge::inert};

/// How long a mail may take, from resolving the server's name to its word that it has it. Servers may
/// look at the content for a while: RFC 5321 (section 4.5.3.2) would have clients wait for minutes.
const LIMIT: Duration = Duration::from_secs(180);

/// How long a connection and each step may take.
const STEP: Duration = Duration::from_secs(60);

/// How much of a server's own words is quoted, in characters.
const QUOTED: usize = 300;

/// Hands mails to the operator's mail server, one connection each. Cheap to clone.
///
/// The server is the operator's choice: the egress policy does not apply to it.
#[derive(Clone)]
pub struct Mailer {
    server: MailServer,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    limit: Duration,
}

/// No mailer can be made of the settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailerError {
    /// The host is none.
    #[error("`{}` is no host of a mail server", .host.escape_debug())]
    Host {
        /// The text.
        host: String,
    },
    /// The certificates that shall be trusted can't be read.
    #[error("the certificates for the mail server `{host}` are no certificates in PEM")]
    Roots {
        /// The host of the server.
        host: String,
        /// What is wrong with them; `None` where there simply is none.
        #[source]
        source: Option<smtp::Error>,
    },
    /// TLS can't be set up; without root certificates on this machine, for one.
    #[error(
        "TLS to the mail server `{host}` can't be set up; where this machine has no root \
         certificates, install the package ca-certificates or set SSL_CERT_FILE"
    )]
    Tls {
        /// The host of the server.
        host: String,
        /// The reason.
        #[source]
        source: smtp::Error,
    },
}

impl Mailer {
    /// A mailer for this server, which greets it with the domain of `from`.
    ///
    /// # Errors
    ///
    /// [`MailerError`] when the settings can't be used. The server is not asked.
    pub fn new(server: MailServer, from: &MailAddress) -> Result<Self, MailerError> {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        if server.host.is_empty() || server.host.contains(odd) {
            return Err(MailerError::Host { host: server.host });
        }
        let bare = server.host.trim_matches(['[', ']']);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare)
            .port(server.port)
            .timeout(Some(STEP))
            .hello_name(ClientId::Domain(from.domain().to_owned()))
            .tls(tls(&server, bare)?);
        if let Some((user, password)) = &server.login {
            let password = password.expose().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            limit: LIMIT,
            server,
        })
    }

    /// Gives a mail up after this time, instead of three minutes.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Hands a mail to the server once.
    ///
    /// An answer of 4xx, no connection and no answer in time are worth another try, and so is TLS
    /// that fails, since an operator mends certificates; 5xx, a login that the server does not know
    /// and a server without STARTTLS where it is required are refusals (RFC 5321, section 4.2.1).
    ///
    /// # Errors
    ///
    /// [`Cancelled`] once the connection is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection. The server may have taken the mail: sent again, it
    /// has the same `Message-ID`.
    pub async fn attempt(
        &self,
        mail: &Mail,
        cancel: &CancellationToken,
    ) -> Result<Outcome, Cancelled> {
        let timed = tokio::time::timeout(self.limit, self.send(mail));
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Cancelled),
            ended = timed => Ok(ended.unwrap_or_else(|_| {
                let limit = self.limit;
                Outcome::retry(format!("the mail server took longer than {limit:?}"))
            })),
        }
    }

    async fn send(&self, mail: &Mail) -> Outcome {
        let envelope = Envelope::new(Some(mail.from.envelope()), vec![mail.to.envelope()])
            .expect("one recipient is not none");
        match self.transport.send_raw(&envelope, &mail.message).await {
            Ok(_) => Outcome::Told,
            Err(e) => self.failed(&e),
        }
    }

    fn failed(&self, error: &smtp::Error) -> Outcome {
        let said = self.words(error);
        match error.status() {
            Some(code) if error.is_permanent() => {
                Outcome::refused(format!("the mail server answered {code}: {said}"))
            }
            Some(code) => Outcome::retry(format!("the mail server answered {code}: {said}")),
            // What the client itself finds missing: STARTTLS, a way to log in.
            None if error.is_client() => Outcome::refused(format!("the mail server: {said}")),
            None => Outcome::retry(format!("no mail server: {said}")),
        }
    }

    /// The innermost reason, on one line, without the password, should the server have repeated it.
    fn words(&self, error: &smtp::Error) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text = inner.to_string();
            source = inner.source();
        }
        if let Some((_, password)) = &self.server.login
            && !password.expose().is_empty()
        {
            text = text.replace(password.expose(), "***");
        }
        let mut shown: String = text.trim().chars().take(QUOTED).map(inert).collect();
        if text.trim().chars().nth(QUOTED).is_some() {
            shown.push('…');
        }
        shown
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer")
            .field("server", &self.server)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

fn tls(server: &MailServer, host: &str) -> Result<Tls, MailerError> {
    let parameters = TlsParameters::builder(host.to_owned());
    let failed = |source| MailerError::Tls {
        host: server.host.clone(),
        source,
    };
    if server.security == TransportSecurity::Opportunistic {
        // Servers on the same machine have a certificate that says anything, and nobody else could
        // answer in their place. So nothing is verified, and no root certificates are needed.
        let parameters = parameters
            .certificate_store(CertificateStore::None)
            .dangerous_accept_invalid_certs(true)
            .dangerous_accept_invalid_hostnames(true);
        return Ok(Tls::Opportunistic(parameters.build().map_err(failed)?));
    }
    let trusted = roots(server)?;
    let parameters = trusted.into_iter().fold(
        parameters,
        smtp::client::TlsParametersBuilder::add_root_certificate,
    );
    let parameters = parameters.build().map_err(failed)?;
    Ok(match server.security {
        TransportSecurity::Tls => Tls::Wrapper(parameters),
        _ => Tls::Required(parameters),
    })
}

fn roots(server: &MailServer) -> Result<Option<Certificate>, MailerError> {
    let bad = |source| MailerError::Roots {
        host: server.host.clone(),
        source,
    };
    if server.roots.is_empty() {
        return Ok(None);
    }
    let begins = b"-----BEGIN CERTIFICATE-----";
    if memchr::memmem::find(&server.roots, begins).is_none() {
        return Err(bad(None));
    }
    let read = Certificate::from_pem(&server.roots);
    read.map(Some).map_err(|source| bad(Some(source)))
}
