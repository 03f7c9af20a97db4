use dogi_url::InvalidValue;

/// The node's own volume, in its environment.
pub(super) const OUT: &str = "OUT";

/// Directories that images need as they are. A node's volume is mounted at `/NAME`.
const NEEDED: &[&str] = &[
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc",
    "root", "run", "sbin", "sys", "tmp", "usr", "var",
];

/// Why no node may have this name.
pub(super) fn reserved(name: &str) -> Option<String> {
    match name {
        "code" => Some("the name is reserved: `code` is the checkout".to_owned()),
        "out" => Some("the name is reserved: /out holds what nodes print".to_owned()),
        name if NEEDED.contains(&name) => Some(format!(
            "the node's volume would be mounted at /{name}, over what images have there"
        )),
        _ => None,
    }
}

/// What is wrong with a value that is quoted beside it.
pub(super) fn complaint(error: &InvalidValue) -> String {
    let reason = match error.reason() {
        "" => String::new(),
        reason => format!("; {reason}"),
    };
    format!("expected {}{reason}", error.allowed())
}
