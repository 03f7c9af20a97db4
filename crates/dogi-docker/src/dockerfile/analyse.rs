//! What the instructions take from elsewhere.

use std::collections::BTreeMap;

use super::lines::{Instruction, Parsed, parse};
use super::words::{expand, options, words};
use super::{Bases, Unknowable, UnknowableReason as Reason};
use crate::image::ImageName;

pub(super) fn analyse(text: &str, args: &BTreeMap<String, String>, target: Option<&str>) -> Bases {
    let Parsed {
        syntax,
        escape,
        instructions,
    } = parse(text);
    let mut analysis = Analysis {
        escape,
        ..Analysis::new(args)
    };
    let syntax = match args.get("BUILDKIT_SYNTAX") {
        Some(image) => Some((0, image.clone())),
        None => syntax,
    };
    if let Some((line, image)) = syntax {
        match ImageName::parse(&image) {
            Ok(name) => analysis.bases.frontend = Some(name),
            Err(_) => analysis.unknowable(line, Reason::BadName(image)),
        }
    }
    let wanted = target.filter(|target| !target.is_empty());
    let mut reached = false;
    for instruction in &instructions {
        let begins = instruction.keyword == "FROM";
        if begins && reached {
            return analysis.bases;
        }
        analysis.take(instruction);
        reached |= begins && wanted.is_some_and(|target| analysis.is_at(target));
    }
    match (wanted, analysis.stages.len()) {
        (_, 0) => analysis.unknowable(1, Reason::NoStage),
        (Some(target), _) if !reached => {
            analysis.unknowable(1, Reason::NoSuchStage(target.to_owned()));
        }
        _ => {}
    }
    analysis.bases
}

struct Analysis<'a> {
    args: &'a BTreeMap<String, String>,
    escape: char,
    /// Values of `ARG`s before the first stage: all that `FROM` sees.
    globals: BTreeMap<String, String>,
    /// Names of the stages so far, in small letters; empty where there is none.
    stages: Vec<String>,
    bases: Bases,
}

impl<'a> Analysis<'a> {
    fn new(args: &'a BTreeMap<String, String>) -> Analysis<'a> {
        Analysis {
            args,
            escape: '\\',
            globals: BTreeMap::new(),
            stages: Vec::new(),
            bases: Bases::default(),
        }
    }

    fn take(&mut self, instruction: &Instruction) {
        let Instruction {
            line,
            keyword,
            rest,
        } = instruction;
        match keyword.as_str() {
            "ARG" if self.stages.is_empty() => self.global(rest),
            "FROM" => self.from(*line, rest),
            "COPY" => self.copy(*line, rest),
            "ADD" => self.add(*line, rest),
            "RUN" => self.run(*line, rest),
            _ => {}
        }
    }

    fn unknowable(&mut self, line: usize, reason: Reason) {
        self.bases.unknowable.push(Unknowable { line, reason });
    }

    /// Whether the newest stage is the target: by name, or by number.
    fn is_at(&self, target: &str) -> bool {
        let newest = self.stages.len() - 1;
        self.stages[newest] == target.to_ascii_lowercase() || target.parse() == Ok(newest)
    }

    fn global(&mut self, rest: &str) {
        for word in rest.split_whitespace() {
            let (name, default) = match word.split_once('=') {
                Some((name, value)) => (name, expand(value, &self.globals, self.escape)),
                None => (word, None),
            };
            if let Some(value) = self.args.get(name).cloned().or(default) {
                self.globals.insert(name.to_owned(), value);
            }
        }
    }

    fn from(&mut self, line: usize, rest: &str) {
        let (_, rest) = options(rest);
        let mut words = rest.split_whitespace();
        let base = words.next().unwrap_or_default();
        let name = match (words.next(), words.next()) {
            (Some(word), Some(name)) if word.eq_ignore_ascii_case("as") => {
                name.to_ascii_lowercase()
            }
            _ => String::new(),
        };
        match expand(base, &self.globals, self.escape).filter(|base| !base.is_empty()) {
            None => self.unknowable(line, Reason::VariableBase(base.to_owned())),
            Some(base) if base == "scratch" => {}
            Some(base) => self.image_or_stage(line, &base, false),
        }
        self.stages.push(name);
    }

    /// A stage's name (or, where allowed, its number), else an image.
    fn image_or_stage(&mut self, line: usize, name: &str, numbers: bool) {
        if self.stages.contains(&name.to_ascii_lowercase()) {
            return;
        }
        if numbers
            && name
                .parse::<usize>()
                .is_ok_and(|number| number < self.stages.len())
        {
            return;
        }
        if name.contains('$') {
            return self.unknowable(line, Reason::VariableBase(name.to_owned()));
        }
        match ImageName::parse(name) {
            Ok(image) => drop(self.bases.images.insert(image)),
            Err(_) => self.unknowable(line, Reason::BadName(name.to_owned())),
        }
    }

    fn copy(&mut self, line: usize, rest: &str) {
        for (name, value) in options(rest).0 {
            if name == "from" {
                self.image_or_stage(line, value, true);
            }
        }
    }

    fn add(&mut self, line: usize, rest: &str) {
        let (options, rest) = options(rest);
        let pinned = options
            .iter()
            .any(|(name, value)| *name == "checksum" && !value.is_empty());
        let mut words = words(rest);
        // The last one is the destination.
        words.pop();
        for source in words {
            if source.starts_with('$') {
                self.unknowable(line, Reason::VariableSource(source));
            } else if is_remote(&source) && !pinned {
                self.unknowable(line, Reason::RemoteFile(source));
            }
        }
    }

    fn run(&mut self, line: usize, rest: &str) {
        for (name, value) in options(rest).0 {
            if name == "mount" {
                self.mount(line, value);
            }
        }
    }

    fn mount(&mut self, line: usize, mount: &str) {
        let fields: BTreeMap<String, &str> = mount
            .split(',')
            .map(|field| field.split_once('=').unwrap_or((field, "")))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
            .collect();
        match fields
            .get("type")
            .copied()
            .unwrap_or("bind")
            .to_ascii_lowercase()
            .as_str()
        {
            "ssh" => self.unknowable(line, Reason::SshMount),
            "secret" => {
                // Without an id the target's file name is it.
                let target = fields.get("target").or_else(|| fields.get("dst"));
                let named = target.and_then(|path| path.rsplit('/').next());
                let id = fields.get("id").copied().or(named).unwrap_or_default();
                self.bases.secrets.insert(id.to_owned());
            }
            _ => {
                if let Some(from) = fields.get("from") {
                    self.image_or_stage(line, from, true);
                }
            }
        }
    }
}

/// What `ADD` loads instead of taking it from the context.
fn is_remote(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    ["http://", "https://", "git://", "ssh://", "git@"]
        .iter()
        .any(|p| lower.starts_with(p))
        || (lower.contains('@') && lower.contains(':') && lower.contains(".git"))
        || lower.starts_with("github.com/")
}
