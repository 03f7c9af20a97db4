use std::collections::BTreeSet;
use std::fmt;

use dogi_url::Revision;

use super::{Filter, On, OnCreate, OnPullRequest, OnPush, OnRelease, RepoPattern, Why};
use crate::forge::{Event, EventKind, PullRequest, Push, Ref, Word};

/// What an operator says about some repositories.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it stands in its file, from 1.
    pub line: u64,
    /// Which repositories.
    pub pattern: RepoPattern,
    /// Which of their events start something.
    pub on: On,
}

/// The files that an event changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed<'e> {
    /// Those that the payload lists, if it does.
    AsTold,
    /// These: somebody looked with git.
    Files(&'e BTreeSet<String>),
    /// Nobody can tell, as of a branch that has nothing to be compared with. Whatever asks for
    /// `paths` is started: rather once too often.
    Unknown,
}

/// What an event starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Nothing, whichever repository it is about: a ping, or an event of no repository that
    /// nothing waits for.
    Ignored,
    /// No rule matches the repository.
    NotListed,
    /// Nothing: the rule that matches does not want it.
    Unwanted {
        /// Which rule, from 0.
        rule: usize,
        /// Its line.
        line: u64,
        /// Why.
        why: Why,
    },
    /// The rule asks for changed files, which the payload does not list.
    NeedsChangedPaths {
        /// Which rule, from 0.
        rule: usize,
    },
    /// What the rule says.
    Hit {
        /// Which rule, from 0.
        rule: usize,
    },
}

/// A line for people; of a rule that does not want the event with the rule's line.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored => f.write_str("an event that starts nothing"),
            Self::NotListed => f.write_str("no rule matches the repository"),
            Self::Unwanted { line, why, .. } => write!(f, "line {line}: {why}"),
            Self::NeedsChangedPaths { .. } => {
                f.write_str("the payload does not list the changed files: git has to be asked")
            }
            Self::Hit { .. } => f.write_str("wanted"),
        }
    }
}

/// Decides about an event of the repository that it names, see [`Event::match_key`].
///
/// The first rule whose pattern matches decides, whatever those after it say.
pub fn decide<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    event: &Event,
    changed: Changed<'_>,
) -> Decision {
    decide_for(rules, event.match_key().as_deref(), event, changed)
}

/// The same about a repository that the caller knows better than the payload: `key` is its
/// [`RepoUrl::match_key`](dogi_url::RepoUrl::match_key), `None` where there is no repository.
pub fn decide_for<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    key: Option<&str>,
    event: &Event,
    changed: Changed<'_>,
) -> Decision {
    let is_ignored = match event.kind {
        EventKind::Ping => true,
        EventKind::Other { .. } => key.is_none(),
        _ => false,
    };
    if is_ignored {
        return Decision::Ignored;
    }
    let found = key.and_then(|key| {
        let mut rules = rules.into_iter().enumerate();
        rules.find(|(_, rule)| rule.pattern.matches(key))
    });
    let Some((index, rule)) = found else {
        return Decision::NotListed;
    };
    match asked(&rule.on, event, changed) {
        Ok(Asked::Yes) => Decision::Hit { rule: index },
        Ok(Asked::NeedsPaths) => Decision::NeedsChangedPaths { rule: index },
        Err(why) => Decision::Unwanted {
            rule: index,
            line: rule.line,
            why,
        },
    }
}

enum Asked {
    Yes,
    NeedsPaths,
}

fn asked(on: &On, event: &Event, changed: Changed<'_>) -> Result<Asked, Why> {
    let reference = event.reference.as_ref();
    match &event.kind {
        EventKind::Push(told) => {
            let told = (told, reference);
            push(wanted(on, on.push.as_ref(), "push")?, told, event, changed)
        }
        EventKind::PullRequest(told) => {
            let asked = wanted(on, on.pull_request.as_ref(), "pull_request")?;
            pull_request(asked, told, event, changed)
        }
        EventKind::Release { action, draft, .. } => {
            let asked = wanted(on, on.release.as_ref(), "release")?;
            release(asked, action, *draft, reference)
        }
        EventKind::Create => create(wanted(on, on.create.as_ref(), "create")?, reference),
        EventKind::Manual { .. } => {
            wanted(on, on.manual.then_some(&()), "manual")?;
            Ok(Asked::Yes)
        }
        EventKind::Ping => Err(Why::Unknown {
            event: Word::ping(),
        }),
        EventKind::Other { name } => Err(Why::Unknown {
            event: name.clone(),
        }),
    }
}

