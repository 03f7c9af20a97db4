//! References to images and platforms.

use crate::InvalidValue;
use crate::text::text_type;

text_type! {
    /// The name of an image, as `docker run` takes it: `busybox`, `python:3.12`,
    /// `registry.acme.example:5000/team/app@sha256:…`.
    ///
    /// Kept as it was given; the parts are those of the reference grammar of
    /// [distribution](https://github.com/distribution/reference). Ids of images are refused: they
    /// would reach images on the host that were never meant to be named.
    ImageRef, image_ref
}

text_type! {
    /// A platform to build for: `os/arch` or `os/arch/variant`, lower case.
    Platform, platform
}

const ALLOWED: &str = "[registry[:port]/]name[:tag][@digest], lower case, as `python:3.12`";
const DEFAULT_REGISTRY: &str = "docker.io";

impl ImageRef {
    /// The registry's host, with its port if there is one; `docker.io` when none is named.
    pub fn registry(&self) -> &str {
        Parts::of(&self.0).registry.unwrap_or(DEFAULT_REGISTRY)
    }

    /// The repository in its registry; `library/busybox` for `busybox`.
    pub fn repository(&self) -> String {
        let parts = Parts::of(&self.0);
        match self.registry() == DEFAULT_REGISTRY && !parts.name.contains('/') {
            true => format!("library/{}", parts.name),
            false => parts.name.to_owned(),
        }
    }

    /// The tag, if one is named.
    pub fn tag(&self) -> Option<&str> {
        Parts::of(&self.0).tag
    }

    /// The digest, if one is named: `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        Parts::of(&self.0).digest
    }
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    registry: Option<&'a str>,
    name: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (rest, digest) = split_last(text, '@');
        let (rest, tag) = match rest.rsplit_once(':') {
            Some((rest, tag)) if !tag.contains('/') => (rest, Some(tag)),
            _ => (rest, None),
        };
        match rest.split_once('/') {
            Some((host, name)) if names_a_host(host) => Self {
                registry: Some(host),
                name,
                tag,
                digest,
            },
            _ => Self {
                registry: None,
                name: rest,
                tag,
                digest,
            },
        }
    }

    fn problem(self) -> Option<String> {
        let all_hex = |text: &str| text.len() == 64 && text.bytes().all(is_lower_hex);
        if self.registry.is_some_and(|host| !is_host(host)) {
            return Some("its registry is not a host".to_owned());
        }
        if self.name.len() > 255 {
            return Some(format!(
                "its name has {} bytes, the limit is 255",
                self.name.len()
            ));
        }
        if let Some(bad) = self.name.split('/').find(|part| !is_component(part)) {
            return Some(format!("{bad:?} can't be a part of its name"));
        }
        if all_hex(self.name) || (self.name == "sha256" && self.tag.is_some_and(all_hex)) {
            return Some("it is the id of an image, not a name".to_owned());
        }
        if self.tag.is_some_and(|tag| !is_tag(tag)) {
            return Some("its tag is not 1 to 128 letters, digits, `_`, `.`, `-`".to_owned());
        }
        if self.digest.is_some_and(|digest| !is_digest(digest)) {
            return Some("its digest is not `sha256:` and 64 hex digits".to_owned());
        }
        None
    }
}

fn image_ref(text: String) -> Result<String, InvalidValue> {
    match Parts::of(&text).problem() {
        None => Ok(text),
        Some(reason) => Err(InvalidValue::new("an image", &text, reason, ALLOWED)),
    }
}

fn split_last(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn names_a_host(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    port_fits && crate::host::parse(host).is_ok()
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends_well = |b: Option<&u8>| b.is_some_and(|&b| alphanumeric(b));
    ends_well(text.as_bytes().first())
        && ends_well(text.as_bytes().last())
        && text
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|b| b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_lower_hex))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn platform(text: String) -> Result<String, InvalidValue> {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 32
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let parts = text.split('/').count();
    if (2..=3).contains(&parts) && text.split('/').all(part) {
        return Ok(text);
    }
    Err(InvalidValue::new(
        "a platform",
        &text,
        "",
        "os/arch or os/arch/variant, as `linux/arm64`",
    ))
}
