//! A disk that is really full: a small file system of the test's own, which needs root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dogi_store::{Append, AppendError, BackupError, OpenError, Options, Store};
use futures::future::join_all;
use tempfile::TempDir;

use crate::support::{add, one, open};

/// A file system of so many KiB; unmounted when dropped.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    fn new(kibibytes: u32) -> Self {
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "none"])
            .arg(directory.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "mounting needs root");
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Takes what room is left, but for so many bytes.
    fn fill(&self, leave: usize) {
        let filler = self.path("filler");
        let mut bytes = 0;
        for chunk in [1 << 20, 1 << 16, 4096, 1] {
            while fs::write(&filler, vec![b'x'; bytes + chunk]).is_ok() {
                bytes += chunk;
            }
        }
        fs::write(&filler, vec![b'x'; bytes.saturating_sub(leave)]).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached at once; what is open on it goes with its last user.
        let mut unmount = Command::new("umount");
        let unmounted = unmount.arg("--lazy").arg(self.directory.path()).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "a mount is left behind"
        );
    }
}

fn large(stream: &str, expected: u64) -> Append {
    Append {
        outbox: vec![add(&format!("{stream}/{expected}"), stream, 0)],
        ..one(stream, expected, vec![b'x'; 5_000])
    }
}

async fn length(store: &Store, stream: &str) -> u64 {
    store.read(stream).await.unwrap().len() as u64
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_no_harm() {
    let disk = SmallDisk::new(4096);
    let path = disk.path("store.db");
    let mut options = Options::default();
    options.log_bytes = 1 << 18;
    let store = Store::open(&path, &options).unwrap();
    let before = one("before", 0, "it was there");
    store.append(before).await.unwrap();
    disk.fill(200_000);

    let mut appended = 0;
    let error = loop {
        match store.append(large("s", appended)).await {
            Ok(next) => appended = next,
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.to_string(),
        "the disk is full: nothing was appended to stream \"s\""
    );
    for _ in 0..20 {
        // It stays an error, and reading goes on.
        let error = store.append(large("s", appended)).await.unwrap_err();
        assert!(matches!(error, AppendError::Full { .. }), "{error:?}");
        assert_eq!(length(&store, "s").await, appended);
        assert_eq!(store.pending().await.unwrap(), appended);
    }
    let backup = store.backup(&disk.path("copy.db")).await.unwrap_err();
    assert!(matches!(backup, BackupError::Full { .. }), "{backup:?}");

    disk.make_room();
    for n in 0..50 {
        assert_eq!(
            store.append(large("s", appended)).await.unwrap(),
            appended + 1,
            "{n}"
        );
        appended += 1;
    }
    assert_eq!(store.check().await.unwrap(), [""; 0]);
    store.close().await;

    let store = open(&path);
    assert_eq!(length(&store, "s").await, appended);
    assert_eq!(length(&store, "before").await, 1);
    assert_eq!(store.check().await.unwrap(), [""; 0]);
}

/// Small ones still fit when a large one does not, and each is told the truth.
#[tokio::test]
async fn in_a_group_that_does_not_fit_some_members_do() {
    let disk = SmallDisk::new(2048);
    let path = disk.path("store.db");
    let store = open(&path);
    store.append(one("before", 0, "")).await.unwrap();
    disk.fill(150_000);
    let appends = (0..40_u64).map(|n| {
        let size = if n % 2 == 0 { 400_000 } else { 10 };
        store.append(one(&format!("s{n:02}"), 0, vec![b'x'; size]))
    });
    let outcomes = join_all(appends).await;
    let mut fitted = vec!["before".to_owned()];
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(_) => fitted.push(format!("s{n:02}")),
            Err(AppendError::Full { .. }) => {}
            Err(other) => panic!("{n}: {other:?}"),
        }
        assert_eq!(outcome.is_ok(), n % 2 == 1, "{n}");
    }
    // It is killed now, as far as the next one can see: files as they are at this moment.
    let copy = TempDir::new().unwrap();
    for name in ["store.db", "store.db-wal"] {
        fs::copy(disk.path(name), copy.path().join(name)).unwrap();
    }
    for store in [store, open(&copy.path().join("store.db"))] {
        let streams = store.read_all(None, 100).await.unwrap();
        let names: Vec<_> = streams.into_iter().map(|stream| stream.name).collect();
        assert_eq!(names, fitted);
        assert_eq!(store.check().await.unwrap(), [""; 0]);
    }
}

fn refused(path: &Path) -> OpenError {
    Store::open(path, &Options::default()).unwrap_err()
}

#[tokio::test]
async fn opening_on_a_full_disk_says_so() {
    let disk = SmallDisk::new(1024);
    let path = disk.path("store.db");
    open(&path).append(one("s", 0, "kept")).await.unwrap();
    disk.fill(0);
    for path in [&path, &disk.path("another.db")] {
        let error = refused(path);
        assert!(matches!(error, OpenError::Full { .. }), "{error:?}");
        let message = format!("the disk is full: could not open the database {path:?}");
        let created = format!(
            "the disk is full: could not open the database \"{}.new\"",
            path.display()
        );
        assert!([message, created].contains(&error.to_string()), "{error}");
    }
    let names = ["another.db", "another.db.new"].map(|name| disk.path(name).exists());
    assert_eq!(names, [false, false]);
    disk.make_room();
    assert_eq!(length(&open(&path), "s").await, 1);
}
