//! What kind of address an address is, after the special-purpose registries of
//! IANA (RFC 6890 and its updates), and which addresses hide in it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddressKind {
    /// Reachable from everywhere, as far as IANA says.
    External,
    /// Of a local network, or reserved: anything that is not globally reachable and
    /// none of the others.
    Private,
    /// This machine.
    Loopback,
    /// This link; never allowed.
    LinkLocal,
    /// A cloud's metadata service, which hands out credentials; never allowed.
    Metadata,
    /// No address, which systems take for this machine; never allowed.
    Unspecified,
    /// Several machines at once; never allowed.
    Multicast,
}

impl AddressKind {
    /// The kind of one address, IPv4 addresses inside of it not considered, except
    /// for IPv4-mapped ones, which are nothing else.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Whether no policy can allow it.
    pub fn is_never_allowed(self) -> bool {
        match self {
            Self::External | Self::Private | Self::Loopback => false,
            Self::LinkLocal | Self::Metadata | Self::Unspecified | Self::Multicast => true,
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::External => "external",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
        })
    }
}

/// Metadata services that are not at link-local addresses: Alibaba, Oracle, Azure.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// Amazon's and Google's over IPv6.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

fn of_v4(address: Ipv4Addr) -> AddressKind {
    if METADATA_V4.contains(&address) {
        return AddressKind::Metadata;
    }
    match address.octets() {
        [0, ..] => AddressKind::Unspecified,
        [127, ..] => AddressKind::Loopback,
        [169, 254, 169 | 170, _] => AddressKind::Metadata,
        [169, 254, ..] => AddressKind::LinkLocal,
        [224..=239, ..] | [255, 255, 255, 255] => AddressKind::Multicast,
        // Networks of one's own, and between a provider and its customers.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            AddressKind::Private
        }
        // Protocol assignments, 6to4 relays, benchmarks, documentation, the future.
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => AddressKind::Private,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressKind::Private,
        [240..=255, ..] => AddressKind::Private,
        _ => AddressKind::External,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressKind {
    if METADATA_V6.contains(&address) {
        return AddressKind::Metadata;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        // Benchmarks, ORCHIDs, documentation.
        [0x2001, 0x0002, 0, ..] | [0x2001, 0x0010..=0x002f, ..] => AddressKind::Private,
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => AddressKind::Private,
        // Global unicast is assigned from 2000::/3 only, and NAT64's well-known
        // prefix; unique local addresses are among what remains.
        [0x2000..=0x3fff, ..] | [0x0064, 0xff9b, 0, 0, 0, 0, ..] => AddressKind::External,
        _ => AddressKind::Private,
    }
}

/// The addresses that a connection to `address` may end at: itself, in its plainest
/// form, and the IPv4 addresses that translators and tunnels find inside of it.
pub(crate) fn reached_by(address: IpAddr) -> Vec<IpAddr> {
    let plain = address.to_canonical();
    let mut all = vec![plain];
    if let IpAddr::V6(v6) = plain {
        all.extend(embedded(v6).into_iter().map(IpAddr::V4));
    }
    all
}

fn embedded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let bytes = address.octets();
    let at = |places: [usize; 4]| Ipv4Addr::from(places.map(|place| bytes[place]));
    let last = || at([12, 13, 14, 15]);
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(),
        // IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => vec![last()],
        [0x0064, 0xff9b, 0, 0, 0, 0, ..] => vec![last()],
        // NAT64 for local use (RFC 8215): the place depends on the prefix's length.
        [0x0064, 0xff9b, 1, ..] => {
            let places = [
                [6, 7, 9, 10],
                [7, 9, 10, 11],
                [9, 10, 11, 12],
                [12, 13, 14, 15],
            ];
            let filled = |v4: &Ipv4Addr| v4.octets()[0] != 0;
            places.into_iter().map(at).filter(filled).collect()
        }
        // 6to4 (RFC 3056).
        [0x2002, ..] => vec![at([2, 3, 4, 5])],
        // Teredo (RFC 4380): the server, and the client behind its mask.
        [0x2001, 0, ..] => vec![at([4, 5, 6, 7]), Ipv4Addr::from(!u32::from(last()))],
        // ISATAP (RFC 5214).
        [_, _, _, _, 0x0000 | 0x0200, 0x5efe, ..] => vec![last()],
        _ => Vec::new(),
    }
}
