use globset::{GlobBuilder, GlobSet};

/// Longest glob, in bytes: the program that matches it stays small.
const LONGEST: usize = 1024;

/// Files whose change starts a node: globs relative to the root of the repository.
#[derive(Debug, Clone)]
pub(crate) struct Triggers {
    exact: Vec<String>,
    globs: Vec<GlobSet>,
}

impl Triggers {
    /// No file.
    pub(crate) fn none() -> Self {
        Self {
            exact: Vec::new(),
            globs: Vec::new(),
        }
    }

    /// Adds a glob.
    ///
    /// # Errors
    /// Half a sentence that says why it is none.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let text = text.strip_prefix("./").unwrap_or(text);
        if let Some(reason) = refusal(text) {
            return Err(reason);
        }
        let below = if text.ends_with('/') { "**" } else { "" };
        let glob = GlobBuilder::new(&crossing(&format!("{text}{below}")))
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        // A set of one, which tells what a matcher alone would panic about: braces that are nested
        // too deep.
        let set = glob.and_then(|glob| GlobSet::builder().add(glob).build());
        let set = set.map_err(|error| format!("not a glob: {}", error.kind()))?;
        self.globs.push(set);
        // Many a file is called `[id].ts`.
        self.exact.push(text.to_owned());
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// Whether one of the globs matches this path.
    pub(crate) fn match_path(&self, path: &str) -> bool {
        self.exact.iter().any(|exact| exact == path)
            || self.globs.iter().any(|glob| glob.is_match(path))
    }
}

fn refusal(text: &str) -> Option<String> {
    let expected = "expected a glob such as src/**, *.toml or docs/";
    match text.chars().next() {
        None => Some(expected.to_owned()),
        Some('/') => {
            Some("begins with '/': globs are relative to the repository's root".to_owned())
        }
        Some('!') => Some(
            "begins with '!': triggers exclude nothing; write \\! for a file called so".to_owned(),
        ),
        _ if text.len() > LONGEST => Some(format!(
            "has {} bytes, the limit of a glob is {LONGEST}",
            text.len()
        )),
        _ => None,
    }
}

/// `globset` takes `**` for more than `*` only where it is a whole part of a path. Elsewhere, as in
/// `**.js`, it is written out here: within one part, or over some. Its twin is `crossing` in
/// `dogi-hooks/src/rules/glob.rs`, since neither crate may know the other: what is mended here is mended
/// there.
fn crossing(glob: &str) -> String {
    let mut out = String::with_capacity(glob.len());
    let mut rest = glob;
    let mut at_start = true;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_len(rest));
        let stands_alone = at_start && (after.is_empty() || after.starts_with(['/', ',', '}']));
        match (piece.starts_with("**"), stands_alone) {
            (true, true) => out.push_str("**"),
            (true, false) => out.push_str("{*,*/**/*}"),
            (false, _) => out.push_str(piece),
        }
        at_start = matches!(piece, "/" | "," | "{");
        rest = after;
    }
    out
}

/// How long the piece is that a glob begins with: an escaped character, a class, stars, or one
/// character.
fn piece_len(glob: &str) -> usize {
    let mut chars = glob.char_indices();
    let first = chars.next().map(|(_, c)| c);
    let second = chars.next().map_or(glob.len(), |(at, _)| at);
    match first {
        Some('\\') => chars.next().map_or(glob.len(), |(at, _)| at),
        Some('*') => glob.len() - glob.trim_start_matches('*').len(),
        Some('[') => {
            // A `]` that comes first is one of the class's characters.
            let inner = glob[1..].trim_start_matches(['!', '^']);
            let end = inner.char_indices().skip(1).find(|(_, c)| *c == ']');
            end.map_or(glob.len(), |(at, _)| glob.len() - inner.len() + at + 1)
        }
        _ => second,
    }
}
