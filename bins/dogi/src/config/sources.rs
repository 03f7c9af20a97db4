//! Which text a setting has: flags, then environment, then `dogi.yaml`, then the default.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use super::env::Environment;
use super::file::{self, FileSettings, Parsed};
use super::problem::{Origin, Problem};
use super::setting::{Kind, Setting};
use super::table::{SETTINGS, setting};

/// A setting's texts (several only for lists of secrets) and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub origin: Origin,
    pub values: Vec<String>,
}

/// Flags as given, by the setting's variable.
pub type Flags = BTreeMap<&'static str, Vec<OsString>>;

/// Everything that was set, before it has types.
#[derive(Debug)]
pub(super) struct Sources {
    found: BTreeMap<&'static str, Found>,
    pub file: FileSettings,
    pub problems: Vec<Problem>,
    asked: BTreeSet<&'static str>,
}

impl Sources {
    /// Reads `--config` (or its variable) and puts everything in order.
    pub(super) fn gather(flags: &Flags, env: &Environment) -> Self {
        let mut problems = Vec::new();
        let mut found: BTreeMap<&'static str, Found> = SETTINGS
            .iter()
            .filter_map(|setting| {
                let found = of_flags(setting, flags, &mut problems)
                    .or_else(|| of_env(setting, env, &mut problems))?;
                Some((setting.env, found))
            })
            .collect();
        let path = found.get("CONFIG").and_then(|found| found.values.first());
        let parsed = match path {
            Some(path) => file::read(&PathBuf::from(path), env, &mut problems),
            None => Parsed::default(),
        };
        for (env, single) in parsed.single {
            found.entry(env).or_insert(single);
        }
        Self {
            found,
            file: parsed.settings,
            problems,
            asked: BTreeSet::new(),
        }
    }

    /// A setting's first text and its place, if somebody set it.
    pub(super) fn text(&mut self, env: &'static str) -> Option<(Origin, String)> {
        self.asked.insert(env);
        let found = self.found.get(env)?;
        Some((found.origin.clone(), found.values.first()?.clone()))
    }

    /// Parses a setting that may be left out.
    pub(super) fn optional<T>(
        &mut self,
        env: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.many(env, parse).pop()
    }

    /// Parses every text of a setting.
    pub(super) fn many<T>(
        &mut self,
        env: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.asked.insert(env);
        let Some(found) = self.found.get(env) else {
            return Vec::new();
        };
        let mut good = Vec::new();
        for text in &found.values {
            match parse(text) {
                Ok(value) => good.push(value),
                Err(reason) => {
                    self.problems
                        .push(wrong(found.origin.clone(), env, text, &reason));
                }
            }
        }
        good
    }

    /// Parses a setting with a default. A bad value is reported and the default stands in, so
    /// that the rest can be looked at too.
    ///
    /// # Panics
    /// When the table's default does not parse, which its test rules out.
    pub(super) fn with_default<T>(
        &mut self,
        env: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.optional(env, &parse).unwrap_or_else(|| {
            let default = setting(env).map_or("", |setting| setting.default);
            parse(default).expect("every default parses: the table's test tries each")
        })
    }

    /// Adds a mistake about a setting as a whole.
    pub(super) fn problem(&mut self, env: &'static str, message: impl Into<String>) {
        let origin = self
            .found
            .get(env)
            .map_or(Origin::Default(env), |found| found.origin.clone());
        self.problems.push(Problem::new(origin, message));
    }

    /// Adds a mistake about a place in `dogi.yaml`, which only other settings make one.
    pub(super) fn file_problem(&mut self, line: u64, key: &str, message: impl Into<String>) {
        let config = self.found.get("CONFIG");
        let name = config.and_then(|found| found.values.first());
        let origin = Origin::File {
            file: PathBuf::from(name.map_or("dogi.yaml", String::as_str)),
            line,
            key: key.to_owned(),
        };
        self.problems.push(Problem::new(origin, message));
    }

    /// Rows of the table that nobody asked for: a mistake in the code.
    pub(super) fn unread(&self) -> Vec<&'static str> {
        SETTINGS
            .iter()
            .map(|row| row.env)
            .filter(|env| !self.asked.contains(env))
            .collect()
    }
}

/// "expected …", with the reason where the parser knows more.
fn wrong(origin: Origin, env: &'static str, text: &str, reason: &str) -> Problem {
    let row = setting(env);
    let expected = row.map_or("something else", |row| row.expected);
    let problem = Problem::new(origin, format!("expected {expected}{reason}"));
    let secret =
        row.is_some_and(|row| matches!(row.kind, Kind::Secret | Kind::Secrets | Kind::Object));
    if secret {
        problem
    } else {
        problem.with_value(text)
    }
}

fn of_flags(setting: &Setting, flags: &Flags, problems: &mut Vec<Problem>) -> Option<Found> {
    let values = flags.get(setting.env)?;
    let origin = Origin::Flag(setting.flag.to_owned());
    let text = values.last()?.to_string_lossy().into_owned();
    if setting.kind == Kind::Paths {
        return paths_of_flags(values, origin, problems);
    }
    if values.len() > 1 {
        problems.push(Problem::new(origin.clone(), "given more than once"));
    }
    if values.iter().any(|value| value.to_str().is_none()) {
        problems.push(Problem::new(origin.clone(), "is not UTF-8").with_value(&text));
        return None;
    }
    Some(Found {
        origin,
        values: vec![text],
    })
}

fn paths_of_flags(
    values: &[OsString],
    origin: Origin,
    problems: &mut Vec<Problem>,
) -> Option<Found> {
    let texts = values.iter().map(|value| value.to_str().map(str::to_owned));
    match texts.collect() {
        Some(values) => Some(Found { origin, values }),
        None => {
            problems.push(Problem::new(origin, "is not UTF-8"));
            None
        }
    }
}

fn of_env(setting: &Setting, env: &Environment, problems: &mut Vec<Problem>) -> Option<Found> {
    setting.also.iter().chain([&setting.env]).find_map(|name| {
        let origin = Origin::Env((*name).to_owned());
        match env.get(name) {
            Ok(text) if setting.kind == Kind::Paths => Some(Found {
                origin,
                values: super::parse::list(text?).map(str::to_owned).collect(),
            }),
            Ok(text) => Some(Found {
                origin,
                values: vec![text?.to_owned()],
            }),
            Err(_) => {
                problems.push(Problem::new(origin, "is not UTF-8"));
                None
            }
        }
    })
}
