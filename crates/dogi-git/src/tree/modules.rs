//! `.gitmodules`: what of it is believed.

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::FindExt;
use gix::objs::tree::EntryKind;

use super::unreadable;
use crate::error::ContextError;

/// `.gitmodules` larger than this is refused.
const MAX_SIZE: usize = 1 << 20;

/// A submodule that the tree holds a link for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: BString,
    pub(crate) path: BString,
    pub(crate) url: String,
    pub(crate) commit: ObjectId,
}

/// Reads `.gitmodules` of the tree `root`. Entries whose path is no link in the tree are left out, as git
/// does; so are those that say `update = none`.
///
/// # Errors
/// [`ContextError::Submodule`] for a name, path or URL that could be taken for something else: an
/// option, a command, a place outside.
pub(crate) fn read_modules(
    objects: &gix::OdbHandle,
    root: ObjectId,
) -> Result<Vec<Module>, ContextError> {
    let mut buffer = Vec::new();
    let entries = objects
        .find_tree_iter(&root, &mut buffer)
        .map_err(|error| unreadable(&root, b"", error))?;
    let file = entries
        .filter_map(Result::ok)
        .find(|entry| entry.filename == ".gitmodules");
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    if !matches!(
        file.mode.kind(),
        EntryKind::Blob | EntryKind::BlobExecutable
    ) {
        return Err(refused(".gitmodules", "the file is a symlink or directory"));
    }
    let id = file.oid.to_owned();
    let mut text = Vec::new();
    let blob = objects.find_blob(&id, &mut text);
    let text = blob
        .map_err(|error| unreadable(&id, b".gitmodules", error))?
        .data;
    if text.len() > MAX_SIZE {
        return Err(refused(".gitmodules", "the file is larger than 1 MiB"));
    }
    parse(text)?
        .into_iter()
        .filter_map(|section| link(objects, root, section).transpose())
        .collect()
}

struct Section {
    name: BString,
    path: Option<BString>,
    url: Option<BString>,
    update: Option<BString>,
}

fn parse(text: &[u8]) -> Result<Vec<Section>, ContextError> {
    let config = gix::config::File::try_from(
        text.to_str()
            .map_err(|_| refused(".gitmodules", "the file is not UTF-8"))?,
    )
    .map_err(|error| refused(".gitmodules", &error.to_string()))?;
    let mut sections: Vec<Section> = Vec::new();
    for section in config.sections_by_name("submodule").into_iter().flatten() {
        let Some(name) = section.header().subsection_name() else {
            continue;
        };
        let index = match sections.iter().position(|section| section.name == name) {
            Some(index) => index,
            None => {
                let name = name.to_owned();
                sections.push(Section {
                    name,
                    path: None,
                    url: None,
                    update: None,
                });
                sections.len() - 1
            }
        };
        let value = |key| {
            section
                .value(key)
                .map(|value| BString::from(value.to_vec()))
        };
        let known = &mut sections[index];
        known.path = value("path").or(known.path.take());
        known.url = value("url").or(known.url.take());
        known.update = value("update").or(known.update.take());
    }
    Ok(sections)
}

/// The module, if the tree has a link at its path.
fn link(
    objects: &gix::OdbHandle,
    root: ObjectId,
    section: Section,
) -> Result<Option<Module>, ContextError> {
    let Section {
        name,
        path,
        url,
        update,
    } = section;
    let Some(path) = path else { return Ok(None) };
    let shown = name.to_str_lossy().into_owned();
    if name.is_empty() || name.split_str("/").any(|part| part == b"..") {
        return Err(refused(&shown, "its name holds \"..\""));
    }
    if path.starts_with(b"-") {
        return Err(refused(
            &shown,
            &format!("its path {path:?} begins with \"-\""),
        ));
    }
    if path.starts_with(b"/") || path.split_str("/").any(|part| part == b"..") {
        return Err(refused(
            &shown,
            &format!("its path {path:?} leads out of the repository"),
        ));
    }
    let path = BString::from(path.trim_end_with(|c| c == '/'));
    let Some(commit) = gitlink(objects, root, &path)? else {
        return Ok(None);
    };
    match update.as_ref().map(|update| update.as_slice()) {
        Some(b"none") => return Ok(None),
        Some(command) if command.starts_with(b"!") => {
            return Err(refused(&shown, "its \"update\" is a command"));
        }
        _ => {}
    }
    let url = url.ok_or_else(|| refused(&shown, "it has no url"))?;
    let url = url
        .to_str()
        .map_err(|_| refused(&shown, "its url is not UTF-8"))?
        .to_owned();
    if url.starts_with('-') {
        return Err(refused(
            &shown,
            &format!("its url {url:?} begins with \"-\""),
        ));
    }
    Ok(Some(Module {
        name,
        path,
        url,
        commit,
    }))
}

/// The commit that the tree links at `path`.
fn gitlink(
    objects: &gix::OdbHandle,
    root: ObjectId,
    path: &BString,
) -> Result<Option<ObjectId>, ContextError> {
    let mut buffer = Vec::new();
    let mut at = root;
    let mut parts = path.split_str("/").peekable();
    while let Some(part) = parts.next() {
        let mut entries = objects
            .find_tree_iter(&at, &mut buffer)
            .map_err(|error| unreadable(&at, path, error))?;
        let entry = entries.find_map(|entry| entry.ok().filter(|e| e.filename == part));
        match entry.map(|entry| (entry.mode.kind(), entry.oid.to_owned())) {
            Some((EntryKind::Tree, id)) => at = id,
            Some((EntryKind::Commit, id)) if parts.peek().is_none() => return Ok(Some(id)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn refused(name: &str, reason: &str) -> ContextError {
    ContextError::Submodule {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}
