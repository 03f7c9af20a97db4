//! Which commit a name means, given what the server has.
//!
//! A name is looked for as `git clone --branch` does: a branch, then a tag; then as a full name
//! (`refs/pull/1/head`, `heads/main`, `tags/v1`), then as a commit. 40 hex digits are always a
//! commit.

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::protocol::handshake::Ref;

/// Fewer digits are no commit for git either.
const MIN_DIGITS: usize = 4;

/// What is wanted of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The full name of the ref, or the commit's id where none is known.
    pub(super) name: String,
    /// The annotated tag that leads to the commit.
    pub(super) tag: Option<ObjectId>,
    pub(super) commit: ObjectId,
}

/// What came of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    Found(Resolved),
    /// It might be the beginning of a commit's id: all refs must be seen.
    Digits,
    Missing,
    /// The default branch has no commit.
    Unborn,
}

/// The prefixes that the server is asked for.
pub(super) fn prefixes(revision: Option<&str>) -> Vec<BString> {
    match revision {
        None => vec!["HEAD".into()],
        Some(name) => candidates(name).into_iter().map(BString::from).collect(),
    }
}

fn candidates(name: &str) -> Vec<String> {
    let mut names = vec![
        format!("refs/heads/{name}"),
        format!("refs/tags/{name}"),
        format!("refs/{name}"),
    ];
    if name.starts_with("refs/") {
        names.push(name.to_owned());
    }
    if name == "HEAD" {
        names.push(name.to_owned());
    }
    names
}

/// Finds `revision` (`None`: the default branch) among the refs that were asked for.
pub(super) fn look(revision: Option<&str>, refs: &[Ref]) -> Look {
    let Some(name) = revision else {
        return default_branch(refs);
    };
    for candidate in candidates(name) {
        if let Some(found) = refs.iter().find_map(|r| named(r, candidate.as_bytes())) {
            return Look::Found(found);
        }
    }
    let digits = name.len() >= MIN_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { Look::Digits } else { Look::Missing }
}

fn default_branch(refs: &[Ref]) -> Look {
    for reference in refs {
        match reference {
            Ref::Symbolic {
                full_ref_name,
                target,
                tag,
                object,
            } if full_ref_name == "HEAD" => {
                let name = target.to_string();
                return Look::Found(Resolved {
                    name,
                    tag: *tag,
                    commit: *object,
                });
            }
            Ref::Unborn { full_ref_name, .. } if full_ref_name == "HEAD" => return Look::Unborn,
            _ => {}
        }
    }
    match refs.iter().find_map(|r| named(r, b"HEAD")) {
        Some(found) => Look::Found(Resolved {
            name: found.commit.to_string(),
            ..found
        }),
        None => Look::Unborn,
    }
}

fn named(reference: &Ref, name: &[u8]) -> Option<Resolved> {
    let (full, tag, commit) = parts(reference)?;
    (full == name).then(|| Resolved {
        name: full.to_str_lossy().into_owned(),
        tag,
        commit,
    })
}

fn parts(reference: &Ref) -> Option<(&BString, Option<ObjectId>, ObjectId)> {
    match reference {
        Ref::Peeled {
            full_ref_name,
            tag,
            object,
        } => Some((full_ref_name, Some(*tag), *object)),
        Ref::Direct {
            full_ref_name,
            object,
        } => Some((full_ref_name, None, *object)),
        Ref::Symbolic {
            full_ref_name,
            tag,
            object,
            ..
        } => Some((full_ref_name, *tag, *object)),
        Ref::Unborn { .. } => None,
    }
}

/// Finds the only commit among all branches and tags whose id begins with `digits`.
///
/// `Err` holds all that do, when there are several or none.
pub(super) fn abbreviated(digits: &str, refs: &[Ref]) -> Result<Resolved, Vec<ObjectId>> {
    let digits = digits.to_ascii_lowercase();
    let mut commits: Vec<ObjectId> = refs
        .iter()
        .filter_map(parts)
        .map(|(_, _, commit)| commit)
        .filter(|commit| commit.to_string().starts_with(&digits))
        .collect();
    commits.sort();
    commits.dedup();
    match commits.as_slice() {
        [commit] => Ok(Resolved {
            name: commit.to_string(),
            tag: None,
            commit: *commit,
        }),
        _ => Err(commits),
    }
}

/// All that can be fetched: for servers that give no commit but these.
pub(super) fn tips(refs: &[Ref]) -> Vec<ObjectId> {
    let wanted =
        |name: &BString| name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/");
    let found = refs
        .iter()
        .filter_map(parts)
        .filter(|(name, ..)| wanted(name));
    let mut tips: Vec<ObjectId> = found
        .map(|(_, tag, commit)| tag.unwrap_or(commit))
        .collect();
    tips.sort();
    tips.dedup();
    tips
}

/// A name that is like the one that is missing, to be hinted at.
pub(super) fn hint(refs: &[Ref]) -> String {
    let branches = refs.iter().filter_map(parts).filter_map(|(name, ..)| {
        name.strip_prefix(b"refs/heads/")
            .map(|branch| branch.to_str_lossy().into_owned())
    });
    let names: Vec<String> = branches.take(5).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("; it has the branches {}", names.join(", ")),
    }
}
