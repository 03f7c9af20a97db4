use std::{collections::BTreeSet, fmt, net::IpAddr, str::FromStr};

use crate::{
    AddressKind, BadEntry, Denied, PolicyError, Reason,
    address::reached_by,
    entry::Entry,
    host::{Host, is_localhost, is_metadata},
};

/// Which hosts and addresses may be connected to.
///
/// Written as a list with commas: `external`, `private` and `loopback` for the
/// addresses of that [kind](AddressKind), networks as CIDR, single addresses, and
/// host names, whose addresses are allowed whatever their kind. The default is
/// `external,private`; an empty list allows nothing.
///
/// Link-local, metadata, unspecified and multicast addresses are never allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressPolicy {
    entries: Vec<Entry>,
    exempt: BTreeSet<Host>,
}

impl Default for EgressPolicy {
    fn default() -> Self {
        let kinds = [AddressKind::External, AddressKind::Private];
        Self {
            entries: kinds.map(Entry::Kind).into(),
            exempt: BTreeSet::new(),
        }
    }
}

impl EgressPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every bad entry, not only the first.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self {
            entries: Vec::new(),
            exempt: BTreeSet::new(),
        };
        if text.trim().is_empty() {
            return Ok(policy);
        }
        let mut bad: Vec<BadEntry> = Vec::new();
        for entry in text.split(',') {
            match entry.trim().parse() {
                Ok(entry) if policy.entries.contains(&entry) => (),
                Ok(entry) => policy.entries.push(entry),
                Err(e) => bad.push(e),
            }
        }
        if bad.is_empty() {
            Ok(policy)
        } else {
            Err(PolicyError { entries: bad })
        }
    }

    /// Frees a host that the operator named from the policy: a name or an address,
    /// without a port; what is no host changes nothing.
    ///
    /// A name is not freed from what is never allowed; an address is, since whoever
    /// wrote it means it.
    #[must_use]
    pub fn exempt(mut self, host: &str) -> Self {
        self.exempt.extend(Host::parse(host));
        self
    }

    /// Whether `address`, to which `host` was resolved, may be connected to.
    ///
    /// # Errors
    ///
    /// [`Denied`] with the reason.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let asked = Host::parse(host);
        let deny = |reason| Denied {
            host: host.to_owned(),
            address: Some(address),
            reason,
        };
        let Some(asked) = asked else {
            return Err(deny(Reason::NotAHost));
        };
        if self.is_named(&asked, address) {
            return Ok(());
        }
        let reached = reached_by(address);
        let never = |ip: &IpAddr| AddressKind::of(*ip).is_never_allowed();
        if let Some(ip) = reached.iter().copied().find(never) {
            return Err(deny(Reason::Never(AddressKind::of(ip))));
        }
        if self.frees(&asked) || self.has_network_of(address) {
            return Ok(());
        }
        match reached.into_iter().find(|ip| !self.allows(*ip)) {
            Some(ip) => Err(deny(self.not_allowed(AddressKind::of(ip)))),
            None => Ok(()),
        }
    }

    /// Whether `host` may be asked for, before it is resolved: an IP literal is
    /// judged as the address, in any of its spellings; of names only those that
    /// always stand for this machine or for a metadata service can be refused here.
    ///
    /// # Errors
    ///
    /// [`Denied`] with the reason.
    pub fn check_host(&self, host: &str) -> Result<(), Denied> {
        let deny = |reason| Denied {
            host: host.to_owned(),
            address: None,
            reason,
        };
        match Host::parse(host) {
            None => Err(deny(Reason::NotAHost)),
            Some(Host::Address(address)) => self.check(host, address),
            Some(asked @ Host::Name(_)) if self.frees(&asked) => Ok(()),
            Some(Host::Name(name)) if is_metadata(&name) => {
                Err(deny(Reason::Never(AddressKind::Metadata)))
            }
            Some(Host::Name(name)) if is_localhost(&name) && !self.allows_loopback() => {
                Err(deny(self.not_allowed(AddressKind::Loopback)))
            }
            Some(Host::Name(_)) => Ok(()),
        }
    }

    /// The host is named as such, exempt or in the list.
    pub(crate) fn frees(&self, host: &Host) -> bool {
        let listed =
            |entry: &Entry| matches!((entry, host.name()), (Entry::Host(n), Some(h)) if n == h);
        self.exempt.contains(host) || self.entries.iter().any(listed)
    }

    /// The operator wrote this very address, and it was asked for as such.
    fn is_named(&self, asked: &Host, address: IpAddr) -> bool {
        *asked == Host::address(address) && self.exempt.contains(asked)
    }

    fn has_network_of(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        let within = |entry: &Entry| matches!(entry, Entry::Network(net) if net.contains(&plain));
        self.entries.iter().any(within)
    }

    fn allows(&self, address: IpAddr) -> bool {
        let kind = Entry::Kind(AddressKind::of(address));
        self.entries.contains(&kind) || self.has_network_of(address)
    }

    /// Whether anything of loopback may be reached, so that its name may be asked for.
    fn allows_loopback(&self) -> bool {
        let kind = Entry::Kind(AddressKind::Loopback);
        let within = |entry: &Entry| match entry {
            Entry::Network(net) => AddressKind::of(net.network()) == AddressKind::Loopback,
            _ => false,
        };
        self.entries.contains(&kind) || self.entries.iter().any(within)
    }

    fn not_allowed(&self, kind: AddressKind) -> Reason {
        Reason::NotAllowed {
            kind,
            allowed: self.to_string(),
        }
    }
}

impl FromStr for EgressPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Self::parse(text)
    }
}

/// The list as it would be written; exemptions are not part of it.
impl fmt::Display for EgressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, entry) in self.entries.iter().enumerate() {
            write!(f, "{}{entry}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
