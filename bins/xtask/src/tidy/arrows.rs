//! Which crate may know which, and which crates stay pure.

use std::path::Path;

use serde_json::Value;

use super::Violation;
use crate::{Failure, Result, failure::Doing as _, host};

/// What each crate may depend on within the workspace. A crate that is not listed
/// may depend on none: a new one gets a line here, with thought.
const ALLOWED: &[(&str, &[&str])] = &[
    ("dogi-url", &[]),
    ("dogi-egress", &[]),
    ("dogi-yaml", &[]),
    ("dogi-stream", &[]),
    ("dogi-command", &[]),
    ("dogi-compose", &["dogi-command", "dogi-yaml"]),
    ("dogi-store", &[]),
    ("dogi-docker", &[]),
    ("dogi-testkit", &[]),
    ("dogi-git", &["dogi-egress", "dogi-url"]),
    ("dogi-hooks", &["dogi-egress", "dogi-url", "dogi-yaml"]),
    ("dogi-graph", &["dogi-url", "dogi-yaml"]),
    ("dogi-job", &["dogi-graph", "dogi-url"]),
    (
        "dogi-engine",
        &[
            "dogi-command",
            "dogi-compose",
            "dogi-docker",
            "dogi-egress",
            "dogi-git",
            "dogi-graph",
            "dogi-hooks",
            "dogi-job",
            "dogi-store",
            "dogi-stream",
            "dogi-url",
        ],
    ),
    (
        "dogi",
        &[
            "dogi-command",
            "dogi-compose",
            "dogi-docker",
            "dogi-egress",
            "dogi-engine",
            "dogi-git",
            "dogi-graph",
            "dogi-hooks",
            "dogi-job",
            "dogi-store",
            "dogi-stream",
            "dogi-url",
            "dogi-yaml",
        ],
    ),
    ("xtask", &["dogi-testkit"]),
];

/// What the engine may only know as a feature that an embedder can leave out.
const OPTIONAL_IN_ENGINE: &[&str] = &[
    "dogi-command",
    "dogi-compose",
    "dogi-docker",
    "dogi-egress",
    "dogi-git",
    "dogi-hooks",
    "dogi-store",
];

/// The crates that do no I/O and read no clock, and what would let them.
const PURE: &[&str] = &["dogi-url", "dogi-graph", "dogi-job", "dogi-yaml"];
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper-util",
    "reqwest",
    "bollard",
    "gix",
    "rustls",
    "tempfile",
    "time",
];

/// `cargo metadata` of the workspace's own crates.
///
/// # Errors
///
/// When cargo fails.
pub fn metadata(root: &Path) -> Result<Value> {
    let asked = host::cargo()
        .args(["metadata", "--format-version=1", "--no-deps"])
        .current_dir(root)
        .output()
        .doing("run cargo metadata")?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr);
        return Failure::err(format!("`cargo metadata` failed: {}", said.trim()));
    }
    serde_json::from_slice(&asked.stdout).doing("read what cargo metadata says")
}

/// Compares the dependencies with the arrows of the architecture. Tests may use the
/// test kit, and the end-to-end tests everything.
pub fn check(metadata: &Value) -> Vec<Violation> {
    let packages = metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut violations = Vec::new();
    for package in packages {
        let from = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let edge = Edge {
                from,
                to: dependency["name"].as_str().unwrap_or_default(),
                is_dev: dependency["kind"].as_str() == Some("dev"),
                optional: dependency["optional"].as_bool().unwrap_or_default(),
            };
            let complaint = if names.contains(&edge.to) {
                edge.inner()
            } else {
                edge.outer()
            };
            violations.extend(complaint.map(|message| {
                let manifest = if from == "dogi-tests" { "tests" } else { from };
                Violation::new(manifest, 0, "arrows", message)
            }));
        }
    }
    violations
}

#[derive(Debug)]
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    is_dev: bool,
    optional: bool,
}

impl Edge<'_> {
    fn inner(&self) -> Option<String> {
        let (from, to) = (self.from, self.to);
        if from == "dogi-tests" || (self.is_dev && (to == "dogi-testkit" || to == from)) {
            return None;
        }
        let allowed = ALLOWED
            .iter()
            .find(|(name, _)| *name == from)
            .map_or(&[][..], |(_, to)| to);
        if !allowed.contains(&to) {
            return Some(format!(
                "{from} must not depend on {to}; it may depend on [{}]",
                allowed.join(", ")
            ));
        }
        let must_be_optional = from == "dogi-engine" && OPTIONAL_IN_ENGINE.contains(&to);
        (must_be_optional && !self.optional && !self.is_dev)
            .then(|| format!("{from} may depend on {to} only as a feature (`optional = true`)"))
    }

    fn outer(&self) -> Option<String> {
        let impure = PURE.contains(&self.from) && IMPURE.contains(&self.to) && !self.is_dev;
        impure.then(|| format!("{} is pure: it must not depend on {}", self.from, self.to))
    }
}
