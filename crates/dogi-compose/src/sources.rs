//! What the Compose files of the checkout make the program read, checked before it reads.
//!
//! The resolved model does not tell where a service was extended from or an environment was read
//! from. So the files themselves are looked at, for the keys that name other files, wherever such a
//! key stands: an anchor in an extension field may well become part of a service.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use dogi_yaml::{Node, Value};

use crate::{ComposeError, Permission, Refusal, checkout::Checkout, policy::Judge};

/// No file that people write is larger.
const LARGEST: u64 = 4 << 20;

/// Subtrees in which keys are anybody's.
const FREE: &[&str] = &["environment", "labels", "args", "annotations", "x-dogi"];

/// Looks at the file and at those that it takes in.
pub(crate) fn check(
    checkout: &Checkout,
    file: PathBuf,
    judge: &mut Judge<'_>,
) -> Result<(), ComposeError> {
    let mut seen = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        if !seen.insert(file.clone()) {
            continue;
        }
        let shown = file.strip_prefix(checkout.root()).unwrap_or(&file);
        let text = read(&file).map_err(|source| ComposeError::Read {
            path: shown.to_owned(),
            source,
        })?;
        let root = dogi_yaml::parse(shown, &text).map_err(ComposeError::Source)?;
        let mut walker = Walker {
            checkout,
            judge,
            base: file.parent().unwrap_or(Path::new("/")),
            file: shown,
            files: &mut next,
        };
        walker.includes(&root);
        walker.walk(&root);
    }
    Ok(())
}

/// A text file of a size that a person writes.
pub(crate) fn read(file: &Path) -> std::io::Result<String> {
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        let message = format!("a file of at most {LARGEST} bytes was expected");
        return Err(std::io::Error::other(message));
    }
    fs::read_to_string(file)
}

struct Walker<'a, 'b> {
    checkout: &'a Checkout,
    judge: &'a mut Judge<'b>,
    /// What paths in this file count from.
    base: &'a Path,
    file: &'a Path,
    /// Files that have to be looked at too.
    files: &'a mut Vec<PathBuf>,
}

impl Walker<'_, '_> {
    fn includes(&mut self, root: &Node) {
        for (_, include) in entries(root).filter(|(key, _)| *key == "include") {
            let items = match &include.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(include),
            };
            for item in items {
                self.include(item);
            }
        }
    }

    fn include(&mut self, item: &Node) {
        if let Value::Scalar(path) = &item.value {
            return self.take_in_with_variables("include", item, path);
        }
        for (key, value) in entries(item) {
            match key {
                "path" => {
                    for (node, path) in texts(value) {
                        self.take_in_with_variables("include.path", node, path);
                    }
                }
                "env_file" => {}
                _ => self.refuse(
                    &format!("include.{key}"),
                    value,
                    "",
                    "is not supported here",
                ),
            }
        }
    }

    fn walk(&mut self, node: &Node) {
        if let Value::List(items) = &node.value {
            items.iter().for_each(|item| self.walk(item));
        }
        for (key, value) in entries(node) {
            match key {
                "env_file" | "label_file" => {
                    for (node, path) in texts(value) {
                        self.inside(key, node, path);
                    }
                }
                "extends" => {
                    for (_, file) in entries(value).filter(|(key, _)| *key == "file") {
                        for (node, path) in texts(file) {
                            self.take_in("extends.file", node, path);
                        }
                    }
                    self.walk(value);
                }
                key if FREE.contains(&key) => {}
                _ => self.walk(value),
            }
        }
    }

    /// The program reads the variables that lie beside an included file, too.
    fn take_in_with_variables(&mut self, key: &str, node: &Node, path: &str) {
        if let Some(parent) = Path::new(path).parent() {
            self.inside(key, node, &parent.join(".env").to_string_lossy());
        }
        self.take_in(key, node, path);
    }

    fn take_in(&mut self, key: &str, node: &Node, path: &str) {
        if let Some(file) = self.inside(key, node, path) {
            self.files.push(file);
        }
    }

    fn inside(&mut self, key: &str, node: &Node, path: &str) -> Option<PathBuf> {
        if path.replace("$$", "").contains('$') {
            let why = "a variable in it could lead out of the checkout";
            self.refuse(key, node, path, why);
            return None;
        }
        let plain = path.replace("$$", "$");
        match self.checkout.inside(self.base, Path::new(&plain)) {
            Ok(real) => Some(real),
            Err(fault) => {
                self.refuse(key, node, path, &fault.to_string());
                None
            }
        }
    }

    fn refuse(&mut self, key: &str, node: &Node, value: &str, why: &str) {
        self.judge.refuse(Refusal {
            place: format!("{}:{}: {key}", self.file.display(), node.line),
            value: value.to_owned(),
            reason: why.to_owned(),
            permission: Some(Permission::HostBinds),
        });
    }
}

fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    entries
        .iter()
        .map(|(key, value)| (key.text.as_str(), value))
}

/// All texts of a text, a list of texts, or a list of mappings with a `path`.
fn texts(node: &Node) -> Vec<(&Node, &str)> {
    match &node.value {
        Value::Scalar(text) => vec![(node, text)],
        Value::List(items) => items.iter().flat_map(texts).collect(),
        Value::Map(_) => entries(node)
            .filter(|(key, _)| *key == "path")
            .flat_map(|(_, path)| texts(path))
            .collect(),
        Value::Null => Vec::new(),
    }
}
