//! Writes the golden files of the current version into a directory, by hand and once per
//! version: `cargo run -p dogi-store --example golden -- DIRECTORY VERSION`.
//!
//! `vN.db` was closed. `vN-killed.db` is what a killed process leaves: much of it stands in its
//! write-ahead log only.

use std::{error::Error, fs, path::Path};

use dogi_store::{Append, Durability, NewEvent, Options, OutboxChange, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [directory, version] = [1, 2].map(|n| std::env::args().nth(n));
    let directory = directory.ok_or("golden DIRECTORY VERSION")?;
    let version = version.ok_or("golden DIRECTORY VERSION")?;
    let name = |suffix: &str| Path::new(&directory).join(format!("v{version}{suffix}"));

    let store = Store::open(&name(".db"), &Options::default())?;
    fill(&store).await?;
    for suffix in ["", "-wal"] {
        let (from, to) = (format!(".db{suffix}"), format!("-killed.db{suffix}"));
        fs::copy(name(&from), name(&to))?;
    }
    store.close().await;
    fs::remove_file(name(".db.lock"))?;
    Ok(())
}

async fn fill(store: &Store) -> Result<(), Box<dyn Error>> {
    let event = |kind: &str, version, at_ms, body: &[u8]| NewEvent {
        kind: kind.to_owned(),
        version,
        at_ms,
        body: body.to_vec(),
    };
    let add = |id: &str, lane: &str, due_ms| OutboxChange::Add {
        id: id.to_owned(),
        lane: lane.to_owned(),
        due_ms,
        body: format!("body of {id}").into_bytes(),
    };
    let append = |stream: &str, expected, events, outbox| Append {
        stream: stream.to_owned(),
        expected,
        events,
        outbox,
        durability: Durability::Synced,
    };
    let submitted = event(
        "submitted",
        1,
        1_700_000_000_000,
        r#"{"cmd":"é"}"#.as_bytes(),
    );
    let promises = vec![
        add("p1", "one", 5),
        add("p2", "one", 3),
        add("p3", "two", 4),
    ];
    store
        .append(append("run-1", 0, vec![submitted], promises))
        .await?;
    let long = event("printed", 2, 1_700_000_000_001, &[0xff; 10_000]);
    let ended = event("ended", 3, 1_700_000_000_002, b"");
    store
        .append(append("run-1", 1, vec![long, ended], vec![]))
        .await?;
    let other = event("submitted", 1, 1_700_000_000_003, b"\0");
    store
        .append(append("run-2", 0, vec![other], vec![]))
        .await?;
    store.reschedule("p1", 7).await?;
    store.put("images", "b", b"second".to_vec()).await?;
    store.put("images", "a", b"first".to_vec()).await?;
    Ok(())
}
