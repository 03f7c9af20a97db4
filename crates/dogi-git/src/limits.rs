//! How much a repository may take.

use std::time::Duration;

/// Limits of one checkout, submodules included.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes received from git servers. 4 GiB.
    pub max_bytes: u64,
    /// The size of one object in memory, in bytes: small packs can hold huge ones. 2 GiB.
    pub max_object_bytes: u64,
    /// How long it may take. 30 minutes.
    pub timeout: Duration,
    /// How long a server may send nothing. One minute.
    pub stall: Duration,
    /// How long establishing a connection may take. 20 seconds.
    pub connect: Duration,
    /// How deep submodules may be nested. 8.
    pub max_submodule_depth: usize,
    /// How many submodules there may be. 500.
    pub max_submodules: usize,
    /// Files and directories in a tree. 5 million.
    pub max_files: u64,
    /// The size of all files of a tree, in bytes. 16 GiB.
    pub max_tree_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 4 << 30,
            max_object_bytes: 2 << 30,
            timeout: Duration::from_secs(30 * 60),
            stall: Duration::from_secs(60),
            connect: Duration::from_secs(20),
            max_submodule_depth: 8,
            max_submodules: 500,
            max_files: 5_000_000,
            max_tree_bytes: 16 << 30,
        }
    }
}
