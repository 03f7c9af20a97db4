use std::{error::Error, fmt, net::IpAddr};

use crate::{AddressKind, EgressError};

/// A destination that the policy does not allow. Asking again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denied {
    /// The host that was asked for, as given.
    pub host: String,
    /// The address it stands for, where one was judged.
    pub address: Option<IpAddr>,
    /// Why.
    pub reason: Reason,
}

/// Why a destination is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Addresses of this kind are allowed to nobody.
    Never(AddressKind),
    /// The policy does not allow addresses of this kind, nor this host.
    NotAllowed {
        /// The kind of the address.
        kind: AddressKind,
        /// The policy, as it would be written.
        allowed: String,
    },
    /// The host is that of a proxy, which is for connecting through.
    Proxy,
    /// The text is not a host name, nor an address.
    NotAHost,
}

impl Denied {
    /// Finds the denial among the reasons of an error, for example of a
    /// `reqwest::Error`.
    ///
    /// ```
    /// # use dogi_egress::{Denied, EgressPolicy};
    /// let policy = EgressPolicy::default();
    /// let denied = policy.check_host("127.0.0.1").unwrap_err();
    /// let error = std::io::Error::other(denied.clone());
    /// assert_eq!(Denied::find(&error), Some(&denied));
    /// ```
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            // Transparent: its source is that of the denial, which has none.
            if let Some(EgressError::Denied(found)) = error.downcast_ref() {
                return Some(found);
            }
            // An io::Error hides the error it carries behind that one's own source.
            let inner = error
                .downcast_ref::<std::io::Error>()
                .and_then(|e| e.get_ref());
            next = match inner {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.host.escape_debug())?;
        if let Some(address) = self.address
            && address.to_string() != self.host
        {
            write!(f, " (which is {address})")?;
        }
        match &self.reason {
            Reason::Never(kind) => write!(f, " may not be reached: {kind} addresses never are"),
            Reason::NotAllowed { kind, allowed } if allowed.is_empty() => {
                write!(
                    f,
                    " may not be reached: it is {kind}, and the policy allows nothing"
                )
            }
            Reason::NotAllowed { kind, allowed } => {
                write!(
                    f,
                    " may not be reached: it is {kind}, and allowed is {allowed}"
                )
            }
            Reason::Proxy => write!(f, " may not be reached: it is the proxy itself"),
            Reason::NotAHost => write!(f, " is neither a host name nor an address"),
        }
    }
}

impl Error for Denied {}
