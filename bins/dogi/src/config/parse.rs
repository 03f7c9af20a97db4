//! From a setting's text to its type. The error is what to add to "expected …": nothing, or
//! `; reason`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use dogi_engine::AtLogLimit;
use dogi_hooks::{CallbackHeaders, SigningKey};
use dogi_url::{Cpus, ImageRef, RepoPath};
use ipnet::IpNet;
use url::Url;

use super::secret::Secret;
use crate::hooks::ALL_BODIES;

/// Why a text is refused, as a continuation of "expected …".
type Reason = String;

fn because(reason: impl std::fmt::Display) -> Reason {
    let reason = reason.to_string();
    if reason.is_empty() {
        reason
    } else {
        format!("; {reason}")
    }
}

fn nothing<E>(_: E) -> Reason {
    Reason::new()
}

pub(super) fn socket_addr(text: &str) -> Result<SocketAddr, Reason> {
    // `:3001`, as many programs take it.
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    full.replace("localhost:", "127.0.0.1:")
        .parse()
        .map_err(nothing)
}

pub(super) fn ip(text: &str) -> Result<IpAddr, Reason> {
    text.trim_matches(['[', ']']).parse().map_err(nothing)
}

pub(super) fn port(text: &str) -> Result<u16, Reason> {
    text.parse().map_err(nothing)
}

/// A port that something can be sent to.
pub(super) fn smtp_port(text: &str) -> Result<u16, Reason> {
    port(text)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(Reason::new)
}

/// A host's name or address, without a port.
pub(super) fn host(text: &str) -> Result<String, Reason> {
    url::Host::parse(text)
        .or_else(|_| url::Host::parse(&format!("[{text}]")))
        .map_err(nothing)?;
    Ok(text.to_owned())
}

pub(super) fn repo_path(text: &str) -> Result<RepoPath, Reason> {
    text.parse().map_err(without_value)
}

pub(super) fn image(text: &str) -> Result<ImageRef, Reason> {
    text.parse().map_err(without_value)
}

/// What is wrong; reports quote the value by themselves.
fn without_value(error: dogi_url::InvalidValue) -> Reason {
    because(error.reason())
}

/// The host of what images' names begin with: `registry.example.com/team`.
pub(super) fn registry(text: &str) -> Result<String, Reason> {
    let image: ImageRef = format!("{text}/image").parse().map_err(nothing)?;
    Ok(image.registry().to_owned())
}

pub(super) fn switch(text: &str) -> Result<bool, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Reason::new()),
    }
}

pub(super) fn at_log_limit(text: &str) -> Result<AtLogLimit, Reason> {
    match text {
        "cut" => Ok(AtLogLimit::GoOn),
        "fail" => Ok(AtLogLimit::Fail),
        _ => Err(Reason::new()),
    }
}

pub(super) fn count(text: &str) -> Result<usize, Reason> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(Reason::new)
}

pub(super) fn number(text: &str) -> Result<usize, Reason> {
    text.parse().map_err(nothing)
}

pub(super) fn pids(text: &str) -> Result<i64, Reason> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(Reason::new)
}

pub(super) fn duration(text: &str) -> Result<Duration, Reason> {
    dogi_url::duration::parse(text).map_err(nothing)
}

pub(super) fn bytes(text: &str) -> Result<u64, Reason> {
    dogi_url::size::parse_bytes(text).map_err(nothing)
}

/// Bodies of hooks have to fit into the room for all of them.
pub(super) fn hook_body(text: &str) -> Result<u64, Reason> {
    let most = ALL_BODIES as u64;
    match bytes(text)? {
        size if size <= most => Ok(size),
        _ => Err(format!(
            "; at most {most}, which is the room for all bodies"
        )),
    }
}

pub(super) fn cpus(text: &str) -> Result<Cpus, Reason> {
    text.parse().map_err(nothing)
}

pub(super) fn path(text: &str) -> Result<PathBuf, Reason> {
    Ok(PathBuf::from(text))
}

pub(super) fn absolute(text: &str) -> Result<PathBuf, Reason> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(Reason::new())
    }
}

pub(super) fn http_url(text: &str) -> Result<Url, Reason> {
    let url = Url::parse(text).map_err(because)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Reason::new());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("; a user or password has no place in it".to_owned());
    }
    Ok(url)
}

/// The text itself, known to be a proxy's URL. The reason never quotes it: it may hold a password.
pub(super) fn proxy(text: &str) -> Result<String, Reason> {
    match dogi_egress::Proxies::new(Some(text), None, None) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Reason::new()),
    }
}

/// A base for links: no query, no fragment, no slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, Reason> {
    let url = http_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Reason::new());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// For lists whose reasons quote single items: a password that holds a comma would be quoted in
/// parts, and nothing in such a list has a user.
pub(super) fn without_user(text: &str) -> Result<(), Reason> {
    match text.contains('@') {
        true => Err("; a user or password has no place in it".to_owned()),
        false => Ok(()),
    }
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, Reason> {
    without_user(text)?;
    let network = |item: &str| {
        let address = || item.parse::<IpAddr>().map(IpNet::from);
        item.parse()
            .or_else(|_| address())
            .map_err(|_| format!("; {item:?} is neither"))
    };
    list(text).map(network).collect()
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

pub(super) fn token(text: &str) -> Result<Secret, Reason> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Secret::new(text))
    } else {
        Err(Reason::new())
    }
}

pub(super) fn operator_token(text: &str) -> Result<Secret, Reason> {
    if text.len() < 6 {
        Err(format!("; it has {}", text.len()))
    } else {
        token(text)
    }
}

/// A key of the Standard Webhooks specification.
pub(super) fn webhook_secret(text: &str) -> Result<SigningKey, Reason> {
    text.parse()
        .map_err(|error: dogi_hooks::SigningKeyError| because(error))
}

/// `level` or `target=level`, several with commas: a subset of what `tracing` takes, which would
/// read a misspelt level as the name of a target.
pub(super) fn log_filter(text: &str) -> Result<String, Reason> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for item in list(text) {
        let level = item.rsplit_once('=').map_or(item, |(_, level)| level);
        if !levels.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(super::did_you_mean(level, levels));
        }
    }
    Ok(text.to_owned())
}

pub(super) fn headers(text: &str) -> Result<CallbackHeaders, Reason> {
    text.parse()
        .map_err(|error: dogi_hooks::HeadersError| because(error))
}
