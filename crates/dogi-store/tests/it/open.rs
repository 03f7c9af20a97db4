//! Which files are opened, and what happens to those that are not.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use dogi_store::{OpenError, Options, Store};
use rusqlite::Connection;

use crate::support::{Place, bodies, one};

const OURS: i32 = 0x646f_6769;

fn refused(path: &Path) -> OpenError {
    Store::open(path, &Options::default()).unwrap_err()
}

/// Every file of the directory but the lock, with its mode and content.
fn files(place: &Place) -> BTreeMap<String, (u32, Vec<u8>)> {
    let entries = fs::read_dir(place.directory.path()).unwrap();
    let entries = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mode = path.metadata().unwrap().permissions().mode();
        (name, (mode, fs::read(path).unwrap()))
    });
    entries
        .filter(|(name, _)| !name.ends_with(".lock"))
        .collect()
}

fn set(path: &Path, application_id: i32, version: i32) {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "application_id", application_id)
        .unwrap();
    connection
        .pragma_update(None, "user_version", version)
        .unwrap();
}

fn loosen(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

#[tokio::test]
async fn a_database_can_be_read_by_its_owner_only() {
    let place = Place::new();
    for round in 0..2 {
        let store = place.open();
        store.append(one("s", round, "event")).await.unwrap();
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let path = place.directory.path().join(format!("store.db{suffix}"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{round} {}", path.display());
        }
        store.close().await;
        assert_eq!(files(&place).into_keys().collect::<Vec<_>>(), ["store.db"]);
        // As a copy that was restored may have it.
        loosen(&place.path);
    }
}

#[tokio::test]
async fn one_store_at_a_time() {
    let place = Place::new();
    let store = place.open();
    let path = fs::canonicalize(&place.path).unwrap();
    let link = place.directory.path().join("link.db");
    symlink(&place.path, &link).unwrap();
    for name in [&place.path, &link] {
        let error = refused(name);
        assert!(
            matches!(&error, OpenError::InUse { path: p } if *p == path),
            "{error:?}"
        );
        let message = format!("the database {path:?} is in use by another process");
        assert_eq!(error.to_string(), message);
    }
    store.append(one("s", 0, "first")).await.unwrap();
    store.close().await;
    // A clone that is left does not hold it.
    let second = place.open();
    assert_eq!(bodies(&second, "s").await, ["first"]);
    drop((second, store));
    assert_eq!(bodies(&place.open(), "s").await, ["first"]);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_not_touched() {
    // Also where the newer version stands in the write-ahead log only.
    for in_the_log in [false, true] {
        let (made, place) = (Place::new(), Place::new());
        made.open().append(one("s", 0, "first")).await.unwrap();
        let newer = Connection::open(&made.path).unwrap();
        newer.pragma_update(None, "user_version", 7).unwrap();
        if in_the_log {
            fs::copy(
                made.path.with_extension("db-wal"),
                place.path.with_extension("db-wal"),
            )
            .unwrap();
            fs::copy(&made.path, &place.path).unwrap();
        } else {
            newer.close().unwrap();
            fs::copy(&made.path, &place.path).unwrap();
        }
        loosen(&place.path);
        let before = files(&place);
        assert_eq!(before.len(), 1 + usize::from(in_the_log));
        let error = refused(&place.path);
        assert!(
            matches!(
                error,
                OpenError::Newer {
                    found: 7,
                    supported: 1,
                    ..
                }
            ),
            "{in_the_log}: {error:?}"
        );
        let path = fs::canonicalize(&place.path).unwrap();
        let message = format!(
            "the database {path:?} has version 7, this program knows versions up to 1: it was \
             made by a newer program; start that one, or restore a backup from before"
        );
        assert_eq!(error.to_string(), message);
        assert!(files(&place) == before, "{in_the_log}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_not_touched() {
    let long = "It was a dark and stormy night. ".repeat(200);
    let cases: [(&str, &str); 4] = [
        ("", "it is too short for one"),
        ("SQLite format 3\0", "it is too short for one"),
        ("short", "it is too short for one"),
        (&long, "it begins with something else"),
    ];
    for (content, found) in cases {
        let place = Place::new();
        fs::write(&place.path, content).unwrap();
        loosen(&place.path);
        let before = files(&place);
        let error = refused(&place.path);
        assert!(matches!(error, OpenError::NotADatabase { found: f, .. } if f == found));
        let path = fs::canonicalize(&place.path).unwrap();
        let message = format!("the file {path:?} is not a database ({found})");
        assert_eq!(error.to_string(), message);
        assert!(files(&place) == before, "{content:?}");
    }
    for (application_id, version) in [(0, 0), (0, 1), (OURS + 1, 1), (OURS, 0), (OURS, -1)] {
        let place = Place::new();
        Connection::open(&place.path)
            .unwrap()
            .execute_batch("CREATE TABLE theirs (id INTEGER)")
            .unwrap();
        set(&place.path, application_id, version);
        loosen(&place.path);
        let before = files(&place);
        let error = refused(&place.path);
        let path = fs::canonicalize(&place.path).unwrap();
        let message = format!(
            "the database {path:?} belongs to another program \
             (application id {application_id:#010x}, version {version})"
        );
        assert_eq!(error.to_string(), message);
        assert!(files(&place) == before, "{application_id} {version}");
    }
}

/// SQLite would apply the one to the other.
#[tokio::test]
async fn a_journal_that_belongs_to_another_database_is_refused_and_not_touched() {
    let place = Place::new();
    let store = place.open();
    store.append(one("s", 0, "first")).await.unwrap();
    let log = place.path.with_extension("db-wal");
    let (backup, kept) = [".backup", ".wal"]
        .map(|name| place.directory.path().join(name))
        .into();
    store.backup(&backup).await.unwrap();
    fs::copy(&log, &kept).unwrap();
    store.close().await;

    let check = |journal: &Path| {
        let before = files(&place);
        let error = refused(&place.path);
        let journal = fs::canonicalize(journal).unwrap();
        assert!(
            matches!(&error, OpenError::StrayJournal { journal: j } if *j == journal),
            "{error:?}"
        );
        assert!(files(&place) == before);
        assert!(
            error
                .to_string()
                .contains("does not belong to the database beside it")
        );
    };
    // The database of a killed process is replaced by a backup, or removed.
    fs::copy(&backup, &place.path).unwrap();
    fs::copy(&kept, &log).unwrap();
    check(&log);
    fs::remove_file(&place.path).unwrap();
    check(&log);
    fs::remove_file(&log).unwrap();
    let journal = place.path.with_extension("db-journal");
    fs::write(&journal, "something").unwrap();
    check(&journal);
    // What the message says helps.
    fs::remove_file(&journal).unwrap();
    fs::copy(&backup, &place.path).unwrap();
    assert_eq!(bodies(&place.open(), "s").await, ["first"]);
}

#[tokio::test]
async fn a_creation_that_was_cut_off_is_begun_again() {
    let place = Place::new();
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let path = place.directory.path().join(format!("store.db.new{suffix}"));
        fs::write(path, "half of something").unwrap();
    }
    let store = place.open();
    store.append(one("s", 0, "first")).await.unwrap();
    store.close().await;
    assert_eq!(files(&place).into_keys().collect::<Vec<_>>(), ["store.db"]);
}

#[tokio::test]
async fn what_the_file_system_refuses_is_told() {
    let place = Place::new();
    let directory = place.directory.path();
    let missing = directory.join("missing").join("store.db");
    let error = refused(&missing);
    let OpenError::Io {
        action,
        path,
        source,
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (action, path.as_path()),
        ("open", missing.parent().unwrap())
    );
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);

    let error = refused(directory);
    assert!(
        matches!(error, OpenError::Io { action: "read", .. }),
        "{error:?}"
    );
}
