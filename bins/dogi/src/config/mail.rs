//! Mails about results: the server that takes them.

use std::fmt;
use std::str::FromStr;

use super::parse;
use super::secret::Secret;
use super::sources::Sources;

/// Where mails about results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The server's name or address.
    pub host: String,
    /// Its port; 465 is TLS from the beginning.
    pub port: u16,
    /// User and password, where it wants them.
    pub login: Option<(String, Secret)>,
    /// The sender.
    pub from: MailAddress,
    /// Who is told where a rule does not say.
    pub to: Vec<MailAddress>,
}

/// An address that mail can be sent to, such as `ci@example.com`: no name, no comment, nothing
/// that could end a line of a mail.
///
/// Whether there is such a mailbox only its server knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailAddress(String);

impl MailAddress {
    /// What it looks like, to go after "expected".
    pub(super) const EXPECTED: &str = "a mail address such as ci@example.com";

    /// Longest address, in bytes.
    ///
    /// Source: RFC 5321, section 4.5.3.1.3 (a path of 256 with its brackets).
    const LONGEST: usize = 254;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// With the reason as a continuation of "expected …".
impl FromStr for MailAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err("; it has no `@`".to_owned());
        };
        let is_special =
            |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c);
        if let Some(c) = text.chars().filter(|c| *c != '@').find(|c| is_special(*c)) {
            return Err(format!("; it holds {c:?}"));
        }
        let is_domain = domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
        let is_local = !local.split('.').any(str::is_empty) && !local.contains('@');
        match is_domain && is_local && text.len() <= Self::LONGEST {
            true => Ok(Self(text.to_owned())),
            false => Err(String::new()),
        }
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The variables that mean nothing without a server.
const WITH_HOST: [&str; 4] = ["SMTP_USER", "SMTP_PASS", "SMTP_FROM", "SMTP_TO"];

/// Reads the settings; `None`: no mails.
pub(super) fn read(sources: &mut Sources) -> Option<Mail> {
    let is_set = sources.text("SMTP_HOST").is_some();
    let host = sources.optional("SMTP_HOST", parse::host);
    let port = sources.with_default("SMTP_PORT", parse::smtp_port);
    let user = sources.optional("SMTP_USER", |text| Ok(text.to_owned()));
    let password = sources.optional("SMTP_PASS", |text| Ok(Secret::new(text)));
    let has_from = sources.text("SMTP_FROM").is_some();
    let from = sources.optional("SMTP_FROM", str::parse);
    let to = sources.optional("SMTP_TO", addresses).unwrap_or_default();
    if !is_set {
        for name in WITH_HOST {
            if sources.text(name).is_some() {
                sources.problem(
                    name,
                    "has no effect without SMTP_HOST: set it, or leave this out",
                );
            }
        }
        return None;
    }
    if !has_from {
        sources.problem("SMTP_HOST", "a sender is missing: set SMTP_FROM too");
    }
    let login = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => {
            sources.problem("SMTP_USER", "a user without a password: set SMTP_PASS too");
            None
        }
        (None, Some(_)) => {
            sources.problem("SMTP_PASS", "a password without a user: set SMTP_USER too");
            None
        }
        (None, None) => None,
    };
    Some(Mail {
        host: host?,
        port,
        login,
        from: from?,
        to,
    })
}

fn addresses(text: &str) -> Result<Vec<MailAddress>, String> {
    parse::list(text)
        .map(|item| {
            let wrong = |reason| format!("; {item:?} is none{reason}");
            item.parse().map_err(wrong)
        })
        .collect()
}
