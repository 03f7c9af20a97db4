use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dogi_url::{ImageRef, NodeName};
use dogi_yaml::{Key, Mistake, Node, Value};

use super::draft::{Draft, Spot};
use super::fields::{self, is_plain};
use super::names::{complaint, reserved};
use super::{check, file, merge, node};
use crate::{
    Graph, GraphError, MAX_BYTES, MAX_FILES, MAX_LINES, MAX_MISTAKES, MAX_NODES, MAX_SUBGRAPHS,
};

/// The nodes of one file or of several.
pub(super) type Drafts = BTreeMap<NodeName, Draft>;

/// Gathers the files of a graph, then makes one graph of them.
///
/// First all files of the repository, in an order that is always the same, such as that of their
/// names. While there are [`wanted`](Self::wanted) subgraphs, their images are run, and what they print is
/// given to [`subgraph`](Self::subgraph).
#[derive(Debug, Default)]
pub struct Reader {
    files: usize,
    bytes: u64,
    lines: usize,
    /// Whether something is missing that may have held nodes.
    incomplete: bool,
    own: Drafts,
    subgraphs: Vec<Subgraph>,
    mistakes: Vec<Mistake>,
}

/// An image that prints a graph.
#[derive(Debug)]
struct Subgraph {
    image: ImageRef,
    /// Where it was named first; `None` when nobody did.
    named: Option<(Arc<PathBuf>, u64)>,
    drafts: Option<Drafts>,
}

impl Reader {
    /// Nothing was read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file of the repository; `path` is what mistakes call it. What is wrong with it is
    /// told by [`finish`](Self::finish).
    pub fn file(&mut self, path: &str, text: &[u8]) {
        self.files += 1;
        let file = Arc::new(file::shown(path));
        match self.files {
            ..=MAX_FILES => {
                let drafts = self.read(&file, text);
                self.keep(drafts);
            }
            files if files == MAX_FILES + 1 => {
                let message = format!("more than {MAX_FILES} graph files, which is the limit");
                self.refuse(Mistake::new(&file, 0, "", message));
            }
            _ => {}
        }
    }

    /// Reads what an image that is [`wanted`](Self::wanted) printed; mistakes call it "subgraph IMAGE".
    /// What an image printed that was given already is ignored.
    pub fn subgraph(&mut self, image: &ImageRef, text: &[u8]) {
        let at = self.name(image, None);
        let is_new = at.filter(|at| self.subgraphs[*at].drafts.is_none());
        if let Some(at) = is_new {
            let file = Arc::new(PathBuf::from(format!("subgraph {image}")));
            let drafts = self.read(&file, text);
            self.subgraphs[at].drafts = Some(drafts);
        }
    }

    /// The images that `meta: {subgraphs: […]}` of what was read so far names, and whose output was
    /// not given yet: in the order in which they were named, each once.
    #[must_use]
    pub fn wanted(&self) -> Vec<ImageRef> {
        let missing = self.subgraphs.iter().filter(|one| one.drafts.is_none());
        missing.map(|one| one.image.clone()).collect()
    }

    /// Makes a graph of what was read. A node of the repository wins over one of a subgraph, and of
    /// two subgraphs that which was named first.
    ///
    /// # Errors
    /// All mistakes of all files at once; a subgraph that is still wanted is one.
    pub fn finish(mut self) -> Result<Graph, GraphError> {
        self.refuse_wanted();
        let subgraphs = self.subgraphs.into_iter().filter_map(|one| one.drafts);
        let before = self.mistakes.len();
        let drafts = merge::merged(self.own, subgraphs, &mut self.mistakes);
        let is_complete = !self.incomplete && self.mistakes.len() == before;
        let nodes = check::nodes(drafts, is_complete, &mut self.mistakes);
        match GraphError::of(self.mistakes) {
            Some(error) => Err(error),
            None => Ok(Graph::new(nodes)),
        }
    }

    fn read(&mut self, file: &Arc<PathBuf>, text: &[u8]) -> Drafts {
        let tree = self.room(file, text).and_then(|()| file::tree(file, text));
        match tree {
            Ok(tree) => self.drafts(file, tree),
            Err(mistake) => {
                self.refuse(mistake);
                Drafts::new()
            }
        }
    }

    /// Whether the graph may have this text besides what it has.
    fn room(&mut self, file: &Path, text: &[u8]) -> Result<(), Mistake> {
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        let ends = text.iter().filter(|byte| matches!(byte, b'\n' | b','));
        self.lines = self.lines.saturating_add(ends.count());
        let message = match () {
            () if self.bytes > MAX_BYTES => format!("{MAX_BYTES} bytes"),
            () if self.lines > MAX_LINES => format!("{MAX_LINES} lines and commas"),
            () => return Ok(()),
        };
        let message = format!("with it the graph has more than {message}, which is the limit");
        Err(Mistake::new(file, 0, "", message))
    }

