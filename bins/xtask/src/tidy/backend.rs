//! One crypto backend in the program, ring.

use std::path::Path;

use super::Violation;
use crate::{Failure, Result, failure::Doing as _, host};

/// What would be a second one.
const UNWANTED: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl",
    "openssl-sys",
    "native-tls",
    "boring",
    "mbedtls",
];

/// The names of all packages that are compiled on this system.
///
/// # Errors
///
/// When cargo fails.
pub fn packages(root: &Path) -> Result<Vec<String>> {
    let asked = host::cargo()
        .args([
            "tree",
            "--workspace",
            "--all-features",
            "--edges=normal,build,dev",
        ])
        .args(["--prefix=none", "--format={p}"])
        .current_dir(root)
        .output()
        .doing("run cargo tree")?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr);
        return Failure::err(format!("`cargo tree` failed: {}", said.trim()));
    }
    let text = String::from_utf8_lossy(&asked.stdout);
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Finds second crypto backends, and the absence of the first.
pub fn check(packages: &[String]) -> Vec<Violation> {
    let has = |name: &str| packages.iter().any(|package| package == name);
    let complaint = |message| Violation::new("Cargo.lock", 0, "backend", message);
    let mut violations: Vec<Violation> = UNWANTED
        .iter()
        .filter(|name| has(name))
        .map(|name| complaint(format!("{name} is compiled: ring is the only crypto backend; `cargo tree -i {name}` says who brings it")))
        .collect();
    if !has("ring") {
        violations.push(complaint(
            "ring is not compiled: which crypto backend is?".to_owned(),
        ));
    }
    violations
}
