use super::{BadValue, Forge};

/// Why a delivery was not taken.
///
/// The texts never quote a signature or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No header names an event, and there is no token in the query.
    #[error(
        "no forge sends this: expected a header X-GitHub-Event, X-Gitea-Event, X-Forgejo-Event \
         or X-Gitlab-Event"
    )]
    NoForge,
    /// Headers that no forge sends together.
    #[error("the headers of {first} and of {second} stand together: expected those of one forge")]
    TwoForges {
        /// One.
        first: Forge,
        /// The other.
        second: Forge,
    },
    /// A header, or the parameter `token` of the query, that may stand once.
    #[error("{place} stands more than once")]
    Repeated {
        /// ``the header `x-hub-signature-256` ``.
        place: String,
    },
    /// A header with bytes that are no visible ASCII.
    #[error("the header `{header}` is not visible ASCII")]
    Unreadable {
        /// Its name.
        header: &'static str,
    },
    /// A header whose value is not what it should be.
    #[error("the header `{header}` is refused")]
    Header {
        /// Its name.
        header: &'static str,
        /// Why.
        #[source]
        source: BadValue,
    },
    /// The operator has set no secret for this forge: nothing is open without one.
    #[error("no secret is set for {forge}, without which nothing of it is taken")]
    NoSecret {
        /// Whose.
        forge: Forge,
    },
    /// What would prove who sent it is not there.
    #[error("not signed: expected {expected}")]
    Missing {
        /// What should be there.
        expected: &'static str,
    },
    /// The signature is of another form, or was made with another secret or over another body.
    #[error("the signature in `{header}` is wrong")]
    WrongSignature {
        /// Where it stands.
        header: &'static str,
    },
    /// The token is another one.
    #[error("{place} is not the token that is set")]
    WrongToken {
        /// Where it stands.
        place: &'static str,
    },
    /// The signature was made too long ago, or in the future. Whether it is right is not known.
    #[error(
        "signed at {signed} and received at {now} (Unix time): expected at most {tolerance} s between"
    )]
    Stale {
        /// `webhook-timestamp`, in seconds of Unix time.
        signed: u64,
        /// When it was received, in seconds of Unix time.
        now: u64,
        /// How far they may be apart, in seconds.
        tolerance: u64,
    },
}

impl VerifyError {
    /// Whether the request is well-formed as far as it was looked at, and its sender not proven; an
    /// HTTP server answers 401. The others are malformed, 400.
    #[must_use]
    pub fn is_unauthentic(&self) -> bool {
        match self {
            Self::NoSecret { .. }
            | Self::Missing { .. }
            | Self::WrongSignature { .. }
            | Self::WrongToken { .. }
            | Self::Stale { .. } => true,
            Self::NoForge
            | Self::TwoForges { .. }
            | Self::Repeated { .. }
            | Self::Unreadable { .. }
            | Self::Header { .. } => false,
        }
    }
}
