//! What several tests need.

use std::path::{Path, PathBuf};

use dogi_store::{Append, Durability, NewEvent, Options, OutboxChange, Store};
use tempfile::TempDir;

/// A directory with the path of a database in it.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("store.db");
        Self { directory, path }
    }

    pub(crate) fn open(&self) -> Store {
        open(&self.path)
    }
}

pub(crate) fn open(path: &Path) -> Store {
    Store::open(path, &Options::default()).unwrap()
}

/// A store on disk and one in memory: they do the same.
pub(crate) fn both() -> [(Store, Option<Place>); 2] {
    let place = Place::new();
    [
        (place.open(), Some(place)),
        (Store::memory().unwrap(), None),
    ]
}

pub(crate) fn event(body: impl AsRef<[u8]>) -> NewEvent {
    NewEvent {
        kind: "happened".to_owned(),
        version: 1,
        at_ms: 1_700_000_000_000,
        body: body.as_ref().to_vec(),
    }
}

/// An append of one event with this body.
pub(crate) fn one(stream: &str, expected: u64, body: impl AsRef<[u8]>) -> Append {
    Append {
        stream: stream.to_owned(),
        expected,
        events: vec![event(body)],
        outbox: Vec::new(),
        durability: Durability::Synced,
    }
}

pub(crate) fn add(id: &str, lane: &str, due_ms: u64) -> OutboxChange {
    OutboxChange::Add {
        id: id.to_owned(),
        lane: lane.to_owned(),
        due_ms,
        body: format!("body of {id}").into_bytes(),
    }
}

/// The bodies of a stream's events, as text.
pub(crate) async fn bodies(store: &Store, stream: &str) -> Vec<String> {
    let events = store.read(stream).await.unwrap();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.sequence, index as u64, "{stream}");
    }
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
    events.into_iter().map(|event| text(event.body)).collect()
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}
