//! Where bytes of a log came from.

use serde::{Deserialize, Serialize};

/// The source of a run of bytes in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Channel {
    /// Standard output of the program, and everything a terminal shows.
    Stdout = 1,
    /// Standard error of the program.
    Stderr = 2,
    /// Written by the host of the program: progress of a build, remarks, gap marks.
    System = 3,
}

impl Channel {
    /// The name as it stands in NDJSON: `stdout`, `stderr` or `system`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::System => "system",
        }
    }

    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Stdout),
            2 => Some(Self::Stderr),
            3 => Some(Self::System),
            _ => None,
        }
    }
}

/// How many bytes of each channel a generation holds.
///
/// After a crash this tells how much of a program's output is already stored, per stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lengths {
    /// Bytes of [`Channel::Stdout`].
    pub stdout: u64,
    /// Bytes of [`Channel::Stderr`].
    pub stderr: u64,
    /// Bytes of [`Channel::System`].
    pub system: u64,
}

impl Lengths {
    /// Bytes of one channel.
    pub const fn of(&self, channel: Channel) -> u64 {
        match channel {
            Channel::Stdout => self.stdout,
            Channel::Stderr => self.stderr,
            Channel::System => self.system,
        }
    }

    /// Bytes of all channels: the length of the content.
    pub const fn total(&self) -> u64 {
        self.stdout + self.stderr + self.system
    }

    pub(crate) const fn add(&mut self, channel: Channel, bytes: u64) {
        match channel {
            Channel::Stdout => self.stdout += bytes,
            Channel::Stderr => self.stderr += bytes,
            Channel::System => self.system += bytes,
        }
    }
}
