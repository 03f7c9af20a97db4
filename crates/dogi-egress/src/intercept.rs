//! `reqwest` asks a resolver for names only: it connects to an IP literal at once,
//! in the first URL as after a redirect, and a caller (gix is one) may set another
//! redirect policy. But it asks for a proxy before every connection, literal or
//! not. So a destination that is not allowed is given a "proxy" whose name spells
//! the destination under a suffix of our own, and our resolver, asked for that
//! name, answers with the denial.

use std::sync::Arc;

use reqwest::{Proxy, Url};

use crate::{Denied, EgressPolicy, Reason, host::Host};

/// Under `invalid`, which no resolver ever knows (RFC 6761).
const SUFFIX: &str = ".denied-by-egress-policy.invalid";

/// Sends every denied destination to the resolver. `proxies` are the hosts of the
/// real ones, which the resolver lets through and nobody may name.
pub(crate) fn proxy(policy: Arc<EgressPolicy>, proxies: Vec<Host>) -> Proxy {
    Proxy::custom(move |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        refuse(&policy, &proxies, host).map(|_| format!("http://{}{SUFFIX}", spell(host)))
    })
}

/// The denial that is hidden in a name, if it is one of those.
pub(crate) fn denial(name: &str, policy: &EgressPolicy) -> Option<Denied> {
    let spelt = name.strip_suffix(SUFFIX)?;
    let host = read(spelt);
    let proxy = || Denied {
        host: host.clone(),
        address: None,
        reason: Reason::Proxy,
    };
    Some(policy.check_host(&host).err().unwrap_or_else(proxy))
}

fn refuse(policy: &EgressPolicy, proxies: &[Host], host: &str) -> Option<()> {
    let is_proxy = || Host::parse(host).is_some_and(|h| proxies.contains(&h) && !policy.frees(&h));
    (policy.check_host(host).is_err() || is_proxy()).then_some(())
}

/// An IPv6 address as a name.
fn spell(host: &str) -> String {
    match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => format!("v6.{}", v6.replace(':', "-")),
        None => host.trim_end_matches('.').to_owned(),
    }
}

fn read(spelt: &str) -> String {
    match spelt.strip_prefix("v6.") {
        Some(v6) => v6.replace('-', ":"),
        None => spelt.to_owned(),
    }
}
