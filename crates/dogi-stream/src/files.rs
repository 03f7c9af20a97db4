//! One generation of a log on disk: its content, and the marks beside it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::blocks::{BLOCK, Block, READ_AHEAD};
use crate::channel::Channel;
use crate::marks::{self, Run};

/// How much of the files is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    /// Bytes of content.
    pub(crate) len: u64,
    /// Records of the sidecar.
    pub(crate) marks: u64,
}

/// The names that belong to a log.
///
/// All but the content begin with a dot, so that no log in the same directory can be called so.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) content: PathBuf,
    pub(crate) marks: PathBuf,
    pub(crate) next_content: PathBuf,
    pub(crate) next_marks: PathBuf,
}

impl Names {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            let text = format!("`{}` names no file", path.display());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        let beside = |suffix: &str| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(suffix);
            path.with_file_name(hidden)
        };
        Ok(Self {
            content: path.to_owned(),
            marks: beside(".marks"),
            next_content: beside(".next"),
            next_marks: beside(".marks.next"),
        })
    }
}

/// Open files of one generation, shared by the writer and all readers: they use positions of
/// their own, never the files' cursors.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) generation: u64,
    pub(crate) content: File,
    /// Missing only where a finished log was copied here without it.
    pub(crate) marks: Option<File>,
    /// Set when the generation was replaced: it grows no more.
    pub(crate) end: OnceLock<Extent>,
    /// Set before the disk space of a replaced generation is taken back.
    gone: AtomicBool,
}

impl Files {
    pub(crate) fn new(generation: u64, content: File, marks: Option<File>) -> Self {
        Self {
            generation,
            content,
            marks,
            end: OnceLock::new(),
            gone: AtomicBool::new(false),
        }
    }

    /// Makes the files of a new log; an existing one is left alone.
    pub(crate) fn create(names: &Names) -> io::Result<Self> {
        let content = options().create_new(true).open(&names.content)?;
        let made = create_marks(&names.marks, 0);
        if made.is_err() {
            // The error that matters is the one of the marks.
            let _ = fs::remove_file(&names.content);
        }
        Ok(Self::new(0, content, Some(made?)))
    }

    /// Makes the files of the next generation and puts them in place.
    ///
    /// The order lets [`recover`](crate::LogWriter::recover) tell afterwards how far this came:
    /// everything that may well fail comes before the first rename.
    pub(crate) fn replace(names: &Names, generation: u64) -> Result<Self, ReplaceError> {
        let prepared = (|| {
            let marks = create_marks(&names.next_marks, generation)?;
            let content = options()
                .create(true)
                .truncate(true)
                .open(&names.next_content)?;
            fs::rename(&names.next_content, &names.content)?;
            Ok((content, marks))
        })();
        let (content, marks) = prepared.map_err(|error| {
            // Left-overs do no harm: the next restart or recovery removes them.
            let _ = fs::remove_file(&names.next_content);
            let _ = fs::remove_file(&names.next_marks);
            ReplaceError::Unchanged(error)
        })?;
        fs::rename(&names.next_marks, &names.marks).map_err(ReplaceError::HalfWay)?;
        Ok(Self::new(generation, content, Some(marks)))
    }

    /// Opens a log that nobody writes.
    pub(crate) fn open_finished(names: &Names) -> io::Result<(Self, Extent)> {
        let content = File::open(&names.content)?;
        let len = content.metadata()?.len();
        let marks = match File::open(&names.marks) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let header = marks
            .as_ref()
            .map(marks::read_header)
            .transpose()?
            .flatten();
        let marks = marks.filter(|_| header.is_some());
        let count = marks.as_ref().map(marks::stored).transpose()?.unwrap_or(0);
        let files = Self::new(header.unwrap_or(0), content, marks);
        Ok((files, Extent { len, marks: count }))
    }

    /// Reads the block that holds `offset`, and some after it. Blocking.
    ///
    /// # Errors
    /// Those of the disk, and `NotFound` when this generation has been given up.
    pub(crate) fn read_blocks(&self, offset: u64, extent: Extent) -> io::Result<Vec<Arc<Block>>> {
        let start = offset / BLOCK * BLOCK;
        let end = extent.len.min(start + READ_AHEAD);
        let blocks = self.read_runs(extent, start, end).and_then(|runs| {
            let starts = (start..end).step_by(BLOCK as usize);
            starts
                .map(|at| self.read_block(at, end.min(at + BLOCK), &runs))
                .collect()
        });
        // Asked afterwards: what was read while the file was being cut is worth nothing.
        if self.is_gone() {
            let text = "the log started over and this part of it is gone";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        blocks
    }

    fn read_runs(&self, extent: Extent, start: u64, end: u64) -> io::Result<Vec<Run>> {
        match &self.marks {
            Some(marks) => marks::runs(marks, extent.marks, start, end),
            None => Ok(vec![Run {
                end,
                channel: Channel::Stdout,
            }]),
        }
    }

    fn read_block(&self, start: u64, end: u64, runs: &[Run]) -> io::Result<Arc<Block>> {
        let mut bytes = vec![0; (end - start) as usize];
        self.content.read_exact_at(&mut bytes, start)?;
        let first = runs.partition_point(|run| run.end <= start);
        let last = runs.partition_point(|run| run.end < end);
        Ok(Arc::new(Block {
            generation: self.generation,
            start,
            bytes: bytes.into(),
            runs: runs[first..=last].into(),
        }))
    }

    /// Takes back the disk space of a replaced generation, although readers may still want it.
    pub(crate) fn discard(&self) {
        self.gone.store(true, Ordering::SeqCst);
        // Space is all this is about, and it comes back anyway with the last reader.
        let _ = self.content.set_len(0);
        let _ = self.marks.as_ref().map(|marks| marks.set_len(0));
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

/// Why a new generation could not begin.
#[derive(Debug)]
pub(crate) enum ReplaceError {
    /// Nothing has changed.
    Unchanged(io::Error),
    /// The content was replaced, its marks were not: only recovery can go on from here.
    HalfWay(io::Error),
}

pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Output may show what is nobody else's business.
    options.read(true).write(true).mode(0o600);
    options
}

pub(crate) fn create_marks(path: &Path, generation: u64) -> io::Result<File> {
    let marks = options().create(true).truncate(true).open(path)?;
    marks::write_header(&marks, generation)?;
    Ok(marks)
}
