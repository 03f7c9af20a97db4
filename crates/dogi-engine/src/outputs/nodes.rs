use std::{
    collections::{BTreeMap, BTreeSet},
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use dogi_graph::{NodeWork, Plan};
use dogi_stream::Log;
use dogi_url::{NodeName, OutputName};

use super::{OutputOptions, OutputWriter};

/// The directory, beside a run's outputs, of those that only nodes of the same run may read. No output has
/// this name.
pub const UNLOGGED: &str = "unlogged";

/// The outputs of the nodes of a container graph. There are none before it was read.
#[derive(Debug, Clone, Default)]
pub(super) struct NodeOutputs {
    writers: Arc<OnceLock<BTreeMap<NodeName, OutputWriter>>>,
    /// Those that can be read from outside.
    readers: NodeLogs,
}

/// The logs of the nodes of a container graph, once it was read.
pub(crate) type NodeLogs = Arc<OnceLock<BTreeMap<NodeName, Log>>>;

impl NodeOutputs {
    /// Begins them, or takes up what an earlier life of the server wrote; blocking. They are repeated in
    /// the run's `log`, but for those that nobody is to read.
    pub(super) fn open(
        &self,
        directory: &Path,
        plan: &Plan,
        ended: &BTreeSet<NodeName>,
        log: &OutputWriter,
        options: &OutputOptions,
    ) -> io::Result<()> {
        let mut writers = BTreeMap::new();
        let mut readers = BTreeMap::new();
        for (name, node) in &plan.nodes {
            let NodeWork::Container(node) = &node.work else {
                continue;
            };
            let writer = if node.no_log {
                let directory = unlogged(directory);
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&directory)?;
                OutputWriter::recover(&directory.join(name.as_str()), options.clone())?
            } else {
                let path = directory.join(OutputName::Node(name.clone()).to_string());
                let writer = OutputWriter::recover(&path, options.clone())?;
                // What has ended was repeated to its end.
                match ended.contains(name) {
                    true => writer,
                    false => writer.echoed(log, name.as_str())?,
                }
            };
            if ended.contains(name) {
                writer.finish();
            }
            if !node.no_log {
                readers.insert(name.clone(), writer.reader().clone());
            }
            writers.insert(name.clone(), writer);
        }
        // A graph is read once in a life.
        let _ = self.writers.set(writers);
        let _ = self.readers.set(readers);
        Ok(())
    }

    pub(super) fn readers(&self) -> &NodeLogs {
        &self.readers
    }

    pub(super) fn writer(&self, node: &NodeName) -> Option<&OutputWriter> {
        self.writers.get()?.get(node)
    }

    pub(super) fn writers(&self) -> impl Iterator<Item = &OutputWriter> {
        self.writers.get().into_iter().flat_map(BTreeMap::values)
    }
}

/// Removes what only the nodes of a run may read; blocking.
pub(crate) fn remove_unlogged(directory: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(unlogged(directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The logs of the nodes of a run that is over; blocking.
pub(super) fn finished(
    directory: &Path,
    names: impl IntoIterator<Item = NodeName>,
) -> io::Result<NodeLogs> {
    let logs = names.into_iter().map(|name| {
        let path = directory.join(OutputName::Node(name.clone()).to_string());
        Ok((name, super::finished_log(&path)?))
    });
    let logs = logs.collect::<io::Result<BTreeMap<_, _>>>()?;
    Ok(Arc::new(OnceLock::from(logs)))
}

fn unlogged(directory: &Path) -> PathBuf {
    directory.join(UNLOGGED)
}
