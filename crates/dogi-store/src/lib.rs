//! An event log, an outbox and small values in one SQLite database: bytes in, bytes out.
//!
//! A [`Store`] keeps *streams* of events. Each [`Append`] adds events to one stream together with
//! changes of the *outbox*, the list of what is to be delivered because of them: both are there, or
//! neither is. What an event means is the caller's business; this crate keeps a kind, a version, a
//! time and bytes. Beside that there are small values by space and key.
//!
//! ```
//! use dogi_store::{Append, AppendError, Durability, NewEvent, Options, OutboxChange, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::TempDir::new()?;
//! let store = Store::open(&directory.path().join("events.db"), &Options::default())?;
//! let append = Append {
//!     stream: "order-7".into(),
//!     expected: 0,
//!     events: vec![NewEvent {
//!         kind: "paid".into(),
//!         version: 1,
//!         at_ms: 1_700_000_000_000,
//!         body: br#"{"cents":1250}"#.to_vec(),
//!     }],
//!     outbox: vec![OutboxChange::Add {
//!         id: "order-7-receipt".into(),
//!         lane: "mail".into(),
//!         due_ms: 0,
//!         body: b"Thank you!".to_vec(),
//!     }],
//!     durability: Durability::Synced,
//! };
//! // On disk when it resolves.
//! assert_eq!(store.append(append.clone()).await?, 1);
//! // Whoever looked at an older state is told.
//! let again = store.append(append).await;
//! assert!(matches!(again, Err(AppendError::Conflict { found: 1, .. })));
//!
//! for row in store.due(1_700_000_000_001, 10).await? {
//!     assert_eq!((row.id.as_str(), row.body.as_slice()), ("order-7-receipt", &b"Thank you!"[..]));
//!     store.done(&row.id).await?;
//! }
//! // After a restart: everything that happened, stream by stream.
//! let streams = store.read_all(None, 100).await?;
//! assert_eq!(streams[0].events[0].kind, "paid");
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A write that is acknowledged survives the death of the process at any moment, and, if it was
//!   [`Synced`](Durability::Synced), a power cut. Nothing is there in part.
//! - One writer commits in groups: whatever has queued up goes into one transaction with one wait
//!   for the disk. A write that fails (a conflict, no room) fails alone. Reading has a connection of
//!   its own and never waits for the disk.
//! - A full disk is an error of the write, and of nothing else: what is there stays readable, and
//!   writing works again when there is room.
//! - One store per database, by a lock on `PATH.lock` that the kernel takes back however the
//!   process dies. The second one is [refused](OpenError::InUse).
//! - A database of an older version is brought up to date when it is opened, each step in one
//!   transaction. One of a newer version, or of another program, is refused and not touched.
//!
//! # Limitations
//!
//! - SQLite's write-ahead log needs shared memory: no network file systems.
//! - Readers take turns. A page of [`read_all`](Store::read_all) is in memory as a whole.
//! - The write-ahead log is bounded by [`Options::log_bytes`] and one group, but while a
//!   [backup](Store::backup) is made or somebody else reads for long it grows by what is written.
//! - Times past year 292,000,000 are cut there.
//! - Unix only, and a tokio runtime.
//!
//! # Features
//!
//! None.

mod backup;
mod error;
mod model;
mod open;
mod options;
mod read;
mod schema;
mod store;
mod worker;
mod write;
mod writer;

pub use error::{AppendError, BackupError, OpenError, ReadError, SqliteError, WriteError};
pub use model::{
    Append, Counts, Durability, Event, NewEvent, OutboxChange, OutboxRow, Stats, Stream,
};
pub use options::Options;
pub use store::Store;
