//! Where the output of a run goes: one log on disk for each output, bounded, never in the way of
//! the job.

mod console;
mod directory;
mod writer;

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use dogi_job::Spec;
use dogi_stream::Log;
use dogi_url::{FileName, OutputName};
use tokio_util::sync::CancellationToken;

use crate::{
    governor::Reserve,
    ports::{Observer, Workers},
};

pub use console::Console;
pub(crate) use directory::RunDirectory;
pub use writer::{Cut, OutputWriter};

/// Every output of one run.
#[derive(Debug, Clone)]
pub struct RunOutputs {
    log: OutputWriter,
    files: BTreeMap<FileName, OutputWriter>,
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
            directory,
            full: options.full.clone(),
        })
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
        for output in self.files.values().chain([&self.log]) {
            output.sync().await;
        }
    }

    /// Ends the followed files: their readers reach the end.
    pub(crate) fn finish_files(&self) {
        self.files.values().for_each(OutputWriter::finish);
    }

    /// Ends every output.
    pub(crate) fn finish(&self) {
        self.finish_files();
        self.log.finish();
    }
}

/// The outputs of a run that is over, for reading; blocking.
///
/// # Errors
/// When the disk refuses. What is not there was never written to.
pub(crate) fn finished(
    directory: &Path,
    spec: &Spec,
) -> io::Result<(BTreeMap<OutputName, Log>, Arc<RunDirectory>)> {
    let readers = spec.outputs().map(|name| {
        let path = directory.join(name.to_string());
        let log = match Log::open_finished(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Nobody will begin it: it ends here.
                let (_, log) = Log::reserve(&path)?;
                log
            }
            opened => opened?,
        };
        Ok((name, log))
    });
    let readers = readers.collect::<io::Result<_>>()?;
    Ok((readers, Arc::new(RunDirectory::new(directory, true))))
}
