//! `.gitattributes`: what a checkout does to a file's bytes.
//!
//! Line endings, `ident` and `working-tree-encoding` are applied as `git clone` does on Linux
//! without any configuration. Filter drivers (`filter=lfs` and the like) need a program that the
//! configuration names, and there is no configuration: such files stay as they are stored.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gix::attrs::search::{MetadataCollection, Outcome};
use gix::attrs::{Search, StateRef};
use gix::bstr::{BStr, BString, ByteSlice};
use gix::filter::plumbing::eol;
use gix::glob::pattern::Case;

use super::encoding;

/// The attributes that matter, in no order that matters.
const NAMES: [&str; 6] = [
    "crlf",
    "ident",
    "eol",
    "text",
    "working-tree-encoding",
    "filter",
];

/// Where patterns think that the tree lies, as they want a path; nothing is read from there.
const ROOT: &str = "/";

/// The attributes of one repository, while its directories are entered and left.
pub(crate) struct Attributes {
    search: Search,
    collection: MetadataCollection,
    outcome: Outcome,
    levels: Vec<bool>,
}

/// What is done to one file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Treatment {
    ends: Ends,
    ident: bool,
    encoding: Option<String>,
    /// The value of `filter`.
    pub(crate) filter: Option<BString>,
}

/// What happens to line ends.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ends {
    #[default]
    Kept,
    /// Become CRLF.
    Crlf,
    /// Become CRLF where the file is text and has none yet.
    AutoCrlf,
}

impl Treatment {
    /// What tells treatments apart that make different bytes; empty when they stay as they are.
    pub(crate) fn key(&self) -> String {
        let ends = match self.ends {
            Ends::Kept => "",
            Ends::Crlf => "crlf;",
            Ends::AutoCrlf => "auto-crlf;",
        };
        let ident = if self.ident { "ident;" } else { "" };
        format!(
            "{ends}{ident}{}",
            self.encoding.as_deref().unwrap_or_default()
        )
    }

    /// The bytes of a file as they stand in a work tree, appended to `out`.
    pub(crate) fn apply(
        &self,
        id: &gix::oid,
        stored: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), gix::Error> {
        let mut bytes = Cow::Borrowed(stored);
        if self.ident {
            bytes = Cow::Owned(expand_ident(&bytes, &id.to_string()));
        }
        let ends = match self.ends {
            Ends::Kept => None,
            Ends::Crlf => Some(eol::AttributesDigest::TextCrlf),
            Ends::AutoCrlf => Some(eol::AttributesDigest::TextAutoCrlf),
        };
        if let Some(ends) = ends {
            let mut converted = Vec::new();
            if eol::convert_to_worktree(&bytes, ends, &mut converted, Default::default())? {
                bytes = Cow::Owned(converted);
            }
        }
        let encoded = self
            .encoding
            .as_deref()
            .and_then(|label| encoding::encode(label, &bytes));
        out.extend_from_slice(encoded.as_deref().unwrap_or(&bytes));
        Ok(())
    }
}

impl Attributes {
    pub(crate) fn new() -> std::io::Result<Attributes> {
        let mut collection = MetadataCollection::default();
        let none: [PathBuf; 0] = [];
        let search = Search::new_globals(none, &mut Vec::new(), &mut collection)?;
        let mut outcome = Outcome::default();
        outcome.initialize_with_selection(&collection, NAMES);
        Ok(Attributes {
            search,
            collection,
            outcome,
            levels: Vec::new(),
        })
    }

    /// Enters directory `path` (empty: the root), whose `.gitattributes` is `file`.
    pub(crate) fn enter(&mut self, path: &BStr, file: Option<&[u8]>) -> std::io::Result<()> {
        if let Some(file) = file {
            let source = Path::new(ROOT)
                .join(OsStr::from_bytes(path))
                .join(".gitattributes");
            let macros = path.is_empty();
            self.search.add_patterns_buffer(
                file,
                source,
                Some(Path::new(ROOT)),
                &mut self.collection,
                macros,
            )?;
        }
        self.levels.push(file.is_some());
        Ok(())
    }

    /// Leaves the directory entered last.
    pub(crate) fn leave(&mut self) {
        if self.levels.pop() == Some(true) {
            self.search.pop_pattern_list();
        }
    }

