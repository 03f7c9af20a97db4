/// How a store is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How many writes go into one transaction at most. 256 unless said otherwise.
    pub group: usize,
    /// How many writes may wait for the writer; callers past that wait to be let in. 1024 unless
    /// said otherwise.
    pub queue: usize,
    /// After how many bytes the write-ahead log is moved into the database, which is also what it
    /// is cut back to. 4 MiB unless said otherwise.
    pub log_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            group: 256,
            queue: 1024,
            log_bytes: 4 << 20,
        }
    }
}
