//! Where the output of a run goes: one log on disk for each output, bounded, never in the way of
//! the job.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use dogi_job::Spec;
use dogi_stream::{Channel, Log, LogWriter};
use dogi_url::{FileName, OutputName};

/// Every output of one run.
#[derive(Debug, Clone)]
pub struct RunOutputs {
    log: OutputWriter,
    files: BTreeMap<FileName, OutputWriter>,
    directory: Arc<RunDirectory>,
}

impl RunOutputs {
    /// Makes the directory and one empty log for each output of `spec`; blocking. The directory
    /// goes with the value, unless it is kept.
    ///
    /// # Errors
    /// When the disk refuses; nothing is left behind then.
    pub(crate) fn create(directory: &Path, spec: &Spec, limit: u64) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let directory = Arc::new(RunDirectory::new(directory));
        let path = |name: &OutputName| directory.path.join(name.to_string());
        let log = OutputWriter::create(path(&OutputName::Log), limit)?;
        let mut files = BTreeMap::new();
        for name in spec.files.keys() {
            let writer = OutputWriter::create(path(&OutputName::File(name.clone())), limit)?;
            files.insert(name.clone(), writer);
        }
        Ok(Self {
            log,
            files,
            directory,
        })
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
        Console {
            log: self.log.clone(),
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

/// The directory of a run's outputs: removed with the last value that refers to it, unless it is
/// kept.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    kept: AtomicBool,
}

impl RunDirectory {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            kept: AtomicBool::new(false),
        }
    }

    /// The run is in the books: its outputs stay.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Release);
    }

    /// The run is forgotten: its outputs stay as long as somebody holds them.
    pub(crate) fn give_up(&self) {
        self.kept.store(false, Ordering::Release);
    }

    /// Removes it now.
    pub(crate) async fn remove(&self) {
        self.keep();
        let path = self.path.clone();
        // A panic is told by the runtime; there is nothing more to do about it.
        let _ = tokio::task::spawn_blocking(move || remove_dir(&path)).await;
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Acquire) {
            return;
        }
        let path = std::mem::take(&mut self.path);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove_dir(&path))),
            Err(_) => remove_dir(&path),
        }
    }
}

fn remove_dir(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "the outputs of a run were not removed");
        }
        _ => {}
    }
}

/// The one writer of an output, shared by the effects of a run.
///
/// Writing never fails towards the job: when the limit is reached or the disk is full, the rest is
/// read and thrown away, and [`OutputWriter::cut`] says so. (A container whose output nobody reads
/// would stand still.)
#[derive(Debug, Clone)]
pub struct OutputWriter {
    state: Arc<Mutex<State>>,
    log: Log,
}

#[derive(Debug)]
struct State {
    /// `None` once finished.
    writer: Option<LogWriter>,
    path: PathBuf,
    left: u64,
    limit: u64,
    cut: Option<Cut>,
    /// Whether the output says itself that it was cut.
    marked: bool,
    at_line_start: bool,
}

/// Why an output lacks its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The size limit was reached.
    #[error("the limit of {limit} bytes was reached")]
    Limit {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The disk did not take it.
    #[error("the server could not write it: {reason}")]
    Disk {
        /// What the operating system said.
        reason: String,
    },
}

