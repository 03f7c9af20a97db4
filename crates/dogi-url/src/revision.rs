//! Which commit of a repository.

use crate::InvalidValue;
use crate::names::too_long;
use crate::text::text_type;

/// Longest name of a branch or tag, in bytes; longer ones don't fit into a file name.
const MAX_REVISION: usize = 250;

text_type! {
    /// A branch, a tag or a commit, as a request names it.
    ///
    /// It follows the rules of `git check-ref-format --allow-onelevel`, and never begins with `-`,
    /// so that no program takes it for an option.
    Revision, revision
}

text_type! {
    /// The full id of a commit: 40 hex digits, lower case.
    Commit, commit
}

impl Revision {
    /// The commit, when it has the form of a full commit id.
    pub fn as_commit(&self) -> Option<Commit> {
        Commit::new(self.as_str()).ok()
    }
}

impl From<Commit> for Revision {
    fn from(commit: Commit) -> Self {
        Self(commit.0)
    }
}

fn revision(text: String) -> Result<String, InvalidValue> {
    match revision_problem(&text) {
        None => Ok(text),
        Some(reason) => Err(InvalidValue::new(
            "a revision",
            &text,
            reason,
            "a branch, a tag or a full commit id, as `git check-ref-format` allows them",
        )),
    }
}

fn revision_problem(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.len() > MAX_REVISION {
        return Some(too_long(text, MAX_REVISION));
    }
    if text.starts_with('-') {
        return Some("it begins with '-'".to_owned());
    }
    let banned =
        |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if let Some(c) = text.chars().find(|&c| banned(c)) {
        return Some(format!("it holds {c:?}"));
    }
    if let Some(part) = ["..", "@{"].into_iter().find(|part| text.contains(part)) {
        return Some(format!("it holds {part:?}"));
    }
    if text == "@" || text.ends_with('.') {
        return Some(format!("it ends with {:?}", &text[text.len() - 1..]));
    }
    text.split('/').find_map(component_problem)
}

fn component_problem(component: &str) -> Option<String> {
    if component.is_empty() {
        return Some("it begins or ends with '/' or holds \"//\"".to_owned());
    }
    if component.starts_with('.') || component.ends_with(".lock") {
        return Some(format!(
            "its part {component:?} begins with '.' or ends with \".lock\""
        ));
    }
    None
}

fn commit(mut text: String) -> Result<String, InvalidValue> {
    if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        text.make_ascii_lowercase();
        return Ok(text);
    }
    Err(InvalidValue::new("a commit id", &text, "", "40 hex digits"))
}
