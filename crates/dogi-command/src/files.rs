//! Temporary files with content, for one program.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use tempfile::TempPath;
use tokio::task::spawn_blocking;

use crate::{FileSpec, SpawnError};

/// As much of the variable is in the file's name: a name has room for 255 bytes.
const LONGEST_PREFIX: usize = 100;

/// Files and the variables that hold their paths. They are removed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<(OsString, TempPath)>);

impl Files {
    /// Writes the files. When the future is dropped, or one of them fails, none is left.
    pub(crate) async fn write(specs: Vec<FileSpec>) -> Result<Self, SpawnError> {
        if specs.is_empty() {
            return Ok(Self::default());
        }
        let writing = spawn_blocking(|| specs.into_iter().map(write).collect::<Result<_, _>>());
        match writing.await {
            Ok(written) => Ok(Self(written?)),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(SpawnError::Shutdown),
            },
        }
    }

    /// Removes them, as far as they are there.
    pub(crate) async fn remove(self) {
        if !self.0.is_empty() {
            // Fails when the runtime ends: then the files went with the closure.
            let _ = spawn_blocking(move || drop(self)).await;
        }
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let files = self.0.iter();
        files.map(|(variable, path)| (variable.as_os_str(), path.as_os_str()))
    }
}

fn write(spec: FileSpec) -> Result<(OsString, TempPath), SpawnError> {
    match write_content(&spec) {
        Ok(path) => Ok((spec.variable, path)),
        Err(source) => Err(SpawnError::File {
            variable: spec.variable,
            directory: spec.directory,
            source,
        }),
    }
}

fn write_content(spec: &FileSpec) -> io::Result<TempPath> {
    // The program's working directory may be another one than this process's.
    let directory = std::path::absolute(&spec.directory)?;
    let mut file = tempfile::Builder::new()
        .prefix(&prefix(&spec.variable))
        .tempfile_in(directory)?;
    file.write_all(&spec.content)?;
    Ok(file.into_temp_path())
}

fn prefix(variable: &OsStr) -> OsString {
    let name = variable.as_bytes().iter().take(LONGEST_PREFIX);
    let name = name.map(|byte| if *byte == b'/' { b'_' } else { *byte });
    OsString::from_vec(name.collect())
}
