//! What services mount.

use std::path::PathBuf;

use serde_json::Value;

use super::{Judge, entries, is_nothing, items, text};
use crate::Permission::HostBinds;

/// A bind mount, of either syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) source: String,
    pub(crate) writable: bool,
}

/// What an entry of `volumes` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    Bind(Bind),
    /// A volume of the project, or memory.
    Own,
    /// Not understood, and so not permitted.
    Unknown(&'static str),
}

/// Reads `SOURCE:TARGET[:MODE]` or a mapping.
pub(crate) fn mount(value: &Value) -> Mount {
    let Some(short) = value.as_str() else {
        return long(value);
    };
    let short = short.replace("$$", "$");
    let parts: Vec<&str> = short.split(':').collect();
    let (source, mode) = match parts[..] {
        [_] => return Mount::Own,
        [source, _] => (source, ""),
        [source, _, mode] => (source, mode),
        _ => return Mount::Unknown("SOURCE:TARGET or SOURCE:TARGET:MODE was expected"),
    };
    let known = [
        "",
        "ro",
        "rw",
        "z",
        "Z",
        "nocopy",
        "cached",
        "delegated",
        "consistent",
    ];
    if !mode.split(',').all(|word| known.contains(&word)) {
        return Mount::Unknown("a mode that lets mounts spread to the host");
    }
    if source.starts_with(['/', '.', '~']) {
        return Mount::Bind(Bind {
            source: source.to_owned(),
            writable: !mode.split(',').any(|word| word == "ro"),
        });
    }
    Mount::Own
}

fn long(value: &Value) -> Mount {
    const KNOWN: &[&str] = &[
        "bind",
        "consistency",
        "image",
        "read_only",
        "source",
        "target",
        "tmpfs",
        "type",
        "volume",
    ];
    if entries(value).any(|(key, _)| !KNOWN.contains(&key.as_str()) && !key.starts_with("x-")) {
        return Mount::Unknown("it has a key that is not known here");
    }
    let propagation = text(&value["bind"]["propagation"]);
    if !matches!(propagation.as_str(), "null" | "" | "private" | "rprivate") {
        return Mount::Unknown("mounts would spread to the host");
    }
    match text(&value["type"]).as_str() {
        "bind" => Mount::Bind(Bind {
            source: text(&value["source"]),
            writable: is_nothing(&value["read_only"]),
        }),
        // A path here would be a bind by another name.
        "volume" if !text(&value["source"]).contains('/') => Mount::Own,
        "tmpfs" | "image" => Mount::Own,
        _ => Mount::Unknown("a kind of mount that is not known here"),
    }
}

impl Judge<'_> {
    pub(super) fn mounts(&mut self, place: &str, value: &Value) {
        for (index, item) in items(value).iter().enumerate() {
            let place = format!("{place}[{index}]");
            match mount(item) {
                Mount::Own => {}
                Mount::Unknown(why) => self.no(&place, item, why, Some(HostBinds)),
                Mount::Bind(bind) => {
                    if let Err(fault) = self.bind(&bind) {
                        self.no(&place, item, &fault, Some(HostBinds));
                    }
                }
            }
        }
    }

    /// Where a bind leads inside the checkout.
    pub(super) fn bind(&self, bind: &Bind) -> Result<PathBuf, String> {
        if bind.source.starts_with('~') {
            return Err("the home directory is not in the checkout".to_owned());
        }
        self.inside(&bind.source).map_err(|fault| fault.to_string())
    }
}
