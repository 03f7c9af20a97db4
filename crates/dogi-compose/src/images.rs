//! Which images a project takes from elsewhere, so that its caller can log in at their registries and at no
//! others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
};

use serde_json::Value;

use crate::{
    policy::{entries, items, text},
    prepare::Place,
    sources,
};

/// A build of a project: all that says which images it begins with. `Debug` shows no values of arguments.
#[derive(Clone, PartialEq, Eq)]
pub struct Build {
    /// The Dockerfile's text.
    pub dockerfile: String,
    /// The arguments that have a value.
    pub arguments: BTreeMap<String, String>,
    /// The stage that is built; `None`: the last.
    pub target: Option<String>,
}

impl fmt::Debug for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Build")
            .field("dockerfile", &self.dockerfile)
            .field("arguments", &self.arguments.keys().collect::<Vec<_>>())
            .field("target", &self.target)
            .finish()
    }
}

/// The names of images that the file itself gives, to pull and to push.
pub(crate) fn names(model: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for service in services(model) {
        names.extend(items(&service["image"]).iter().map(text));
        let build = &service["build"];
        names.extend(items(&build["tags"]).iter().map(text));
        names.extend(items(&build["cache_from"]).iter().map(|item| {
            let item = text(item);
            let mut fields = item.split(',');
            let reference = fields.find_map(|field| field.strip_prefix("ref="));
            reference.unwrap_or(&item).to_owned()
        }));
        let contexts = pairs(&build["additional_contexts"]).into_iter();
        names.extend(contexts.filter_map(|(_, source)| {
            let image = source.strip_prefix("docker-image://")?;
            Some(image.to_owned())
        }));
    }
    names
}

/// What is built. A Dockerfile that can't be read is left out: the builder says what is wrong with it.
pub(crate) fn builds(model: &Value, place: &Place) -> Vec<Build> {
    let builds = services(model).map(|service| &service["build"]);
    builds.filter_map(|build| one(build, place)).collect()
}

fn one(build: &Value, place: &Place) -> Option<Build> {
    let context = match build {
        Value::Null => return None,
        Value::String(_) => build,
        build => &build["context"],
    };
    let dockerfile = match &build["dockerfile_inline"] {
        Value::Null => {
            let file = match &build["dockerfile"] {
                Value::Null => "Dockerfile".to_owned(),
                file => text(file),
            };
            let path = Path::new(&text(context)).join(file);
            let real = place.checkout.inside(&place.base, &path).ok()?;
            sources::read(&real).ok()?
        }
        inline => text(inline),
    };
    let target = &build["target"];
    Some(Build {
        dockerfile,
        arguments: pairs(&build["args"]).into_iter().collect(),
        target: (!target.is_null()).then(|| text(target)),
    })
}

fn services(model: &Value) -> impl Iterator<Item = &Value> {
    entries(&model["services"]).map(|(_, service)| service)
}

/// A mapping, or a list of `NAME=VALUE`; what has no value is left out.
fn pairs(value: &Value) -> Vec<(String, String)> {
    let mapped = entries(value).filter(|(_, value)| !value.is_null());
    let mapped = mapped.map(|(name, value)| (name.clone(), text(value)));
    let listed = value.as_array().into_iter().flatten().filter_map(|item| {
        let item = text(item);
        let (name, value) = item.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    mapped.chain(listed).collect()
}
