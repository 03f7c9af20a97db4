use std::{
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use dogi_stream::{Channel, Log, LogWriter, Reserved};

use super::{OutputOptions, echo::Echo};
use crate::ports::Workers;

/// The one writer of an output, shared by the effects of a run.
///
/// Writing never fails towards the job: when the limit is reached or the disk is full, the rest is
/// read and thrown away, and [`OutputWriter::cut`] says so. (A container whose output nobody reads
/// would stand still.)
#[derive(Debug, Clone)]
pub struct OutputWriter {
    state: Arc<Mutex<State>>,
    log: Log,
    /// Where it is repeated.
    echo: Option<Arc<Echo>>,
    /// Beside the state, whose lock is held while something is written.
    workers: Arc<dyn Workers>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    path: PathBuf,
    options: OutputOptions,
    left: u64,
    cut: Option<Cut>,
    /// Whether the output says itself that it was cut.
    marked: bool,
    at_line_start: bool,
}

/// How far an output has come.
#[derive(Debug)]
enum Stage {
    /// Nothing was written: a run that waits holds no open files.
    Reserved(Reserved),
    Begun(LogWriter),
    Finished,
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
    /// A new output, which is begun when something is written to it.
    pub(super) fn reserve(path: &Path, options: OutputOptions) -> io::Result<Self> {
        let (reserved, log) = Log::reserve(path)?;
        Ok(Self::new(Stage::Reserved(reserved), log, path, options))
    }

    /// Takes up the output of an earlier life, or begins it; blocking.
    pub(super) fn recover(path: &Path, options: OutputOptions) -> io::Result<Self> {
        let (writer, log) = match LogWriter::recover(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Self::reserve(path, options);
            }
            recovered => recovered?,
        };
        let length = writer.position().offset;
        let limit = options.limit;
        let this = Self::new(Stage::Begun(writer), log, path, options);
        let mut state = this.lock();
        state.left = limit.saturating_sub(length);
        // Only the mark itself goes past the limit.
        state.marked = length > limit;
        state.cut = state.marked.then_some(Cut::Limit { limit });
        if state.marked {
            state.options.full.cancel();
        }
        state.at_line_start = ends_a_line(path, length)?;
        drop(state);
        Ok(this)
    }

    fn new(stage: Stage, log: Log, path: &Path, options: OutputOptions) -> Self {
        let workers = options.workers.clone();
        let state = State {
            stage,
            path: path.to_owned(),
            left: options.limit,
            options,
            cut: None,
            marked: false,
            at_line_start: true,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            log,
            echo: None,
            workers,
        }
    }

    /// Repeats in the output `to`, line by line, what is written from now on; blocking.
    pub(super) fn echoed(mut self, to: &Self, source: &str) -> io::Result<Self> {
        let echo = Echo::new(to.clone(), source);
        if let Stage::Begun(_) = self.lock().stage {
            echo.resume(&self.log)?;
        }
        self.echo = Some(Arc::new(echo));
        Ok(self)
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
        self.off_thread(move || {
            let turn = this.echo.as_deref().map(Echo::turn);
            this.append_now(&pieces);
            if let Some(turn) = turn {
                turn.push(&pieces);
            }
        })
        .await;
    }

    /// Appends `pieces`; blocking.
    pub(super) fn append_now(&self, pieces: &[(Channel, Bytes)]) {
        if !pieces.is_empty() {
            self.lock().append(pieces);
        }
    }

    /// Appends a line of dogi's own, on a line of its own.
    pub(super) async fn append_line(&self, text: String) {
        let this = self.clone();
        self.off_thread(move || {
            let turn = this.echo.as_deref().map(Echo::turn);
            this.lock().append_line(&text);
            if let Some(turn) = turn {
                turn.line(&text);
            }
        })
        .await;
    }

    /// Starts the output over: the followed file was truncated or replaced.
    pub async fn restart(&self) {
        self.blocking(State::restart).await;
    }

    /// Writes a line of dogi's own, whatever the limit says, after the mark of a cut if there was
    /// one.
    pub(super) async fn closing_line(&self, text: String) {
        self.blocking(move |state| {
            state.mark_cut();
            state.line(&text);
        })
        .await;
    }

    /// Waits until what was written is on the disk itself.
    pub(super) async fn sync(&self) {
        self.blocking(State::sync).await;
    }

    /// What dogi itself wrote within the last `most` bytes.
    pub(super) async fn own_tail(&self, most: u64) -> io::Result<Vec<u8>> {
        let log = self.log.clone();
        let read = move || {
            let end = log.position().offset;
            let pieces = log.read(end.saturating_sub(most))?;
            let own = pieces.iter().filter(|(of, _)| *of == Channel::System);
            Ok(own.flat_map(|(_, bytes)| bytes).copied().collect())
        };
        self.workers.complete(read).await.flatten()
    }

    /// Why the output lacks its end, if it does.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.lock().cut.clone()
    }

    /// Ends the output: its readers reach the end. Writing afterwards has no effect.
    pub fn finish(&self) {
        self.lock().finish();
        if let Some(echo) = &self.echo {
            echo.finish();
        }
    }

    async fn blocking(&self, act: impl FnOnce(&mut State) + Send + 'static) {
        let this = self.clone();
        self.off_thread(move || act(&mut this.lock())).await;
    }

    async fn off_thread(&self, act: impl FnOnce() + Send + 'static) {
        if let Err(error) = self.workers.complete(act).await {
            tracing::error!(%error, "an output was not written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The writer of an output that takes more.
    fn writer(&mut self) -> Option<&mut LogWriter> {
        if let Stage::Reserved(_) = self.stage
            && let Stage::Reserved(reserved) = std::mem::replace(&mut self.stage, Stage::Finished)
        {
            match reserved.begin() {
                Ok(writer) => self.stage = Stage::Begun(writer),
                Err(error) => self.cut_by_disk(&error),
            }
        }
        match &mut self.stage {
            Stage::Begun(writer) => Some(writer),
            Stage::Reserved(_) | Stage::Finished => None,
        }
    }

    fn append(&mut self, pieces: &[(Channel, Bytes)]) {
        if self.cut.is_some() {
            return;
        }
        let (fitting, cut) = fit(pieces, self.left, self.options.limit);
        let size: u64 = fitting.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if !self.options.reserve.take(size) {
            return self.cut_by_disk(&io::ErrorKind::StorageFull.into());
        }
        let Some(writer) = self.writer() else {
            return;
        };
        if let Err(error) = writer.append_all(&fitting) {
            self.cut_by_disk(&error);
            // A part of the pieces may be there.
            self.at_line_start = false;
            return;
        }
        self.left -= size;
        self.options.observer.written(size);
        if let Some(last) = fitting.iter().rev().find_map(|(_, bytes)| bytes.last()) {
            self.at_line_start = *last == b'\n';
        }
        if let Some(cut) = cut {
            self.mark(&cut);
            self.cut = Some(cut);
            self.options.full.cancel();
        }
    }

    fn append_line(&mut self, text: &str) {
        let newline = if self.at_line_start { "" } else { "\n" };
        let line = Bytes::from(format!("{newline}{text}\n"));
        self.append(&[(Channel::System, line)]);
    }

    fn restart(&mut self) {
        match self.writer().map(LogWriter::restart) {
            Some(Ok(_)) => {
                self.left = self.options.limit;
                self.cut = None;
                self.marked = false;
                self.at_line_start = true;
            }
            Some(Err(error)) => self.cut_by_disk(&error),
            None => {}
        }
    }

    fn sync(&mut self) {
        if let Stage::Begun(writer) = &self.stage
            && let Err(error) = writer.sync()
        {
            tracing::warn!(path = %self.path.display(), %error, "an output may not survive a power cut");
        }
    }

    fn cut_by_disk(&mut self, error: &io::Error) {
        tracing::warn!(path = %self.path.display(), %error, "an output is cut");
        self.cut = Some(Cut::Disk {
            reason: error.kind().to_string(),
        });
    }

    fn finish(&mut self) {
        self.mark_cut();
        // Dropping the writer, or what would have become one, ends the log.
        self.stage = Stage::Finished;
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
        let Some(writer) = self.writer() else {
            return;
        };
        // A disk that is full takes no line either; the reason is in the server's log.
        if writer.append(Channel::System, line.as_bytes()).is_ok() {
            self.at_line_start = true;
        }
    }
}

/// Whether the next byte after `length` bytes of a file begins a line.
fn ends_a_line(path: &Path, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else {
        return Ok(true);
    };
    let mut byte = [0];
    std::fs::File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
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
