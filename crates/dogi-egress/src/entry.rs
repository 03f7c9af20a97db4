use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::{AddressKind, host::Host};

/// One thing that a policy allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Kind(AddressKind),
    Network(IpNet),
    Host(String),
}

/// An entry that says nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {problem}", .entry.escape_debug())]
#[non_exhaustive]
pub struct BadEntry {
    /// The entry, as written.
    pub entry: String,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Empty,
    Network,
    Host,
    Port,
    Wildcard,
    Never,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is an empty entry between commas",
            Self::Network => "is not a network in CIDR form, such as 10.0.0.0/8 or fd00::/8",
            Self::Host => "is not external, private, loopback, a CIDR, an address or a host name",
            Self::Port => "has a port or a scheme: a host is named without them",
            Self::Wildcard => "has a wildcard: hosts are named one by one",
            Self::Never => "can't be allowed: such addresses are never reached",
        })
    }
}

/// Every entry of a policy that says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyError {
    /// At least one, in the order in which they were written.
    pub entries: Vec<BadEntry>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, entry) in self.entries.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{entry}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        match text {
            "external" => Ok(Self::Kind(AddressKind::External)),
            "private" => Ok(Self::Kind(AddressKind::Private)),
            "loopback" => Ok(Self::Kind(AddressKind::Loopback)),
            _ => network_or_host(text).map_err(|problem| BadEntry {
                entry: text.to_owned(),
                problem,
            }),
        }
    }
}

fn network_or_host(text: &str) -> Result<Entry, Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    if text.contains("://") {
        return Err(Problem::Port);
    }
    if text.contains('/') {
        return network(text.parse().map_err(|_| Problem::Network)?);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return network(address.into());
    }
    if text.contains('*') {
        return Err(Problem::Wildcard);
    }
    match Host::parse(text) {
        Some(Host::Address(address)) => network(address.into()),
        Some(Host::Name(name)) => Ok(Entry::Host(name)),
        None if text.contains(':') => Err(Problem::Port),
        None => Err(Problem::Host),
    }
}

fn network(network: IpNet) -> Result<Entry, Problem> {
    let network = plain(network.trunc());
    let never = NEVER.iter().filter_map(|net| net.parse::<IpNet>().ok());
    let single = network.prefix_len() == network.max_prefix_len();
    let is_never = single && AddressKind::of(network.addr()).is_never_allowed();
    if is_never || never.into_iter().any(|net| net.contains(&network)) {
        return Err(Problem::Never);
    }
    Ok(Entry::Network(network))
}

/// The networks in which nothing is ever allowed.
const NEVER: [&str; 5] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "fe80::/10",
    "ff00::/8",
];

/// A network of IPv4-mapped addresses is one of IPv4 addresses.
fn plain(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.network().to_ipv4_mapped(),
        _ => None,
    };
    let as_v4 = mapped.and_then(|v4| IpNet::new(v4.into(), network.prefix_len() - 96).ok());
    as_v4.unwrap_or(network)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => kind.fmt(f),
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
            Self::Host(name) => name.fmt(f),
        }
    }
}
