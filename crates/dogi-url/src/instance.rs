//! Which of dogi's instances a request means.

use std::fmt;

use ring::digest;

use crate::names::plain;
use crate::text::text_type;
use crate::{InvalidValue, RepoUrl, RequestId};

text_type! {
    /// The part of every instance id that tells installations apart.
    ///
    /// ASCII letters, digits, `_`, `.` and `-`, at most 128, beginning with a letter, a digit or
    /// `_`; its end can't look like a hash, so that an instance id can be read in one way only.
    Namespace, namespace
}

text_type! {
    /// `dogi_{namespace}_{sha1(repo)}`, and `_{sha1(id)}` when an id is given.
    parsed InstanceId, instance_id
}

const PREFIX: &str = "dogi_";

impl Default for Namespace {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl InstanceId {
    /// The instance that runs `repo`, and of several the one called `id`.
    pub fn new(namespace: &Namespace, repo: &RepoUrl, id: Option<&RequestId>) -> Self {
        let repo = Sha1(repo.as_str());
        Self(match id {
            None => format!("{PREFIX}{namespace}_{repo}"),
            Some(id) => format!("{PREFIX}{namespace}_{repo}_{}", Sha1(id.as_str())),
        })
    }

    /// The instance that all commands of one hook belong to: no repository has its name.
    pub fn of_hook(namespace: &Namespace, hook: &str) -> Self {
        let name = format!("hook:{hook}");
        Self(format!("{PREFIX}{namespace}_{}", Sha1(&name)))
    }

    /// The namespace it belongs to.
    pub fn namespace(&self) -> Namespace {
        let (namespace, _) = split(&self.0).expect("the text was split when it was made");
        Namespace(namespace.to_owned())
    }
}

/// What a hash is made of; shows itself as the hash.
struct Sha1<'a>(&'a str);

impl fmt::Display for Sha1<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.0.as_bytes());
        f.write_str(&hex::encode(digest))
    }
}

fn namespace(text: String) -> Result<String, InvalidValue> {
    let text = plain(text, "a namespace")?;
    match text.rsplit('_').next() {
        Some(end) if is_hash(end) => {
            let reason = "it ends like an instance id, with 40 hex digits";
            Err(InvalidValue::new(
                "a namespace",
                &text,
                reason,
                "a name without a hash",
            ))
        }
        _ => Ok(text),
    }
}

fn instance_id(text: String) -> Result<String, InvalidValue> {
    if split(&text).is_some_and(|(name, _)| Namespace::new(name).is_ok()) {
        return Ok(text);
    }
    let allowed = "dogi_NAMESPACE_SHA1 or dogi_NAMESPACE_SHA1_SHA1, in lower case";
    Err(InvalidValue::new("an instance id", &text, "", allowed))
}

/// The namespace, and how many hashes follow it.
fn split(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix(PREFIX)?;
    let (rest, last) = rest.rsplit_once('_')?;
    if !is_hash(last) {
        return None;
    }
    match rest.rsplit_once('_') {
        Some((rest, first)) if is_hash(first) => Some((rest, 2)),
        _ => Some((rest, 1)),
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
