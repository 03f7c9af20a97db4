//! `pipeline` of an entry: which nodes of the repository's container graph it runs.

use std::collections::BTreeSet;
use std::fmt;

use dogi_graph::Selection;
use dogi_url::{InvalidValue, NodeName};
use dogi_yaml::{Node, Reader, Value, index};

use crate::config::plain::checked;

/// The word for those that the changed files trigger.
const TRIGGERED: &str = "triggered";
/// All of them.
const ALL: &str = "*";
/// No graph has more nodes.
const MOST: usize = dogi_graph::MAX_NODES;
/// How many changed files go into the record of a run, at most.
const MOST_FILES: usize = 5_000;
/// The bytes of their paths, at most.
const MOST_BYTES: usize = 512 * 1024;

/// Which nodes are run, and with them all that they depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// All of them.
    All,
    /// Those with a trigger among the changed files.
    Triggered,
    /// These: at least one, none twice. Whether the graph has them is known when it is read.
    Nodes(Vec<NodeName>),
}

impl Pipeline {
    /// What a run is to select. `changed`: the files that the event changed, relative to the repository's
    /// root; `None` where nobody can tell.
    ///
    /// [`Pipeline::Triggered`] is then every node with triggers, and so it is for more than 5,000 files or
    /// 512 KiB of paths: the selection goes into the record of the run.
    #[must_use]
    pub fn selection(&self, changed: Option<&BTreeSet<String>>) -> Selection {
        match self {
            Self::All => Selection::All,
            Self::Nodes(names) => Selection::Nodes(names.clone()),
            Self::Triggered => match changed.filter(|files| fits(files)) {
                Some(files) => Selection::Touched(files.iter().cloned().collect()),
                None => Selection::Triggered,
            },
        }
    }
}

fn fits(files: &BTreeSet<String>) -> bool {
    let bytes = || files.iter().map(String::len).sum::<usize>();
    files.len() <= MOST_FILES && bytes() <= MOST_BYTES
}

/// In words, to go after "runs".
impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = "of the repository's container graph";
        match self {
            Self::All => write!(f, "all nodes {of}"),
            Self::Triggered => write!(f, "the nodes {of} that are triggered by the changed files"),
            Self::Nodes(names) => {
                let plural = if names.len() == 1 { "" } else { "s" };
                let names: Vec<&str> = names.iter().map(NodeName::as_str).collect();
                write!(f, "the node{plural} {} {of}", names.join(", "))
            }
        }
    }
}

/// Reads a word, a name or a list of names.
pub(super) fn read(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<Pipeline> {
    let line = node.line;
    match node.value {
        Value::List(items) => names(reader, line, items, path),
        value => {
            let expected = "`*`, `triggered`, a node or a list of nodes";
            let text = reader.scalar(Node { line, value }, path, expected)?;
            match text.as_str() {
                ALL => Some(Pipeline::All),
                TRIGGERED => Some(Pipeline::Triggered),
                _ => {
                    let name = checked(reader, line, path, text, node_name)?;
                    Some(Pipeline::Nodes(vec![name]))
                }
            }
        }
    }
}

fn names(reader: &mut Reader<'_>, line: u64, items: Vec<Node>, path: &str) -> Option<Pipeline> {
    let before = reader.count();
    match items.len() {
        0 => {
            let message = "is an empty list: expected names of nodes, or `*` for all";
            reader.mistake(line, path, message);
        }
        count if count > MOST => {
            let message = format!("has {count} names: expected at most {MOST}");
            reader.mistake(line, path, message);
        }
        _ => {}
    }
    let mut names = Vec::new();
    let mut known = BTreeSet::new();
    for (at, item) in items.into_iter().enumerate().take(MOST) {
        let (line, here) = (item.line, index(path, at));
        let Some(name) = name(reader, item, &here) else {
            continue;
        };
        if !known.insert(name.clone()) {
            let message = "stands in the list twice: expected each node once";
            reader.mistaken_value(line, &here, name.as_str(), message);
        }
        names.push(name);
    }
    (reader.count() == before).then_some(Pipeline::Nodes(names))
}

fn name(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<NodeName> {
    let line = node.line;
    let text = reader.scalar(node, path, "the name of a node")?;
    if text == ALL {
        let message = "is for all nodes: expected it alone, not in a list";
        reader.mistaken_value(line, path, text, message);
        return None;
    }
    checked(reader, line, path, text, node_name)
}

fn node_name(text: &str) -> Result<NodeName, InvalidValue> {
    text.parse()
}
