//! What commands leave behind, so that they can be counted.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{Result, failure::Doing as _};

/// When nothing has come for so long, nothing comes.
const PATIENCE: Duration = Duration::from_secs(15);

/// A file to which each command adds one byte.
#[derive(Debug)]
pub(super) struct Trace(PathBuf);

impl Trace {
    /// An empty one; its folder is made too.
    pub(super) fn new(path: PathBuf) -> Result<Self> {
        let what = format!("make {}", path.display());
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .doing(&what)?;
        File::create(&path).doing(&what)?;
        Ok(Self(path))
    }

    /// A line for a shell, which adds a byte wherever the file ends by then.
    pub(super) fn command(&self) -> String {
        format!("printf . >>{}", self.0.display())
    }

    /// Waits until so many have run, or no more come: how many did.
    pub(super) async fn wait_for(&self, count: usize) -> Result<usize> {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        let (mut before, mut since) = (0, Instant::now());
        loop {
            turn.tick().await;
            let found = fs::metadata(&self.0).doing("look at a trace")?.len() as usize;
            if found != before {
                (before, since) = (found, Instant::now());
            }
            if found >= count || since.elapsed() > PATIENCE {
                return Ok(found);
            }
        }
    }
}
