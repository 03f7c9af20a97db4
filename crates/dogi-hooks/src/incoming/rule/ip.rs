use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Ranges of addresses. One of IPv4 that stands in IPv6 (`::ffff:192.0.2.1`) counts as IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpRanges(Vec<IpNet>);

/// A text is no address and no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{range:?}: expected an address or a range such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct RangeError {
    /// The text.
    pub range: String,
}

impl IpRanges {
    /// Whether an address is in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// Whether there is none, so that nothing is in them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for IpRanges {
    type Err = RangeError;

    /// Reads a list separated by white space; an address without a slash is one host.
    fn from_str(text: &str) -> Result<Self, RangeError> {
        let range = |text: &str| {
            range(text).ok_or_else(|| RangeError {
                range: text.to_owned(),
            })
        };
        let ranges: Result<Vec<IpNet>, RangeError> = text.split_whitespace().map(range).collect();
        ranges.map(Self)
    }
}

fn range(text: &str) -> Option<IpNet> {
    let Some((address, bits)) = text.split_once('/') else {
        return Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()));
    };
    let address: IpAddr = address.parse().ok()?;
    let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u8 = bits.parse().ok().filter(|_| is_number)?;
    let range = IpNet::new(address, bits).ok()?;
    match (address.to_canonical(), range) {
        (IpAddr::V4(inner), IpNet::V6(_)) if bits >= 96 => {
            Ipv4Net::new(inner, bits - 96).ok().map(IpNet::V4)
        }
        _ => Some(range),
    }
}
