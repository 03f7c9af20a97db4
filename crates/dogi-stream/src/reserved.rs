//! A log before its first byte.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::files::Names;
use crate::log::Log;
use crate::shared::Shared;
use crate::writer::LogWriter;

/// The right to begin a log: nothing of it is on disk, and no file is open. Any number of logs can
/// wait like this. Dropping it finishes the log, which stays empty.
#[derive(Debug)]
pub struct Reserved {
    /// `None` once begun.
    shared: Option<Arc<Shared>>,
}

impl Reserved {
    pub(crate) fn new(path: &Path) -> io::Result<(Self, Log)> {
        let shared = Shared::reserved(Names::new(path)?);
        let log = Log::new(shared.clone());
        let reserved = Self {
            shared: Some(shared),
        };
        Ok((reserved, log))
    }

    /// Begins the log. Whoever follows it goes on following.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a file in its place, and what the disk reports. The log ends
    /// empty then.
    pub fn begin(mut self) -> io::Result<LogWriter> {
        let Some(shared) = self.shared.as_ref() else {
            unreachable!("a log is begun once");
        };
        let writer = LogWriter::begin(shared.clone())?;
        self.shared = None;
        Ok(writer)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.finish();
        }
    }
}
