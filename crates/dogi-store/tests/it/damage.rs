//! A database whose bytes have changed: an error, and never a panic.

use std::{fs, path::Path};

use dogi_store::{OpenError, Options, ReadError, Store};

use crate::support::{Numbers, Place, add, one};

/// A database of some hundred pages, closed.
async fn filled() -> Place {
    let place = Place::new();
    let store = place.open();
    for stream in 0..100 {
        let append = dogi_store::Append {
            outbox: vec![add(&format!("p{stream}"), "lane", 0)],
            ..one(&format!("s{stream:03}"), 0, vec![b'x'; 3_000])
        };
        store.append(append).await.unwrap();
    }
    store.close().await;
    place
}

fn overwrite(path: &Path, at: usize, with: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + with.len()].copy_from_slice(with);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_database_says_so_when_it_is_opened() {
    let place = filled().await;
    // The page with the schema.
    overwrite(&place.path, 100, &[0xff; 200]);
    let error = Store::open(&place.path, &Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    let path = fs::canonicalize(&place.path).unwrap();
    let message = format!("the database {path:?} is damaged: restore a backup");
    assert_eq!(error.to_string(), message);
}

#[tokio::test]
async fn a_damaged_page_says_so_when_it_is_read() {
    let place = filled().await;
    let length = fs::metadata(&place.path).unwrap().len() as usize;
    overwrite(&place.path, length / 2, &vec![0xff; 20 * 4096]);
    let store = place.open();
    let error = store.read_all(None, 1000).await.unwrap_err();
    assert!(matches!(error, ReadError::Corrupt { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "could not read all streams: the database is damaged"
    );
    assert!(!store.check().await.unwrap().is_empty());
}

#[tokio::test]
async fn bytes_that_change_anywhere_never_end_the_store() {
    let original = filled().await;
    let bytes = fs::read(&original.path).unwrap();
    let mut told = 0;
    for seed in 0..100 {
        let mut numbers = Numbers::new(seed);
        let place = Place::new();
        let mut damaged = bytes.clone();
        for _ in 0..=numbers.below(20) {
            let at = numbers.below(bytes.len() as u64) as usize;
            damaged[at] = numbers.below(256) as u8;
        }
        if numbers.below(5) == 0 {
            damaged.truncate(numbers.below(bytes.len() as u64) as usize);
        }
        fs::write(&place.path, damaged).unwrap();
        let Ok(store) = Store::open(&place.path, &Options::default()) else {
            told += 1;
            continue;
        };
        let outcomes = [
            store
                .read_all(None, 1000)
                .await
                .err()
                .map(|e| e.to_string()),
            store.due(u64::MAX, 1000).await.err().map(|e| e.to_string()),
            store
                .append(one("s050", 1, "more"))
                .await
                .err()
                .map(|e| e.to_string()),
            store.forget(&["s001"]).await.err().map(|e| e.to_string()),
            store.check().await.err().map(|e| e.to_string()),
        ];
        for error in outcomes.into_iter().flatten() {
            told += 1;
            assert!(
                !error.contains("closed"),
                "seed {seed}: a thread died: {error}"
            );
        }
    }
    assert!(told > 10, "there was damage: {told}");
}

/// An append that fails half-way leaves nothing behind, and the rest of its group goes on.
#[tokio::test]
async fn an_append_that_fails_in_the_middle_is_undone() {
    let place = filled().await;
    // The newest page of the outbox: events can be written, promises can't.
    let bytes = fs::read(&place.path).unwrap();
    let newest = b"body of p99";
    let mut windows = bytes.windows(newest.len());
    let found = windows.position(|window| window == newest).unwrap();
    overwrite(&place.path, found / 4096 * 4096, &[0xff]);

    let store = place.open();
    let promising = |n: u64| dogi_store::Append {
        outbox: vec![add(&format!("new{n}"), "lane", 0)],
        ..one(&format!("promising{n}"), 0, "event")
    };
    let appends = (0..20).map(|n| match n % 2 {
        0 => store.append(one(&format!("plain{n}"), 0, "event")),
        _ => store.append(promising(n)),
    });
    let outcomes = futures::future::join_all(appends).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), n % 2 == 0, "{n}: {outcome:?}");
        for (kind, events) in [("plain", 1), ("promising", 0)] {
            let events = if outcome.is_ok() == (kind == "plain") {
                events
            } else {
                0
            };
            let stream = store.read(&format!("{kind}{n}")).await.unwrap();
            assert_eq!(stream.len(), events, "{kind}{n}");
        }
    }
    assert_eq!(store.stats().writes, 10);
}
