//! A `.git` directory made for the context: one commit deep, without credentials, in which
//! `git log -1`, `git status` and `git describe` work.
//!
//! Formats: `gitformat-pack(5)` (pack version 2, index version 2), `gitformat-index(5)`,
//! `gitrepository-layout(5)`.

mod pack;

use std::collections::HashSet;
use std::fs::File;

use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{FindExt, Kind};

use crate::checkout::Checkout;
use crate::error::ContextError;
use crate::tree::unreadable;

/// A file below the context's root.
pub(super) struct GitFile {
    pub(super) path: String,
    pub(super) content: GitContent,
}

pub(super) enum GitContent {
    Bytes(Vec<u8>),
    File(File, u64),
}

/// What the directory's content depends on, besides the tree.
pub(super) fn identity(checkout: &Checkout) -> String {
    let found = checkout.revision_found();
    let (url, tag) = (checkout.url().unwrap_or_default(), checkout.tag_object());
    let tag = tag.map(|tag| tag.to_string()).unwrap_or_default();
    format!("{url}\0{}\0{found}\0{tag}", checkout.commit())
}

/// All its files.
pub(super) fn files(checkout: &Checkout, max_objects: u64) -> Result<Vec<GitFile>, ContextError> {
    let objects = collect(checkout, max_objects)?;
    let (pack, index) = pack::write(checkout, &objects)?;
    let name = &index.name;
    let mut files = vec![
        bytes(".git/HEAD", head(checkout)),
        bytes(".git/config", config(checkout)),
        bytes(
            ".git/description",
            "The commit of a build context.\n".to_owned(),
        ),
        bytes(".git/shallow", format!("{}\n", checkout.commit())),
        bytes(".git/packed-refs", packed_refs(checkout)),
        bytes(".git/refs/heads/.keep", String::new()),
        bytes(".git/objects/info/packs", format!("P pack-{name}.pack\n\n")),
    ];
    let path = format!(".git/objects/pack/pack-{name}.idx");
    files.push(GitFile {
        path,
        content: GitContent::Bytes(index.bytes),
    });
    let path = format!(".git/objects/pack/pack-{name}.pack");
    files.push(GitFile {
        path,
        content: GitContent::File(pack.file, pack.size),
    });
    let path = ".git/index".to_owned();
    files.push(GitFile {
        path,
        content: GitContent::Bytes(stage(checkout)?),
    });
    Ok(files)
}

fn bytes(path: &str, text: String) -> GitFile {
    GitFile {
        path: path.to_owned(),
        content: GitContent::Bytes(text.into_bytes()),
    }
}

/// On the branch that was asked for; detached at a tag or commit.
fn head(checkout: &Checkout) -> String {
    match checkout.revision_found().strip_prefix("refs/heads/") {
        Some(branch) => format!("ref: refs/heads/{branch}\n"),
        None => format!("{}\n", checkout.commit()),
    }
}

fn packed_refs(checkout: &Checkout) -> String {
    let mut text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    let (commit, found) = (checkout.commit(), checkout.revision_found());
    if let Some(branch) = found.strip_prefix("refs/heads/") {
        text.push_str(&format!("{commit} refs/heads/{branch}\n"));
        text.push_str(&format!("{commit} refs/remotes/origin/{branch}\n"));
    } else if found.starts_with("refs/tags/") {
        match checkout.tag_object() {
            Some(tag) => text.push_str(&format!("{tag} {found}\n^{commit}\n")),
            None => text.push_str(&format!("{commit} {found}\n")),
        }
    }
    text
}

fn config(checkout: &Checkout) -> String {
    let mut text = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
                    \tlogallrefupdates = true\n"
        .to_owned();
    if let Some(url) = checkout.url() {
        let url = url.replace('\\', "\\\\").replace('"', "\\\"");
        text.push_str(&format!("[remote \"origin\"]\n\turl = \"{url}\"\n"));
        text.push_str("\tfetch = +refs/heads/*:refs/remotes/origin/*\n");
        if let Some(branch) = checkout.revision_found().strip_prefix("refs/heads/") {
            let branch = branch.replace('\\', "\\\\").replace('"', "\\\"");
            text.push_str(&format!("[branch \"{branch}\"]\n\tremote = origin\n"));
            text.push_str(&format!("\tmerge = \"refs/heads/{branch}\"\n"));
        }
    }
    text
}

/// Every object of the commit, its tag included, in the order of first use.
fn collect(checkout: &Checkout, limit: u64) -> Result<Vec<ObjectId>, ContextError> {
    let tree = checkout.tree();
    let objects = tree.handle();
    let mut all: Vec<ObjectId> = checkout
        .tag_object()
        .into_iter()
        .chain([checkout.id()])
        .collect();
    let mut seen: HashSet<ObjectId> = all.iter().copied().collect();
    let mut ahead = vec![tree.root];
    let mut buffer = Vec::new();
    while let Some(id) = ahead.pop() {
        if !seen.insert(id) {
            continue;
        }
        all.push(id);
        let entries = objects.find_tree_iter(&id, &mut buffer);
        for entry in entries.map_err(|error| unreadable(&id, b"", error))? {
            let entry = entry.map_err(|error| unreadable(&id, b"", error))?;
            match entry.mode.kind() {
                EntryKind::Tree => ahead.push(entry.oid.to_owned()),
                // The commits of submodules are in their own repositories.
                EntryKind::Commit => {}
                _ => {
                    if seen.insert(entry.oid.to_owned()) {
                        all.push(entry.oid.to_owned());
                    }
                }
            }
        }
        if all.len() as u64 > limit {
            return Err(ContextError::TooManyFiles { limit });
        }
    }
    Ok(all)
}

/// The index: all files as in the commit, none looked at yet.
fn stage(checkout: &Checkout) -> Result<Vec<u8>, ContextError> {
    let tree = checkout.tree();
    let options = gix::validate::path::component::Options {
        protect_windows: false,
        ..Default::default()
    };
    let broken = |error: gix::Error| ContextError::Object {
        id: tree.root.to_string(),
        path: String::new(),
        source: Box::new(error),
    };
    let state = gix::index::State::from_tree(&tree.root, tree.handle(), options).map_err(broken)?;
    let mut out = Vec::new();
    gix::index::File::from_state(state, "")
        .write_to(&mut out, gix::index::write::Options::default())
        .map_err(broken)?;
    Ok(out)
}

/// The type bits of a pack entry.
fn pack_kind(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}
