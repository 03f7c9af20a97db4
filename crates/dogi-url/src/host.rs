//! Hosts, in one spelling.

use url::Host;

/// The canonical form of a host: lower case, punycode, IP addresses as they are usually written,
/// IPv6 without brackets. `Err` says what is wrong, without repeating the host.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text.starts_with('-') {
        return Err("it begins with '-'".to_owned());
    }
    // The parser would decode escapes; at this point they have been decoded already.
    if let Some(c) = text.chars().find(|&c| c == '%' || c.is_control()) {
        return Err(format!("it holds {c:?}"));
    }
    match Host::parse(text) {
        Err(source) => Err(source.to_string()),
        Ok(Host::Ipv4(ip)) => Ok(ip.to_string()),
        Ok(Host::Ipv6(ip)) => Ok(ip.to_string()),
        Ok(Host::Domain(domain)) => domain_problem(&domain).map_or(Ok(domain), Err),
    }
}

/// As it stands in a URL: IPv6 in brackets.
pub(crate) fn bracketed(host: &str) -> String {
    match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

fn domain_problem(domain: &str) -> Option<String> {
    if domain.len() > 253 {
        return Some(format!("it has {} bytes, the limit is 253", domain.len()));
    }
    domain.split('.').find_map(|label| {
        if label.is_empty() {
            return Some("it has an empty part".to_owned());
        }
        if label.len() > 63 {
            return Some(format!(
                "a part of it has {} bytes, the limit is 63",
                label.len()
            ));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("a part of it begins or ends with '-'".to_owned());
        }
        label
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
            .map(|c| format!("it holds {c:?}"))
    })
}