    /// What is done to the file at `path`, relative to the repository.
    pub(crate) fn treatment(&mut self, path: &BStr) -> Treatment {
        // Without a single file of attributes only git's built-in macros are left.
        if !self.levels.contains(&true) {
            return Treatment::default();
        }
        self.outcome.initialize(&self.collection);
        self.search.pattern_matching_relative_path(
            path,
            Case::Sensitive,
            Some(false),
            &mut self.outcome,
        );
        let mut found = Found::default();
        for selected in self.outcome.iter_selected() {
            found.take(selected.assignment.name.as_str(), selected.assignment.state);
        }
        found.treatment()
    }
}

/// The values of the attributes.
#[derive(Default)]
struct Found<'a> {
    text: Option<StateRef<'a>>,
    crlf: Option<StateRef<'a>>,
    eol: Option<StateRef<'a>>,
    ident: bool,
    encoding: Option<String>,
    filter: Option<BString>,
}

impl<'a> Found<'a> {
    fn take(&mut self, name: &str, state: StateRef<'a>) {
        let value = match state {
            StateRef::Value(value) => Some(value.as_bstr().to_owned()),
            _ => None,
        };
        match name {
            "text" => self.text = Some(state),
            "crlf" => self.crlf = Some(state),
            "eol" => self.eol = Some(state),
            "ident" => self.ident = state.is_set(),
            "filter" => self.filter = value,
            _ => {
                let label = value.map(|value| value.to_str_lossy().to_ascii_lowercase());
                self.encoding = label.filter(|label| !matches!(label.as_str(), "utf-8" | "utf8"));
            }
        }
    }

    /// As git puts `text`, its older name `crlf`, and `eol` together.
    fn treatment(self) -> Treatment {
        let text = self.text.map_or(Text::Unsaid, Text::of);
        let text = match text {
            Text::Unsaid => self.crlf.map_or(Text::Unsaid, Text::of),
            said => said,
        };
        let crlf = matches!(self.eol, Some(StateRef::Value(value)) if value.as_bstr() == "crlf");
        let ends = match text {
            Text::No => Ends::Kept,
            _ if !crlf => Ends::Kept,
            Text::Auto => Ends::AutoCrlf,
            Text::Yes | Text::Unsaid => Ends::Crlf,
        };
        Treatment {
            ends,
            ident: self.ident,
            encoding: self.encoding,
            filter: self.filter,
        }
    }
}

#[derive(Clone, Copy)]
enum Text {
    Unsaid,
    Yes,
    No,
    Auto,
}

impl Text {
    fn of(state: StateRef<'_>) -> Text {
        match state {
            StateRef::Set => Text::Yes,
            StateRef::Unset => Text::No,
            StateRef::Value(value) if value.as_bstr() == "auto" => Text::Auto,
            StateRef::Value(value) if value.as_bstr() == "input" => Text::Yes,
            _ => Text::Unsaid,
        }
    }
}

/// `$Id$` becomes `$Id: <id> $`, and so does what an older `$Id: … $` was.
fn expand_ident(bytes: &[u8], id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut rest = bytes;
    while let Some(dollar) = rest.find_byte(b'$') {
        let (before, after) = rest.split_at(dollar + 1);
        out.extend_from_slice(before);
        rest = after;
        if let Some(length) = keyword(after) {
            out.extend_from_slice(format!("Id: {id} $").as_bytes());
            rest = &after[length..];
        }
    }
    out.extend_from_slice(rest);
    out
}

/// How long the keyword is that stands behind a `$`, with the `$` at its end. Text with blanks in
/// it comes from another program and is left alone.
fn keyword(after: &[u8]) -> Option<usize> {
    if after.starts_with(b"Id$") {
        return Some(3);
    }
    let text = after.strip_prefix(b"Id:")?;
    let end = text.find_byte(b'$')?;
    let text = &text[..end];
    if text.contains(&b'\n') {
        return None;
    }
    let blank = text
        .iter()
        .skip(1)
        .position(|&byte| byte == b' ')
        .map(|at| at + 1);
    match blank {
        Some(blank) if blank + 1 < end => None,
        _ => Some(3 + end + 1),
    }
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attributes")
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}
