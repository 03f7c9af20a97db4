//! Binds that a container could move.
//!
//! A container that may write a directory of the checkout can replace what is in it by a link to
//! anywhere. The engine follows it when it mounts that for the next container. So a bind below a
//! directory that another service may write is as good as a bind of the host.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Judge, entries, items, volume};
use crate::Permission::HostBinds;

struct Found<'a> {
    service: &'a str,
    place: String,
    value: &'a Value,
    real: PathBuf,
    writable: bool,
}

impl Judge<'_> {
    pub(super) fn nested_binds(&mut self, services: &Value) {
        let binds = self.binds(services);
        for bind in &binds {
            let above = binds.iter().find(|other| {
                other.writable && other.service != bind.service && is_below(&bind.real, &other.real)
            });
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
    fn binds<'a>(&self, services: &'a Value) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        for (service, definition) in entries(services) {
            for (index, value) in items(&definition["volumes"]).iter().enumerate() {
                let volume::Mount::Bind(bind) = volume::mount(value) else {
                    continue;
                };
                if let Ok(real) = self.bind(&bind) {
                    found.push(Found {
                        service,
                        place: format!("services.{service}.volumes[{index}]"),
                        value,
                        real,
                        writable: bind.writable,
                    });
                }
            }
        }
        found
    }
}

fn is_below(path: &Path, directory: &Path) -> bool {
    path != directory && path.starts_with(directory)
}
