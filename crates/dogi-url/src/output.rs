//! What can be read of a run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::nearest;
use crate::{FileName, InvalidValue, NodeName};

const ALLOWED: &str = "log, status, file_NAME, node_NAME";

/// One output of a run, written `log`, `status`, `file_NAME` or `node_NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OutputName {
    /// What clone, build and container print, and dogi's own lines.
    Log,
    /// The status of the run.
    Status,
    /// A followed file of the container.
    File(FileName),
    /// The log of one node of a container graph.
    Node(NodeName),
}

impl FromStr for OutputName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "log" => return Ok(Self::Log),
            "status" => return Ok(Self::Status),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("file_") {
            return name.parse().map(Self::File);
        }
        if let Some(name) = text.strip_prefix("node_") {
            return name.parse().map(Self::Node);
        }
        Err(InvalidValue::new("an output", text, "", ALLOWED)
            .with_nearest(nearest(text, ["log", "status"])))
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            Self::Status => f.write_str("status"),
            Self::File(name) => write!(f, "file_{name}"),
            Self::Node(name) => write!(f, "node_{name}"),
        }
    }
}

impl TryFrom<String> for OutputName {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<OutputName> for String {
    fn from(name: OutputName) -> String {
        name.to_string()
    }
}

/// The outputs that a request wants to see: at least one, none twice, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<OutputName>", into = "Vec<OutputName>")]
pub struct OutputSelection(Vec<OutputName>);

impl OutputSelection {
    /// Most outputs in one answer.
    pub const MAX: usize = 64;

    /// Takes a list of outputs.
    ///
    /// # Errors
    /// When it is empty, names an output twice, or has more than [`Self::MAX`].
    pub fn new(names: Vec<OutputName>) -> Result<Self, InvalidValue> {
        let text = || join(&names);
        let fail = |reason: String| {
            let allowed = format!("one or several of {ALLOWED}, comma separated, none twice");
            Err(InvalidValue::new(
                "a list of outputs",
                &text(),
                reason,
                allowed,
            ))
        };
        if names.is_empty() {
            return fail("it is empty".to_owned());
        }
        if names.len() > Self::MAX {
            return fail(format!(
                "it has {} outputs, the limit is {}",
                names.len(),
                Self::MAX
            ));
        }
        match names
            .iter()
            .enumerate()
            .find(|(i, name)| names[..*i].contains(name))
        {
            Some((_, twice)) => fail(format!("`{twice}` stands in it twice")),
            None => Ok(Self(names)),
        }
    }

    /// Just one output.
    pub fn one(name: OutputName) -> Self {
        Self(vec![name])
    }

    /// The outputs, in the order given.
    pub fn names(&self) -> &[OutputName] {
        &self.0
    }

    /// The only output, when there is but one and nothing has to be multiplexed.
    pub fn single(&self) -> Option<&OutputName> {
        match self.0.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether `name` is among them.
    pub fn contains(&self, name: &OutputName) -> bool {
        self.0.contains(name)
    }
}

impl Default for OutputSelection {
    fn default() -> Self {
        Self::one(OutputName::Log)
    }
}

impl FromStr for OutputSelection {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .and_then(Self::new)
    }
}

impl fmt::Display for OutputSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(&self.0))
    }
}

impl TryFrom<Vec<OutputName>> for OutputSelection {
    type Error = InvalidValue;

    fn try_from(names: Vec<OutputName>) -> Result<Self, Self::Error> {
        Self::new(names)
    }
}

impl From<OutputSelection> for Vec<OutputName> {
    fn from(selection: OutputSelection) -> Self {
        selection.0
    }
}

fn join(names: &[OutputName]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
