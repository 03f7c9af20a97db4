use std::fmt;

use dogi_url::{EnvName, NodeName};
use dogi_yaml::{Mistake, did_you_mean};

use crate::MAX_MISTAKES;

/// Files that are no graph. Its text is a line for each mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError(Vec<Mistake>);

impl GraphError {
    /// `None` where there is no mistake.
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Option<Self> {
        // Stable: files in the order of their names, lines in the order of the file.
        mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        if let Some(next) = mistakes.get(MAX_MISTAKES).cloned() {
            mistakes.truncate(MAX_MISTAKES);
            let message = format!("and more: only {MAX_MISTAKES} mistakes are told");
            mistakes.push(Mistake::new(&next.file, next.line, "", message));
        }
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// The mistakes by file and line, at least one and at most [`MAX_MISTAKES`]; where there are more, one
    /// behind them says so.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.0.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for GraphError {}

/// Why there is no plan. Its text is one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A node was asked for that the graph does not have.
    #[error("{:?} is no node of the graph{}", name.as_str(), known_names(name.as_str(), known))]
    UnknownNode {
        /// What was asked for.
        name: NodeName,
        /// The nodes that there are.
        known: Vec<NodeName>,
    },
    /// Nodes need variables that were not given; at least one.
    #[error("{}", list(missing, "; "))]
    NotGiven {
        /// Which, by the name of the node.
        missing: Vec<NotGiven>,
    },
}

/// A variable that a node needs, and that was not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotGiven {
    /// The node that needs it.
    pub node: NodeName,
    /// Its name; it would also have been found exactly as the file writes it.
    pub variable: EnvName,
    /// The file that asks for it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

impl fmt::Display for NotGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            variable,
            file,
            line,
        } = self;
        write!(
            f,
            "{file}:{line}: the node {node:?} needs the variable {variable}, which was not given",
            node = node.as_str(),
        )
    }
}

/// How many things of a kind a message names.
const NAMED: usize = 20;

fn known_names(name: &str, known: &[NodeName]) -> String {
    if known.is_empty() {
        return ", which has none".to_owned();
    }
    let near = did_you_mean(name, known.iter().map(NodeName::as_str));
    format!("{near}; it has {}", list(known, ", "))
}

/// The first few, and how many there are besides.
fn list<T: fmt::Display>(things: &[T], between: &str) -> String {
    let shown: Vec<String> = things.iter().take(NAMED).map(T::to_string).collect();
    let rest = match things.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("{between}and {more} more"),
    };
    format!("{}{rest}", shown.join(between))
}