    fn drafts(&mut self, file: &Arc<PathBuf>, tree: Node) -> Drafts {
        let mut drafts = Drafts::new();
        let entries = match tree.value {
            Value::Map(entries) => entries,
            Value::Null => return drafts,
            other => {
                let message = format!("expected a mapping of names to nodes, not {}", other.kind());
                self.refuse(Mistake::new(file, tree.line, "", message));
                return drafts;
            }
        };
        for (key, value) in entries {
            if key.text == "meta" {
                self.meta(file, value);
            } else if self.mistakes.len() > MAX_MISTAKES {
                // More are not told.
                self.incomplete = true;
                break;
            } else if drafts.len() >= MAX_NODES {
                self.refuse(merge::too_many(file, key.line));
                break;
            } else if let Some(name) = self.node_name(file, &key) {
                let mut reader = dogi_yaml::Reader::new(file, &mut self.mistakes);
                let place = (key.line, key.text.as_str());
                let draft = node::draft(&mut reader, file, place, value);
                drafts.insert(name, draft);
            }
        }
        drafts
    }

    fn node_name(&mut self, file: &Arc<PathBuf>, key: &Key) -> Option<NodeName> {
        let name = NodeName::new(&*key.text).map_err(|error| complaint(&error));
        let name = name.and_then(|name| reserved(name.as_str()).map_or(Ok(name), Err));
        match name {
            Ok(name) => Some(name),
            Err(message) => {
                let path = if is_plain(key) { &*key.text } else { "" };
                let mistake = Mistake::new(file, key.line, path, message);
                self.refuse(if path.is_empty() {
                    mistake.with_value(&*key.text)
                } else {
                    mistake
                });
                None
            }
        }
    }

    fn meta(&mut self, file: &Arc<PathBuf>, node: Node) {
        const KNOWN: [&str; 1] = ["subgraphs"];
        let mut reader = dogi_yaml::Reader::new(file, &mut self.mistakes);
        let mut images = Vec::new();
        for (key, value) in reader.map(node, "meta").into_iter().take(MAX_SUBGRAPHS) {
            let path = dogi_yaml::join("meta", &key.text);
            match KNOWN.contains(&&*key.text) {
                true => {
                    images = fields::words(&mut reader, value, &path, (MAX_SUBGRAPHS, "an image"))
                }
                false => node::unknown(&mut reader, &key, &path, &KNOWN),
            }
        }
        for spot in images {
            self.named(file, spot);
        }
    }

    fn named(&mut self, file: &Arc<PathBuf>, spot: Spot<String>) {
        let image = ImageRef::new(&*spot.value).map_err(|error| complaint(&error));
        let known = image.and_then(|image| {
            let at = self.name(&image, Some((Arc::clone(file), spot.line)));
            at.ok_or_else(|| format!("more than {MAX_SUBGRAPHS} subgraphs, which is the limit"))
        });
        if let Err(message) = known {
            let mistake = Mistake::new(file, spot.line, &spot.key, message);
            self.refuse(mistake.with_value(spot.value));
        }
    }

    /// The place of a subgraph in the order; `None` when there are too many.
    fn name(&mut self, image: &ImageRef, named: Option<(Arc<PathBuf>, u64)>) -> Option<usize> {
        let known = self.subgraphs.iter().position(|one| one.image == *image);
        if known.is_some() || self.subgraphs.len() >= MAX_SUBGRAPHS {
            return known;
        }
        self.subgraphs.push(Subgraph {
            image: image.clone(),
            named,
            drafts: None,
        });
        Some(self.subgraphs.len() - 1)
    }

    /// Keeps the nodes of a file of the repository, none twice.
    fn keep(&mut self, drafts: Drafts) {
        for (name, draft) in drafts {
            match self.own.get(&name) {
                None => drop(self.own.insert(name, draft)),
                Some(first) => {
                    let message = format!("is a node already, at {}", first.place());
                    let mistake = Mistake::new(&draft.file, draft.line, name.as_str(), message);
                    self.mistakes.push(mistake);
                }
            }
        }
    }

    fn refuse_wanted(&mut self) {
        let missing = self.subgraphs.iter().filter(|one| one.drafts.is_none());
        let mistakes = missing.filter_map(|one| {
            let (file, line) = one.named.as_ref()?;
            let mistake = Mistake::new(file, *line, "meta.subgraphs", "the subgraph was not read");
            Some(mistake.with_value(one.image.as_str()))
        });
        let before = self.mistakes.len();
        self.mistakes.extend(mistakes);
        self.incomplete |= self.mistakes.len() > before;
    }

    /// Adds a mistake that may have hidden nodes.
    fn refuse(&mut self, mistake: Mistake) {
        self.incomplete = true;
        self.mistakes.push(mistake);
    }
}
