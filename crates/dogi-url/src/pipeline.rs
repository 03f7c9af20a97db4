//! Which nodes of a container graph a request wants.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{InvalidValue, NodeName};

const ALLOWED: &str = "`*`, or names of nodes, comma separated, none twice";

/// The nodes of the repository's container graph that shall run, written `*` or `a,b`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pipeline {
    /// All of them.
    All,
    /// These and what they depend on.
    Nodes(NodeList),
}

/// Names of nodes: at least one, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeList(Vec<NodeName>);

impl NodeList {
    /// Most names in one list.
    pub const MAX: usize = 256;

    /// Takes a list of names.
    ///
    /// # Errors
    /// When it is empty, holds a name twice, or has more than [`Self::MAX`].
    pub fn new(names: Vec<NodeName>) -> Result<Self, InvalidValue> {
        // The limit first: looking for repetitions takes quadratic time.
        let reason = match names.len() {
            0 => "it is empty".to_owned(),
            count if count > Self::MAX => {
                format!("it has {count} names, the limit is {}", Self::MAX)
            }
            _ => match names
                .iter()
                .enumerate()
                .find(|(i, name)| names[..*i].contains(name))
            {
                Some((_, twice)) => format!("`{twice}` stands in it twice"),
                None => return Ok(Self(names)),
            },
        };
        Err(InvalidValue::new(
            "a list of nodes",
            &join(&names),
            reason,
            ALLOWED,
        ))
    }

    /// The names, in the order given.
    pub fn names(&self) -> &[NodeName] {
        &self.0
    }
}

impl Pipeline {
    /// From names, or `*` alone.
    pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidValue> {
        let names: Vec<_> = names.into_iter().collect();
        if names == ["*"] {
            return Ok(Self::All);
        }
        let names = names
            .into_iter()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        NodeList::new(names).map(Self::Nodes)
    }
}

impl FromStr for Pipeline {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::list(text.split(','))
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Nodes(list) => f.write_str(&join(&list.0)),
        }
    }
}

impl TryFrom<String> for Pipeline {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pipeline> for String {
    fn from(pipeline: Pipeline) -> String {
        pipeline.to_string()
    }
}

fn join(names: &[NodeName]) -> String {
    names
        .iter()
        .map(NodeName::as_str)
        .collect::<Vec<_>>()
        .join(",")
}
