//! Names in trees that must not become paths.

use std::collections::HashSet;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::validate::path::component;

/// As long as Linux takes a path.
const MAX_PATH: usize = 4096;
/// As long as Linux takes a name.
const MAX_NAME: usize = 255;
/// As deep as directories may be nested.
pub(crate) const MAX_DEPTH: usize = 1000;

/// Why a name in a tree is refused.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum NameError {
    /// Empty, `.`, `..`, `.git` in any spelling, or with a slash in it.
    #[error("{0}")]
    Component(String),
    /// Two entries of one directory have the same name.
    #[error("the name stands twice in its directory")]
    Twice,
    /// Longer than Linux takes a name or a path.
    #[error("it is longer than {MAX_NAME} bytes a name or {MAX_PATH} bytes a path")]
    Long,
    /// Directories are nested too deeply.
    #[error("directories are nested deeper than {MAX_DEPTH}")]
    Deep,
    /// A NUL byte, which no path can hold.
    #[error("it holds a NUL byte")]
    Nul,
}

/// Checks the names of one directory.
#[derive(Debug, Default)]
pub(crate) struct Names {
    seen: HashSet<BString>,
}

impl Names {
    /// Checks `name`, an entry of the directory at `directory`.
    pub(crate) fn check(
        &mut self,
        directory: &BStr,
        name: &BStr,
        is_link: bool,
    ) -> Result<(), NameError> {
        // The spellings of `.git` that other file systems fold into it are refused as well, as git
        // does by default for NTFS.
        let options = component::Options {
            protect_windows: false,
            protect_hfs: true,
            protect_ntfs: true,
        };
        let mode = is_link.then_some(component::Mode::Symlink);
        gix::validate::path::component(name, mode, options)
            .map_err(|error| NameError::Component(error.to_string()))?;
        if name.len() > MAX_NAME || directory.len() + name.len() + 1 > MAX_PATH {
            return Err(NameError::Long);
        }
        if name.find_byte(0).is_some() {
            return Err(NameError::Nul);
        }
        if !self.seen.insert(name.to_owned()) {
            return Err(NameError::Twice);
        }
        Ok(())
    }
}
