//! One bare mirror: its directory, its locks, what it holds, and how more gets into it.

mod directory;
mod fetch;
mod lock;
mod obtain;
mod refs;

pub(crate) use directory::{Directory, open_isolated, remove_all, size_of};
pub(crate) use lock::{Lease, Turn, Turns};
pub(crate) use obtain::{Obtain, Obtained};
