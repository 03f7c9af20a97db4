//! From text to instructions: directives, comments, continued lines, here-documents.

/// An instruction and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// From 1.
    pub(super) line: usize,
    /// In capitals.
    pub(super) keyword: String,
    /// What follows, continued lines joined.
    pub(super) rest: String,
}

/// A Dockerfile in pieces.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Value of `# syntax=`, and its line.
    pub(super) syntax: Option<(usize, String)>,
    pub(super) escape: char,
    pub(super) instructions: Vec<Instruction>,
}

pub(super) fn parse(text: &str) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (syntax, escape) = directives(text);
    let mut lines = text.lines().enumerate();
    let mut instructions = Vec::new();
    while let Some((at, line)) = lines.next() {
        let Some(mut joined) = content(line).map(str::to_owned) else {
            continue;
        };
        while let Some(open) = continued(&joined, escape) {
            joined.truncate(open);
            // Comments and empty lines within a continued line are left out.
            match lines
                .by_ref()
                .map(|(_, line)| line)
                .find(|line| content(line).is_some())
            {
                Some(more) => joined.push_str(more),
                None => break,
            }
        }
        let (keyword, rest) = joined
            .split_once(char::is_whitespace)
            .unwrap_or((&joined, ""));
        let keyword = keyword.to_ascii_uppercase();
        if matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
            for document in here_documents(rest) {
                document.skip(&mut lines);
            }
        }
        instructions.push(Instruction {
            line: at + 1,
            keyword,
            rest: rest.trim().to_owned(),
        });
    }
    Parsed {
        syntax,
        escape,
        instructions,
    }
}

/// A line without its indentation, unless there is nothing on it or only a comment.
fn content(line: &str) -> Option<&str> {
    let line = line.trim_start();
    (!line.is_empty() && !line.starts_with('#')).then_some(line)
}

/// Where the line's content ends if the next line belongs to it: at one escape character, which is not
/// escaped itself, with nothing but spaces behind.
fn continued(line: &str, escape: char) -> Option<usize> {
    let trimmed = line.trim_end_matches([' ', '\t', '\r']);
    let before = trimmed.strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(before.len())
}

/// Comments of the form `# name=value` at the very top.
fn directives(text: &str) -> (Option<(usize, String)>, char) {
    let (mut syntax, mut escape) = (None, '\\');
    let begins_with_program = text.starts_with("#!");
    for (at, line) in text
        .lines()
        .enumerate()
        .skip(usize::from(begins_with_program))
    {
        let Some((name, value)) = line
            .trim_start()
            .strip_prefix('#')
            .and_then(|line| line.split_once('='))
        else {
            break;
        };
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            break;
        }
        match name.to_ascii_lowercase().as_str() {
            "syntax" => {
                // What follows the image's name is the frontend's own command line.
                let image = value.split_whitespace().next().unwrap_or_default();
                syntax = Some((at + 1, image.to_owned()));
            }
            "escape" if value.trim() == "`" => escape = '`',
            _ => {}
        }
    }
    (syntax, escape)
}

struct HereDocument {
    end: String,
    tabs: bool,
}

impl HereDocument {
    fn skip<'a>(&self, lines: &mut impl Iterator<Item = (usize, &'a str)>) {
        for (_, line) in lines {
            let line = if self.tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == self.end {
                return;
            }
        }
    }
}

/// Words of the form `<<EOF`, `<<-EOF`, `3<<"EOF"`.
fn here_documents(rest: &str) -> Vec<HereDocument> {
    let mut found = Vec::new();
    for word in split_outside_quotes(rest) {
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(name) = word.strip_prefix("<<") else {
            continue;
        };
        let (tabs, name) = match name.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let end = name.replace(['"', '\'', '\\'], "");
        if !end.is_empty() && !end.contains('<') {
            found.push(HereDocument { end, tabs });
        }
    }
    found
}

/// Words that do not begin inside quotes.
fn split_outside_quotes(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match quote {
            None if c.is_whitespace() => words.push(String::new()),
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        if !c.is_whitespace() || quote.is_some() {
            words.last_mut().into_iter().for_each(|word| word.push(c));
        }
    }
    words
}
