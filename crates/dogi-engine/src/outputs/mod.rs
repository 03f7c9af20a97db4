//! Where the output of a run goes: one log on disk for each output, bounded, never in the way of
//! the job.

mod console;
mod directory;
mod echo;
mod lines;
mod nodes;
mod writer;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
};

use dogi_graph::Plan;
use dogi_job::{RunStatus, Spec};
use dogi_stream::Log;
use dogi_url::{FileName, NodeName, OutputName};
use tokio_util::sync::CancellationToken;

use crate::{
    governor::Reserve,
    ports::{Observer, Workers},
};

pub use console::Console;
pub(crate) use directory::RunDirectory;
use nodes::NodeOutputs;
pub use nodes::UNLOGGED;
pub(crate) use nodes::{NodeLogs, remove_unlogged};
pub use writer::{Cut, OutputWriter};

/// Every output of one run.
#[derive(Debug, Clone)]
pub struct RunOutputs {
    log: OutputWriter,
    files: BTreeMap<FileName, OutputWriter>,
    nodes: NodeOutputs,
    directory: Arc<RunDirectory>,
    full: CancellationToken,
}

/// What holds for every output.
#[derive(Debug, Clone)]
pub(crate) struct OutputOptions {
    /// Bytes kept of each.
    pub(crate) limit: u64,
    /// Cancelled when one of them has reached it.
    pub(crate) full: CancellationToken,
    /// What is left of the disk for others.
    pub(crate) reserve: Arc<Reserve>,
    /// Told of every byte written.
    pub(crate) observer: Arc<dyn Observer>,
    /// Who does what may block.
    pub(crate) workers: Arc<dyn Workers>,
}

impl RunOutputs {
    /// Makes the directory, for outputs that are begun when something is written to them;
    /// blocking. The directory goes with the value, unless it is kept.
    ///
    /// # Errors
    /// When the disk refuses; nothing is left behind then.
    pub(crate) fn create(
        directory: &Path,
        spec: &Spec,
        options: &OutputOptions,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let directory = Arc::new(RunDirectory::new(directory, false));
        Self::open(directory, spec, options, |path| {
            OutputWriter::reserve(path, options.clone())
        })
    }

    /// Takes up what an earlier life of the server wrote; blocking. What is not there is begun
    /// anew.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn recover(
        directory: &Path,
        spec: &Spec,
        options: &OutputOptions,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let directory = Arc::new(RunDirectory::new(directory, true));
        Self::open(directory, spec, options, |path| {
            OutputWriter::recover(path, options.clone())
        })
    }

    fn open(
        directory: Arc<RunDirectory>,
        spec: &Spec,
        options: &OutputOptions,
        open: impl Fn(&Path) -> io::Result<OutputWriter>,
    ) -> io::Result<Self> {
        let path = |name: &OutputName| directory.path().join(name.to_string());
        let log = open(&path(&OutputName::Log))?;
        let mut files = BTreeMap::new();
        for name in spec.files.keys() {
            let writer = open(&path(&OutputName::File(name.clone())))?;
            files.insert(name.clone(), writer);
        }
        Ok(Self {
            log,
            files,
            nodes: NodeOutputs::default(),
            directory,
            full: options.full.clone(),
        })
    }

    /// Begins the outputs of the nodes of a container graph, or takes up what an earlier life of the
    /// server wrote, which is complete where the node has `ended`; blocking.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn open_nodes(
        &self,
        plan: &Plan,
        ended: &BTreeSet<NodeName>,
        options: &OutputOptions,
    ) -> io::Result<()> {
        let options = OutputOptions {
            full: self.full.clone(),
            ..options.clone()
        };
        self.nodes
            .open(self.directory.path(), plan, ended, &self.log, &options)
    }

    /// The outputs of a node's container as those of a run by itself: what it prints is the log. `None`:
    /// there is no such node.
    #[must_use]
    pub fn of_node(&self, node: &NodeName) -> Option<Self> {
        Some(Self {
            log: self.nodes.writer(node)?.clone(),
            files: BTreeMap::new(),
            nodes: NodeOutputs::default(),
            directory: self.directory.clone(),
            full: self.full.clone(),
        })
    }

    /// Ends the output of a node, once it is on the disk itself.
    pub(crate) async fn finish_node(&self, node: &NodeName) {
        if let Some(writer) = self.nodes.writer(node) {
            writer.sync().await;
            writer.finish();
        }
    }

    /// The run is over: what only its nodes were to read goes; blocking.
    pub(crate) fn remove_unlogged(&self) -> io::Result<()> {
        nodes::remove_unlogged(self.directory.path())
    }

    /// The logs of the nodes, once they are known.
    pub(crate) fn node_logs(&self) -> &NodeLogs {
        self.nodes.readers()
    }

    /// Waits until one of them has reached its limit. Cancel safe.
    pub(crate) async fn full(&self) {
        self.full.cancelled().await;
    }

    /// Where they are on disk.
    pub(crate) fn directory(&self) -> &Arc<RunDirectory> {
        &self.directory
    }

    /// The run's log: clone, build and container output, in this order.
    #[must_use]
    pub fn log(&self) -> &OutputWriter {
        &self.log
    }

    /// The followed files.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<FileName, OutputWriter> {
        &self.files
    }

    /// Where the log can be read and followed.
    pub(crate) fn readers(&self) -> BTreeMap<OutputName, Log> {
        let files = self.files.iter();
        files
            .map(|(name, writer)| (OutputName::File(name.clone()), writer.reader().clone()))
            .chain([(OutputName::Log, self.log.reader().clone())])
            .collect()
    }

    /// A console that writes to the log.
    #[must_use]
    pub fn console(&self) -> Console {
        Console::new(self.log.clone())
    }

    /// Waits until what was written to them is on the disk itself.
    pub(crate) async fn sync(&self) {
        let nodes = self.nodes.writers();
        for output in self.files.values().chain([&self.log]).chain(nodes) {
            output.sync().await;
        }
    }

    /// Ends the followed files and the logs of nodes: their readers reach the end.
    pub(crate) fn finish_files(&self) {
        let nodes = self.nodes.writers();
        self.files
            .values()
            .chain(nodes)
            .for_each(OutputWriter::finish);
    }

    /// Ends every output.
    pub(crate) fn finish(&self) {
        self.finish_files();
        self.log.finish();
    }
}

/// The outputs of a run that is over.
pub(crate) struct FinishedOutputs {
    pub(crate) logs: BTreeMap<OutputName, Log>,
    pub(crate) nodes: NodeLogs,
    pub(crate) directory: Arc<RunDirectory>,
}

/// The outputs of a run that is over, for reading; blocking.
///
/// # Errors
/// When the disk refuses. What is not there was never written to.
pub(crate) fn finished(
    directory: &Path,
    spec: &Spec,
    status: &RunStatus,
) -> io::Result<FinishedOutputs> {
    let logs = spec.outputs().map(|name| {
        let log = finished_log(&directory.join(name.to_string()))?;
        Ok((name, log))
    });
    let logged = status.nodes.iter().flatten().filter(|node| node.has_log);
    Ok(FinishedOutputs {
        logs: logs.collect::<io::Result<_>>()?,
        nodes: nodes::finished(directory, logged.map(|node| node.name.clone()))?,
        directory: Arc::new(RunDirectory::new(directory, true)),
    })
}

fn finished_log(path: &Path) -> io::Result<Log> {
    match Log::open_finished(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Nobody will begin it: it ends here.
            let (_, log) = Log::reserve(path)?;
            Ok(log)
        }
        opened => opened,
    }
}
