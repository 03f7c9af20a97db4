//! Binds that a container could move.
//!
//! A container that may write a directory of the checkout can replace what is in it by a link to
//! anywhere. The engine follows it when it mounts that the next time. So a bind below a directory
//! that any service may write is as good as a bind of the host.
//!
//! It does not matter which services the two belong to. Containers of one service are several when it
//! is scaled or runs the tests after others needed it, and one that ended is started again, its binds
//! looked up anew, when a service that depends on it is. What `volumes_from` inherits has the same
//! sources, no more of them writable, and so is judged where it stands.
//!
//! The file of a secret or a config is bound too, always read-only.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Judge, entries, items, text, volume};
use crate::Permission::HostBinds;

struct Found<'a> {
    service: &'a str,
    place: String,
    value: &'a Value,
    real: PathBuf,
    writable: bool,
}

impl Judge<'_> {
    pub(super) fn nested_binds(&mut self, model: &Value) {
        let binds = self.binds(model);
        for bind in &binds {
            let mut others = binds.iter();
            let above = others.find(|other| other.writable && is_below(&bind.real, &other.real));
            if let Some(above) = above {
                let why = format!(
                    "it lies in a directory that the service {:?} may write ({}), which could make \
                     it a link to anywhere on the host: bind that one read-only, or this one \
                     nowhere else",
                    above.service, above.place,
                );
                self.no(&bind.place, bind.value, &why, Some(HostBinds));
            }
        }
    }

    /// Those inside the checkout: the others were refused or permitted already.
    fn binds<'a>(&self, model: &'a Value) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        for (service, definition) in entries(&model["services"]) {
            found.extend(self.volume_binds(service, &definition["volumes"]));
            for key in ["secrets", "configs"] {
                found.extend(self.file_binds(service, key, &definition[key], &model[key]));
            }
        }
        found
    }

    fn volume_binds<'a>(
        &self,
        service: &'a str,
        volumes: &'a Value,
    ) -> impl Iterator<Item = Found<'a>> {
        let volumes = items(volumes).iter().enumerate();
        volumes.filter_map(move |(index, value)| {
            let volume::Mount::Bind(bind) = volume::mount(value) else {
                return None;
            };
            Some(Found {
                service,
                place: format!("services.{service}.volumes[{index}]"),
                value,
                real: self.bind(&bind).ok()?,
                writable: bind.writable,
            })
        })
    }

    /// Of the secrets or configs that a service uses.
    fn file_binds<'a>(
        &self,
        service: &'a str,
        key: &'a str,
        used: &'a Value,
        resources: &'a Value,
    ) -> impl Iterator<Item = Found<'a>> {
        let used = items(used).iter().enumerate();
        used.filter_map(move |(index, item)| {
            let name = item.get("source").unwrap_or(item).as_str()?;
            let value = resources.get(name)?.get("file")?;
            Some(Found {
                service,
                place: format!("services.{service}.{key}[{index}]"),
                value,
                real: self.inside(&text(value)).ok()?,
                writable: false,
            })
        })
    }
}

fn is_below(path: &Path, directory: &Path) -> bool {
    path != directory && path.starts_with(directory)
}