fn wanted<'o, T>(on: &On, asked: Option<&'o T>, event: &'static str) -> Result<&'o T, Why> {
    asked.ok_or_else(|| Why::NotAsked {
        event,
        asked: on.to_string(),
    })
}

fn push(
    asked: &OnPush,
    (told, reference): (&Push, Option<&Ref>),
    event: &Event,
    changed: Changed<'_>,
) -> Result<Asked, Why> {
    if told.deleted() {
        return Err(Why::Deleted {
            reference: reference.cloned(),
        });
    }
    let reference = reference.ok_or(Why::NoName)?;
    let other_kind = || Why::OtherKind {
        reference: reference.clone(),
    };
    match reference {
        Ref::Branch(name) if asked.is_for_branches() => {
            named("branches", asked.branches.as_ref(), name)?;
            paths(asked.paths.as_ref(), event, changed)
        }
        Ref::Tag(name) => {
            let tags = asked.tags.as_ref().ok_or_else(other_kind)?;
            named("tags", Some(tags), name)?;
            Ok(Asked::Yes)
        }
        Ref::Branch(_) => Err(other_kind()),
    }
}

fn pull_request(
    asked: &OnPullRequest,
    told: &PullRequest,
    event: &Event,
    changed: Changed<'_>,
) -> Result<Asked, Why> {
    action(&told.action, &asked.actions)?;
    named("branches", asked.branches.as_ref(), &told.base_branch)?;
    paths(asked.paths.as_ref(), event, changed)
}

fn release(
    asked: &OnRelease,
    done: &Word,
    draft: bool,
    reference: Option<&Ref>,
) -> Result<Asked, Why> {
    action(done, &asked.actions)?;
    if draft {
        return Err(Why::Draft);
    }
    // A deleted release may well have left its tag, but there is nothing to be made of it.
    if let Some(tags) = &asked.tags {
        let name = reference.and_then(Ref::tag).ok_or(Why::NoName)?;
        named("tags", Some(tags), name)?;
    }
    Ok(Asked::Yes)
}

fn create(asked: &OnCreate, reference: Option<&Ref>) -> Result<Asked, Why> {
    let reference = reference.ok_or(Why::NoName)?;
    let filter = asked.asked(reference).ok_or_else(|| Why::OtherKind {
        reference: reference.clone(),
    })?;
    let list = match reference {
        Ref::Branch(_) => "branches",
        Ref::Tag(_) => "tags",
    };
    named(list, filter, reference.name())?;
    Ok(Asked::Yes)
}

fn action(done: &Word, actions: &BTreeSet<Word>) -> Result<(), Why> {
    match actions.contains(done) {
        true => Ok(()),
        false => Err(Why::Action {
            action: done.clone(),
            actions: actions.clone(),
        }),
    }
}

fn named(list: &'static str, filter: Option<&Filter>, name: &Revision) -> Result<(), Why> {
    match filter {
        Some(filter) if !filter.accepts(name.as_str()) => Err(Why::Name {
            list,
            name: name.clone(),
            patterns: filter.to_string(),
        }),
        _ => Ok(()),
    }
}

fn paths(filter: Option<&Filter>, event: &Event, changed: Changed<'_>) -> Result<Asked, Why> {
    let files = match changed {
        Changed::AsTold => event.paths.as_ref(),
        Changed::Files(files) => Some(files),
        Changed::Unknown => return Ok(Asked::Yes),
    };
    let (filter, files) = match (filter, files) {
        (None, _) => return Ok(Asked::Yes),
        (Some(_), None) => return Ok(Asked::NeedsPaths),
        (Some(filter), Some(files)) => (filter, files),
    };
    match filter.accepts_any(files.iter().map(String::as_str)) {
        true => Ok(Asked::Yes),
        false => Err(Why::Paths {
            changed: files.len(),
            patterns: filter.to_string(),
        }),
    }
}
