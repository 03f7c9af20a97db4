use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dogi_yaml::{Mistake, Node, Reader, Value, index};

use super::hook::HookReader;
use super::{Finding, Hook, SecretLookup};

/// The hooks of all files.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    hooks: Vec<Hook>,
    by_id: BTreeMap<String, usize>,
}

impl Hooks {
    /// Reads hooks files, YAML or JSON; secrets that they only name come from `lookup`.
    ///
    /// # Errors
    /// With all mistakes of all files, in their order; an id that stands twice is one.
    pub fn read(
        files: &[(PathBuf, String)],
        lookup: &dyn SecretLookup,
    ) -> Result<Self, Vec<Mistake>> {
        Self::read_checked(files, lookup, |_| Vec::new())
    }

    /// The same, where whoever runs the hooks finds further mistakes in each, so that all are told
    /// together.
    ///
    /// # Errors
    /// As [`Hooks::read`].
    pub fn read_checked(
        files: &[(PathBuf, String)],
        lookup: &dyn SecretLookup,
        check: impl Fn(&Hook) -> Vec<Mistake>,
    ) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut hooks = Self::default();
        for (file, text) in files {
            for hook in read_file(file, text, lookup, &mut mistakes) {
                mistakes.extend(check(&hook));
                hooks.add(hook, &mut mistakes);
            }
        }
        match mistakes.is_empty() {
            true => Ok(hooks),
            false => Err(mistakes),
        }
    }

    fn add(&mut self, hook: Hook, mistakes: &mut Vec<Mistake>) {
        if let Some(first) = self.get(hook.id()) {
            let message = format!(
                "another hook has this id: {}:{}",
                first.file().display(),
                first.line()
            );
            let mistake = Mistake::new(hook.file(), hook.line(), "id", message);
            mistakes.push(mistake.with_value(hook.id()));
            return;
        }
        self.by_id.insert(hook.id().to_owned(), self.hooks.len());
        self.hooks.push(hook);
    }

    /// The hook with this id, to the letter.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Hook> {
        self.by_id.get(id).and_then(|index| self.hooks.get(*index))
    }

    /// All of them, in the order of the files.
    pub fn iter(&self) -> std::slice::Iter<'_, Hook> {
        self.hooks.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hooks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }

    /// What is worth knowing about them, though nothing of it is a mistake; in the order of the
    /// files.
    pub fn explain(&self) -> impl Iterator<Item = &Finding> {
        self.hooks.iter().flat_map(Hook::findings)
    }
}

impl<'h> IntoIterator for &'h Hooks {
    type Item = &'h Hook;
    type IntoIter = std::slice::Iter<'h, Hook>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn read_file(
    file: &Path,
    text: &str,
    lookup: &dyn SecretLookup,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Hook> {
    if let Some(mistake) = template(file, text) {
        mistakes.push(mistake);
        return Vec::new();
    }
    let root = match dogi_yaml::parse(file, text) {
        Ok(root) => root,
        Err(mistake) => {
            mistakes.push(mistake);
            return Vec::new();
        }
    };
    let mut reader = Reader::new(file, mistakes);
    items(root, &mut reader)
        .into_iter()
        .enumerate()
        .filter_map(|(at, node)| {
            let mut reader = HookReader {
                reader: &mut reader,
                lookup,
                path: index("", at),
            };
            reader.read(node)
        })
        .collect()
}

fn items(root: Node, reader: &mut Reader<'_>) -> Vec<Node> {
    match root.value {
        Value::Null => Vec::new(),
        _ => reader.list(root, "", "a list of hooks"),
    }
}

/// The original can run a file through Go's templates. Only its own functions are looked for:
/// `{{.Names}}` is an argument that many programs take.
fn template(file: &Path, text: &str) -> Option<Mistake> {
    let functions = ["getenv", "cat", "credential"];
    let is_call = |inside: &str| {
        let mut words = inside.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| functions.contains(&word))
    };
    for (line, text) in (1..).zip(text.lines()) {
        let mut actions = text.split("{{").skip(1);
        let inside = actions.find_map(|rest| {
            let inside = rest.split("}}").next().unwrap_or(rest);
            is_call(inside).then_some(inside)
        });
        if let Some(inside) = inside {
            let message = "files are no templates here: expected a value, or where a secret \
                           stands {env: NAME} or {file: PATH}";
            let value = format!("{{{{{inside}}}}}");
            return Some(Mistake::new(file, line, "", message).with_value(value));
        }
    }
    None
}
