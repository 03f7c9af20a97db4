use std::collections::BTreeSet;
use std::fmt;

use dogi_url::Revision;

use crate::forge::{Ref, Word};

/// Why a rule does not want an event. Its text is half a sentence, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// A branch or tag was deleted.
    Deleted {
        /// Which.
        reference: Option<Ref>,
    },
    /// It is an event that no rule can wait for.
    Unknown {
        /// What the forge calls it.
        event: Word,
    },
    /// The rule's `on` does not name such events.
    NotAsked {
        /// What would have to stand there.
        event: &'static str,
        /// What stands there.
        asked: String,
    },
    /// Of such events the rule wants only those of the other kind of names.
    OtherKind {
        /// What it is about.
        reference: Ref,
    },
    /// The name is not among those that are asked for.
    Name {
        /// Which list of the rule: `branches` or `tags`.
        list: &'static str,
        /// The branch or tag.
        name: Revision,
        /// The patterns.
        patterns: String,
    },
    /// The payload does not say which branch or tag it is about, and the rule asks.
    NoName,
    /// Another thing was done with it than what is asked for.
    Action {
        /// What was done.
        action: Word,
        /// What is asked for.
        actions: BTreeSet<Word>,
    },
    /// A release that only those who may write can see.
    Draft,
    /// No changed file is among those that are asked for.
    Paths {
        /// How many files changed.
        changed: usize,
        /// The patterns.
        patterns: String,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted {
                reference: Some(reference),
            } => write!(f, "{reference} was deleted, which starts nothing"),
            Self::Deleted { reference: None } => f.write_str("a deletion starts nothing"),
            Self::Unknown { event } => write!(f, "the event `{event}` starts nothing"),
            Self::NotAsked { event, asked } => {
                write!(f, "`on` does not ask for {event}, only for {asked}")
            }
            Self::OtherKind { reference } => {
                let (own, other) = match reference {
                    Ref::Branch(_) => ("branches", "tags"),
                    Ref::Tag(_) => ("tags", "branches"),
                };
                let name = reference.name();
                write!(
                    f,
                    "{name:?} is one of {own}, and only {other} are asked for",
                    name = name.as_str()
                )
            }
            Self::Name {
                list,
                name,
                patterns,
            } => {
                let kind = if *list == "tags" { "tag" } else { "branch" };
                let name = name.as_str();
                write!(f, "the {kind} {name:?} is not among `{list}`: {patterns}")
            }
            Self::NoName => f.write_str("it names no branch and no tag"),
            Self::Action { action, actions } => {
                let actions: Vec<&str> = actions.iter().map(Word::as_str).collect();
                let actions = actions.join(", ");
                write!(f, "the action `{action}` is not among `actions`: {actions}")
            }
            Self::Draft => f.write_str("the release is a draft, whose tag need not exist"),
            Self::Paths { changed, patterns } => {
                write!(
                    f,
                    "none of the {changed} changed files is among `paths`: {patterns}"
                )
            }
        }
    }
}
