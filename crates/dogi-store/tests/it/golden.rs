//! Databases that each released version made: they stay as they are, and they open.

use std::{fs, path::Path};

use dogi_store::{Event, Store};
use rusqlite::Connection;

use crate::support::{Place, one, open};

/// The newest version. When it changes, its golden files are made by the example `golden`.
const NEWEST: i32 = 1;

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

async fn check(store: &Store, what: &str) {
    let event = |sequence, kind: &str, version, at_ms, body: &[u8]| Event {
        sequence,
        kind: kind.to_owned(),
        version,
        at_ms,
        body: body.to_vec(),
    };
    let expected = [
        event(
            0,
            "submitted",
            1,
            1_700_000_000_000,
            "{\"cmd\":\"é\"}".as_bytes(),
        ),
        event(1, "printed", 2, 1_700_000_000_001, &[0xff; 10_000]),
        event(2, "ended", 3, 1_700_000_000_002, b""),
    ];
    assert!(store.read("run-1").await.unwrap() == expected, "{what}");
    let expected = [event(0, "submitted", 1, 1_700_000_000_003, b"\0")];
    assert_eq!(store.read("run-2").await.unwrap(), expected, "{what}");

    let mut delivered = Vec::new();
    while let Some(row) = store.due(u64::MAX, 1).await.unwrap().pop() {
        assert!(store.done(&row.id).await.unwrap());
        assert_eq!(row.body, format!("body of {}", row.id).as_bytes());
        assert_eq!(row.stream, "run-1");
        delivered.push((row.id, row.lane, row.due_ms, row.attempts));
    }
    let expected = [
        ("p3", "two", 4, 0),
        ("p1", "one", 7, 1),
        ("p2", "one", 3, 0),
    ];
    let expected = expected.map(|(id, lane, due, n)| (id.to_owned(), lane.to_owned(), due, n));
    assert_eq!(delivered, expected, "{what}");

    let expected = [("a", &b"first"[..]), ("b", b"second")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_vec()));
    assert_eq!(store.list("images").await.unwrap(), expected, "{what}");
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.streams, counts.events, counts.values), (2, 4, 2));
}

#[tokio::test]
async fn databases_of_every_version_open() {
    for version in 1..=NEWEST {
        for kind in ["", "-killed"] {
            let name = format!("v{version}{kind}.db");
            let place = Place::new();
            for suffix in ["", "-wal"] {
                let from = golden(&format!("{name}{suffix}"));
                if suffix.is_empty() || from.exists() {
                    let to = place.directory.path().join(format!("store.db{suffix}"));
                    fs::copy(from, to).unwrap();
                }
            }
            let store = place.open();
            check(&store, &name).await;
            // And it takes what is new.
            store.append(one("run-2", 1, "more")).await.unwrap();
            store.ping().await.unwrap();
            assert_eq!(store.check().await.unwrap(), [""; 0], "{name}");
            store.close().await;
            assert_eq!(version_of(&place.path), NEWEST, "{name}");
            assert_eq!(open(&place.path).read("run-2").await.unwrap().len(), 2);
        }
    }
}

/// A version without golden files would not be tested for ever after.
#[tokio::test]
async fn the_newest_version_has_golden_files() {
    let place = Place::new();
    place.open().close().await;
    assert_eq!(version_of(&place.path), NEWEST);
    for name in ["", "-killed"] {
        let path = golden(&format!("v{NEWEST}{name}.db"));
        assert_eq!(version_of_header(&path), NEWEST, "{}", path.display());
    }
    // The one is for what stands in the log.
    let [closed, killed] = ["v1.db", "v1-killed.db"].map(|name| fs::read(golden(name)).unwrap());
    assert_ne!(closed, killed);
    assert!(golden("v1-killed.db-wal").metadata().unwrap().len() > 0);
    assert!(!golden("v1.db-wal").exists());
}

/// SQLite would write to the golden file.
fn version_of_header(path: &Path) -> i32 {
    let bytes = fs::read(path).unwrap();
    i32::from_be_bytes(bytes[60..64].try_into().unwrap())
}

fn version_of(path: &Path) -> i32 {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}