impl OutputWriter {
    fn create(path: PathBuf, limit: u64) -> io::Result<Self> {
        let (writer, log) = LogWriter::create(&path)?;
        let state = State {
            writer: Some(writer),
            path,
            left: limit,
            limit,
            cut: None,
            marked: false,
            at_line_start: true,
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            log,
        })
    }

    /// Where it can be read and followed.
    #[must_use]
    pub fn reader(&self) -> &Log {
        &self.log
    }

    /// Appends `pieces`, off the async threads.
    ///
    /// Not cancel safe: once called, the pieces are written even if the future is dropped.
    pub async fn append(&self, pieces: Vec<(Channel, Bytes)>) {
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || this.lock().append(&pieces)).await;
        if let Err(error) = written {
            tracing::error!(%error, "writing an output panicked");
        }
    }

    /// Starts the output over: the followed file was truncated or replaced.
    pub async fn restart(&self) {
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || this.lock().restart()).await;
        if let Err(error) = done {
            tracing::error!(%error, "starting an output over panicked");
        }
    }

    /// Why the output lacks its end, if it does.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.lock().cut.clone()
    }

    /// Ends the output: its readers reach the end. Writing afterwards has no effect.
    pub fn finish(&self) {
        let mut state = self.lock();
        state.finish();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, pieces: &[(Channel, Bytes)]) {
        let Some(writer) = self.writer.as_mut().filter(|_| self.cut.is_none()) else {
            return;
        };
        let (fitting, cut) = fit(pieces, self.left, self.limit);
        let size: u64 = fitting.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if let Err(error) = writer.append_all(&fitting) {
            tracing::warn!(path = %self.path.display(), %error, "an output is cut");
            self.cut = Some(Cut::Disk {
                reason: error.kind().to_string(),
            });
            // A part of the pieces may be there.
            self.at_line_start = false;
            return;
        }
        self.left -= size;
        if let Some(last) = fitting.iter().rev().find_map(|(_, bytes)| bytes.last()) {
            self.at_line_start = *last == b'\n';
        }
        if let Some(cut) = cut {
            self.mark(&cut);
            self.cut = Some(cut);
        }
    }

    fn restart(&mut self) {
        let Some(writer) = self.writer.as_mut() else {
            return;
        };
        match writer.restart() {
            Ok(_) => {
                self.left = self.limit;
                self.cut = None;
                self.marked = false;
                self.at_line_start = true;
            }
            Err(error) => {
                self.cut = Some(Cut::Disk {
                    reason: error.kind().to_string(),
                })
            }
        }
    }

    fn finish(&mut self) {
        self.mark_cut();
        if let Some(writer) = self.writer.take() {
            writer.finish();
        }
    }

    /// What the disk did not take is marked late: there may be room again by now.
    fn mark_cut(&mut self) {
        if let Some(cut) = self.cut.clone().filter(|_| !self.marked) {
            self.mark(&cut);
        }
    }

    /// A visible mark where the output was cut; it may go past the limit.
    fn mark(&mut self, cut: &Cut) {
        self.line(&format!("dogi: cut here: {cut}"));
        self.marked = true;
    }

    /// A line of dogi's own, whatever the limit says.
    fn line(&mut self, text: &str) {
        let newline = if self.at_line_start { "" } else { "\n" };
        let line = format!("{newline}{text}\n");
        if let Some(writer) = &mut self.writer {
            // A disk that is full takes no line either; the reason is in the server's log.
            if writer.append(Channel::System, line.as_bytes()).is_ok() {
                self.at_line_start = true;
            }
        }
    }
}

/// The pieces that fit into `left` bytes, and the cut if not all do.
fn fit(
    pieces: &[(Channel, Bytes)],
    mut left: u64,
    limit: u64,
) -> (Vec<(Channel, Bytes)>, Option<Cut>) {
    let mut fitting = Vec::with_capacity(pieces.len());
    for (channel, bytes) in pieces {
        let size = bytes.len() as u64;
        if size > left {
            let keep = usize::try_from(left).unwrap_or(bytes.len());
            fitting.push((*channel, bytes.slice(..keep)));
            return (fitting, Some(Cut::Limit { limit }));
        }
        left -= size;
        fitting.push((*channel, bytes.clone()));
    }
    (fitting, None)
}

/// Writes dogi's own lines to a run's log.
#[derive(Debug, Clone)]
pub struct Console {
    log: OutputWriter,
}

impl Console {
    /// Writes one line, on a line of its own.
    pub async fn line(&self, text: impl AsRef<str>) {
        let newline = if self.log.lock().at_line_start {
            ""
        } else {
            "\n"
        };
        let line = format!("{newline}{}\n", text.as_ref());
        self.raw(line.into()).await;
    }

    /// Writes one of the last lines, which tell how the run ended: they are few, and stand there
    /// even where the limit has cut what came before.
    pub(crate) async fn closing_line(&self, text: String) {
        let log = self.log.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut state = log.lock();
            state.mark_cut();
            state.line(&text);
        })
        .await;
        if let Err(error) = written {
            tracing::error!(%error, "writing an output panicked");
        }
    }

    /// Writes bytes as they are.
    pub async fn raw(&self, bytes: Bytes) {
        self.log.append(vec![(Channel::System, bytes)]).await;
    }
}
