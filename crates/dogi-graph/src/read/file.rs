use std::path::{Path, PathBuf};
use std::str;

use dogi_yaml::{Mistake, Node};

use crate::MAX_FILE;

const ENDINGS: [&str; 2] = [".dockercise.yaml", ".graphci.yaml"];

/// Whether this path of a repository is a graph file: `*.dockercise.yaml` or `*.graphci.yaml`, in
/// any directory but those below a `node_modules`.
#[must_use]
pub fn is_graph_file(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    ENDINGS.iter().any(|ending| name.ends_with(ending)) && parts.all(|part| part != "node_modules")
}

/// The name of a file as mistakes show it: on one line, whatever a repository calls its files.
pub(super) fn shown(path: &str) -> PathBuf {
    let mut shown = String::with_capacity(path.len());
    for c in path.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown.into()
}

/// The tree of a file that is not too long.
pub(super) fn tree(file: &Path, text: &[u8]) -> Result<Node, Mistake> {
    let complaint = |line, message: String| Err(Mistake::new(file, line, "", message));
    if text.len() as u64 > MAX_FILE {
        let length = text.len();
        return complaint(0, format!("has {length} bytes, the limit is {MAX_FILE}"));
    }
    match str::from_utf8(text) {
        Ok(text) => dogi_yaml::parse(file, text),
        Err(error) => {
            let good = &text[..error.valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count() as u64;
            complaint(line, "not valid UTF-8".to_owned())
        }
    }
}
