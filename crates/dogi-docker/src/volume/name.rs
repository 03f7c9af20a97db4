//! Names of volumes, as Docker takes them.

use std::fmt;

/// The longest name in bytes: the engine makes a directory of that name.
const MAX_LEN: usize = 255;

/// A checked name of a volume. It can stand in a URL's path, is no option of any program, and is never a
/// path: Docker would mount that directory of its machine instead of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VolumeName(String);

/// Text that is no name of a volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no name of a volume: {reason}")]
pub struct VolumeNameError {
    /// As given.
    pub name: String,
    /// What is wrong with it, and what was expected.
    pub reason: &'static str,
}

impl VolumeName {
    /// Takes a name of 2 to 255 letters, digits, `_`, `.` and `-`, all of them ASCII, that begins with a
    /// letter or digit.
    ///
    /// ```
    /// # use dogi_docker::VolumeName;
    /// assert_eq!(VolumeName::parse("dogi_run-7.out")?.as_str(), "dogi_run-7.out");
    /// assert!(VolumeName::parse("/etc").is_err());
    /// # Ok::<(), dogi_docker::VolumeNameError>(())
    /// ```
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<VolumeName, VolumeNameError> {
        let bad = |reason| VolumeNameError {
            name: text.to_owned(),
            reason,
        };
        let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        match text.as_bytes() {
            [] => Err(bad("it is empty")),
            bytes if bytes.len() > MAX_LEN => Err(bad("it is longer than 255 bytes")),
            [first, ..] if !first.is_ascii_alphanumeric() => {
                Err(bad("it has to begin with an ASCII letter or digit"))
            }
            bytes if !bytes.iter().copied().all(is_inner) => Err(bad(
                "it may have only ASCII letters and digits, '_', '.' and '-'",
            )),
            [_] => Err(bad("it has to have two characters at least")),
            _ => Ok(VolumeName(text.to_owned())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for VolumeName {
    type Err = VolumeNameError;

    fn from_str(text: &str) -> Result<VolumeName, VolumeNameError> {
        VolumeName::parse(text)
    }
}
