//! Which files are opened, and what happens to those that are not.

use std::{fs, os::unix::fs::PermissionsExt as _};

use dogi_store::{OpenError, Options, Store};

use crate::support::{Place, bodies, one};

#[tokio::test]
async fn a_new_database_can_be_read_by_its_owner_only() {
    let place = Place::new();
    let store = place.open();
    store.append(one("s", 0, "first")).await.unwrap();
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let path = place.directory.path().join(format!("store.db{suffix}"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    store.close().await;
    let mut left: Vec<_> = fs::read_dir(place.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["store.db", "store.db.lock"]);
    drop(store);
    assert_eq!(bodies(&place.open(), "s").await, ["first"]);
}

#[tokio::test]
async fn one_store_at_a_time() {
    let place = Place::new();
    let store = place.open();
    let link = place.directory.path().join("link.db");
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    for path in [&place.path, &link] {
        let error = Store::open(path, &Options::default()).unwrap_err();
        assert!(
            matches!(&error, OpenError::InUse { path } if *path == fs::canonicalize(&place.path).unwrap())
        );
    }
    store.append(one("s", 0, "first")).await.unwrap();
    store.close().await;
    // A clone that is left does not hold it.
    let second = place.open();
    assert_eq!(bodies(&second, "s").await, ["first"]);
    drop((second, store));
}
