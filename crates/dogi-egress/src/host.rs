use std::net::{IpAddr, Ipv6Addr};

/// A host in the one form in which hosts are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Host {
    /// An address, without IPv4 being mapped into IPv6.
    Address(IpAddr),
    /// A name in lower case, in ASCII, without a dot at its end.
    Name(String),
}

impl Host {
    /// Understands what resolvers and URLs take for a host: names, also
    /// international ones, addresses with or without brackets, and the odd old
    /// spellings of IPv4 addresses. None for what is no host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(v6) = bare.parse::<Ipv6Addr>() {
            return Some(Self::address(v6.into()));
        }
        match url::Host::parse(text).ok()? {
            // No name begins with a hyphen, but options of programs do.
            url::Host::Domain(name) if name.is_empty() || name.starts_with('-') => None,
            url::Host::Domain(name) => Some(Self::Name(name)),
            url::Host::Ipv4(v4) => Some(Self::address(v4.into())),
            url::Host::Ipv6(v6) => Some(Self::address(v6.into())),
        }
    }

    pub(crate) fn address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

/// Names of this machine (RFC 6761).
pub(crate) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Names under which clouds know their metadata services.
pub(crate) fn is_metadata(name: &str) -> bool {
    matches!(
        name,
        "metadata.google.internal" | "metadata.goog" | "instance-data.ec2.internal"
    )
}
