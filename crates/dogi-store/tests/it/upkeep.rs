//! Backups, sizes, readiness.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use dogi_store::{Append, BackupError, Durability, Options, Store};
use futures::future::{join, poll_immediate};
use rusqlite::Connection;

use crate::support::{Place, add, bodies, both, one, open};

fn beside(place: &Place, name: &str) -> PathBuf {
    place.directory.path().join(name)
}

#[tokio::test]
async fn a_backup_is_a_database() {
    for (store, _place) in both() {
        let directory = Place::new();
        let path = beside(&directory, "copy of \"store\".db");
        let append = Append {
            outbox: vec![add("promise", "lane", 7)],
            ..one("s", 0, "first")
        };
        store.append(append).await.unwrap();
        store.put("space", "key", b"value".to_vec()).await.unwrap();
        store.backup(&path).await.unwrap();
        store.append(one("s", 1, "later")).await.unwrap();

        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names: Vec<_> = fs::read_dir(directory.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(names, std::slice::from_ref(&path));
        let copy = open(&path);
        assert_eq!(bodies(&copy, "s").await, ["first"]);
        assert_eq!(
            copy.due(7, 1).await.unwrap(),
            store.due(7, 1).await.unwrap()
        );
        assert_eq!(copy.list("space").await.unwrap().len(), 1);
        assert_eq!(copy.check().await.unwrap(), [""; 0]);
        copy.append(one("s", 1, "another way")).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_is_copied_whether_somebody_has_it_open_or_not() {
    let place = Place::new();
    let store = open(&place.path);
    store.append(one("s", 0, "first")).await.unwrap();
    let (used, unused) = (beside(&place, "used.db"), beside(&place, "unused.db"));
    Store::backup_of(&place.path, &used).unwrap();
    store.append(one("s", 1, "later")).await.unwrap();
    store.close().await;
    Store::backup_of(&place.path, &unused).unwrap();
    assert_eq!(bodies(&open(&used), "s").await, ["first"]);
    assert_eq!(bodies(&open(&unused), "s").await, ["first", "later"]);
    let again = open(&place.path);
    again.append(one("s", 2, "goes on")).await.unwrap();
    assert_eq!(bodies(&again, "s").await, ["first", "later", "goes on"]);

    let missing = beside(&place, "missing.db");
    let error = Store::backup_of(&missing, &beside(&place, "copy.db")).unwrap_err();
    assert!(matches!(error, BackupError::Sqlite { .. }), "{error:?}");
    assert!(!missing.exists() && !beside(&place, "copy.db").exists());
}

#[tokio::test]
async fn a_backup_overwrites_nothing() {
    for (store, _place) in both() {
        let directory = Place::new();
        let path = beside(&directory, "copy.db");
        // The path, or the one that is used meanwhile; also empty, and one that leads nowhere.
        for name in ["copy.db", "copy.db.partial"] {
            let there = beside(&directory, name);
            for content in ["", "precious"] {
                fs::write(&there, content).unwrap();
                let error = store.backup(&path).await.unwrap_err();
                assert!(
                    matches!(&error, BackupError::Exists { path } if *path == there),
                    "{error:?}"
                );
                assert_eq!(
                    error.to_string(),
                    format!("the file {there:?} exists; a backup overwrites nothing")
                );
                assert_eq!(fs::read_to_string(&there).unwrap(), content);
            }
            fs::remove_file(&there).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let error = store.backup(&path).await.unwrap_err();
        assert!(matches!(error, BackupError::Exists { .. }), "{error:?}");
        let error = store
            .backup(&beside(&directory, "missing/copy.db"))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                BackupError::Io {
                    action: "create",
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(fs::read_dir(directory.directory.path()).unwrap().count(), 1);
    }
}

/// Each append adds to two streams' worth of state: an event and a promise. A copy has both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_writing_is_of_one_moment() {
    let place = Place::new();
    let store = place.open();
    let stop = AtomicBool::new(false);
    let write = async {
        let mut next = 0;
        while !stop.load(Ordering::Relaxed) {
            let append = Append {
                outbox: vec![add(&next.to_string(), "lane", 0)],
                durability: Durability::Written,
                ..one("s", next, vec![b'x'; 2_000])
            };
            next = store.append(append).await.unwrap();
        }
        next
    };
    let copy = async {
        for n in 0..10 {
            store
                .backup(&beside(&place, &format!("copy{n}")))
                .await
                .unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (written, ()) = join(write, copy).await;
    let mut last = 0;
    for n in 0..10 {
        let copy = open(&beside(&place, &format!("copy{n}")));
        assert_eq!(copy.check().await.unwrap(), [""; 0]);
        let counts = copy.counts().await.unwrap();
        assert_eq!(counts.events, counts.outbox);
        assert!((last..=written).contains(&counts.events));
        last = counts.events;
    }
    assert!(last > 0, "it was written to meanwhile");
}

#[tokio::test]
async fn what_was_forgotten_can_be_given_back() {
    let place = Place::new();
    let store = place.open();
    let names: Vec<String> = (0..300).map(|n| format!("s{n}")).collect();
    for name in &names {
        let append = Append {
            durability: Durability::Written,
            ..one(name, 0, vec![b'x'; 50_000])
        };
        store.append(append).await.unwrap();
    }
    let full = store.size().await.unwrap();
    assert!(full > 300 * 50_000, "{full}");
    // Nine of ten, so that what stays has to move.
    let (gone, stay): (Vec<_>, Vec<_>) = names.iter().enumerate().partition(|(n, _)| n % 10 != 0);
    let gone: Vec<&String> = gone.into_iter().map(|(_, name)| name).collect();
    assert_eq!(store.forget(&gone).await.unwrap(), 270);
    store.compact().await.unwrap();
    let small = store.size().await.unwrap();
    assert!(small < full / 5, "{small} of {full}");
    let on_disk = place.path.metadata().unwrap().len();
    assert!(on_disk < full / 5, "{on_disk} of {full}");
    assert_eq!(store.counts().await.unwrap().streams, stay.len() as u64);
    assert_eq!(store.check().await.unwrap(), [""; 0]);
    // Nothing left to give back.
    store.compact().await.unwrap();
    assert_eq!(place.path.metadata().unwrap().len(), on_disk);
}

#[tokio::test]
async fn a_store_in_memory_shrinks_too() {
    let store = Store::memory().unwrap();
    store
        .append(one("s", 0, vec![b'x'; 1_000_000]))
        .await
        .unwrap();
    let full = store.size().await.unwrap();
    store.forget(&["s"]).await.unwrap();
    store.compact().await.unwrap();
    let small = store.size().await.unwrap();
    assert!(full > 1_000_000 && small < 100_000, "{full} {small}");
}

/// Also while somebody reads all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_is_bounded() {
    let place = Place::new();
    let mut options = Options::default();
    options.log_bytes = 256 << 10;
    let store = Store::open(&place.path, &options).unwrap();
    let log = place.path.with_extension("db-wal");
    let stop = AtomicBool::new(false);
    let write = async {
        let mut largest = 0;
        for n in 0..500 {
            let append = Append {
                durability: Durability::Written,
                ..one("s", n, vec![b'x'; 20_000])
            };
            store.append(append).await.unwrap();
            largest = largest.max(log.metadata().unwrap().len());
        }
        stop.store(true, Ordering::Relaxed);
        largest
    };
    let read = async {
        while !stop.load(Ordering::Relaxed) {
            store.counts().await.unwrap();
            store.due(0, 1).await.unwrap();
        }
    };
    let (largest, ()) = join(write, read).await;
    assert!(largest < 2 << 20, "10 MB went through it: {largest}");
}

/// Reading goes on while a write can't get on.
#[tokio::test]
async fn reading_waits_for_no_writer() {
    let place = Place::new();
    let store = place.open();
    store.append(one("s", 0, "first")).await.unwrap();
    // Somebody with SQLite's own tool.
    let other = Connection::open(&place.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut append = Box::pin(store.append(one("s", 1, "second")));
    assert!(poll_immediate(&mut append).await.is_none());
    for _ in 0..100 {
        assert_eq!(bodies(&store, "s").await, ["first"]);
        assert_eq!(store.pending().await.unwrap(), 0);
    }
    assert!(poll_immediate(&mut append).await.is_none());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(append.await.unwrap(), 2);
    assert_eq!(bodies(&store, "s").await, ["first", "second"]);
}

#[tokio::test]
async fn a_ping_is_a_write_that_waits_for_the_disk() {
    for (store, _place) in both() {
        store.ping().await.unwrap();
        store.ping().await.unwrap();
        let stats = store.stats();
        assert_eq!((stats.writes, stats.commits, stats.syncs), (2, 2, 2));
    }
}
