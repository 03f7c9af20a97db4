//! What a resolved project may not ask for.
//!
//! Keys that are known to be harmless pass, those that give power are looked at, and all others are
//! refused: what a later version of Compose adds has no effect here before somebody thought about it.
//! The keys are those of the Compose Specification and of the schema that 1.29 comes with.

mod build;
mod nested;
mod service;
mod top;
pub(crate) mod volume;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{
    Allow, Permission, Refusal,
    checkout::{Checkout, PathFault},
};

/// Judges a model as `docker compose config` prints it (as JSON; of 1.29, its YAML as such): all that
/// it asks for and `allow` does not permit. `directory` is the checkout, and what relative paths in
/// the model count from. Asks the file system where paths lead, since links may lead anywhere.
///
/// ```
/// use std::path::Path;
///
/// use dogi_compose::{Allow, judge};
/// use serde_json::json;
///
/// let model = json!({"services": {"web": {"image": "web", "network_mode": "host"}}});
/// let refusals = judge(&model, Path::new("/tmp"), Allow::default())?;
/// assert_eq!(
///     refusals[0].to_string(),
///     "services.web.network_mode: \"host\": the host's network (allow: [host-network] would permit it)",
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the directory is not there.
pub fn judge(model: &Value, directory: &Path, allow: Allow) -> std::io::Result<Vec<Refusal>> {
    let checkout = Checkout::open(directory)?;
    let mut judge = Judge::new(&checkout, checkout.root(), allow);
    judge.model(model);
    Ok(judge.into_refusals())
}

/// Gathers what is refused.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    checkout: &'a Checkout,
    /// What relative paths count from.
    base: PathBuf,
    allow: Allow,
    refusals: Vec<Refusal>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(checkout: &'a Checkout, base: &Path, allow: Allow) -> Self {
        Self {
            checkout,
            base: base.to_owned(),
            allow,
            refusals: Vec::new(),
        }
    }

    /// All that was refused.
    pub(crate) fn into_refusals(self) -> Vec<Refusal> {
        self.refusals
    }

    /// Judges a model as the program resolved it. Asks the file system where paths lead.
    pub(crate) fn model(&mut self, model: &Value) {
        let Some(root) = model.as_object() else {
            return self.no("", model, "a mapping was expected", None);
        };
        let services = root.get("services").unwrap_or(&Value::Null);
        let names: Vec<&str> = keys(services).collect();
        for (key, value) in root {
            match key.as_str() {
                "version" | "name" => {}
                "services" => self.services(value, &names),
                "networks" => self.each("networks", value, Self::network),
                "volumes" => self.each("volumes", value, Self::volume),
                "secrets" => self.each("secrets", value, Self::file_resource),
                "configs" => self.each("configs", value, Self::file_resource),
                key if key.starts_with("x-") || is_nothing(value) => {}
                key => self.unknown(key, value),
            }
        }
        self.nested_binds(model);
    }

    fn services(&mut self, services: &Value, names: &[&str]) {
        for (name, service) in entries(services) {
            self.service(&format!("services.{name}"), service, names);
        }
    }

    fn each(&mut self, key: &str, map: &Value, judge: fn(&mut Self, &str, &Value)) {
        for (name, value) in entries(map) {
            judge(self, &format!("{key}.{name}"), value);
        }
    }

    /// Adds a refusal, unless it is permitted.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        let is_permitted = refusal.permission.is_some_and(|it| self.allow.permits(it));
        if !is_permitted {
            self.refusals.push(refusal);
        }
    }

    fn no(&mut self, place: &str, value: &Value, why: &str, permission: Option<Permission>) {
        self.refuse(Refusal {
            place: place.to_owned(),
            value: shown(value),
            reason: why.to_owned(),
            permission,
        });
    }

    fn privileged(&mut self, place: &str, value: &Value, why: &str) {
        self.no(place, value, why, Some(Permission::Privileged));
    }

    fn unknown(&mut self, place: &str, value: &Value) {
        let why = "this key is not known here, and may give power over the host";
        self.privileged(place, value, why);
    }

    /// Where a path of the model leads, if it stays inside the checkout.
    fn inside(&self, path: &str) -> Result<PathBuf, PathFault> {
        self.checkout.inside(&self.base, Path::new(path))
    }

    /// Refuses a path that leads out of the checkout.
    fn path(&mut self, place: &str, value: &Value) {
        match self.inside(&text(value)) {
            Ok(_) => {}
            Err(fault) => self.no(
                place,
                value,
                &fault.to_string(),
                Some(Permission::HostBinds),
            ),
        }
    }
}

/// A value as a text: what it means, with the program's `$$` undone.
pub(crate) fn text(value: &Value) -> String {
    shown(value).replace("$$", "$")
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a value asks for nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty() || text == "false",
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    entries(value).map(|(key, _)| key.as_str())
}

/// The items of a list; a single value is a list of one.
pub(crate) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        single => std::slice::from_ref(single),
    }
}
