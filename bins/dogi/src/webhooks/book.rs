//! Deliveries of forges that were taken: on disk before the answer, and known again when they come again.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use dogi_engine::ports::{ValueError, Values};
use dogi_job::{RunId, UnixMillis};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::request::Request;

const SPACE: &str = "deliveries";
/// So many are remembered, those apart that nothing came of yet.
const REMEMBERED: usize = 1000;

/// The deliveries there were.
#[derive(Debug)]
pub(crate) struct Book {
    values: Arc<dyn Values>,
    /// Their requests.
    dir: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By their own ids: later ones are greater.
    records: BTreeMap<String, Record>,
    /// Those of which nothing was kept, in their order.
    noted: VecDeque<Record>,
    /// By what the forge calls them.
    by_key: HashMap<String, String>,
    /// Those of one key come one after the other.
    turns: HashMap<String, Weak<tokio::sync::Mutex<()>>>,
}

/// A delivery that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) at: UnixMillis,
    /// What the forge calls it, the same when it comes again; `None`: it may come twice.
    pub(crate) key: Option<String>,
    pub(crate) forge: Option<String>,
    pub(crate) event: String,
    /// `host/owner/name`.
    pub(crate) repo: Option<String>,
    pub(crate) client: std::net::IpAddr,
    /// Of which delivery it is a repetition, asked for by the operator.
    #[serde(default)]
    pub(crate) replay_of: Option<String>,
    pub(crate) outcome: Outcome,
}

/// What came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It is not known yet: a start of the server goes on with it.
    Taken,
    /// Runs were started.
    Started { runs: Vec<Started> },
    /// Nothing was to be started.
    NotTriggered { reason: String },
    /// Something was, and could not be.
    Refused { reason: String },
}

impl Outcome {
    /// Its name in answers and metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Started { .. } => "started",
            Self::NotTriggered { .. } => "not_triggered",
            Self::Refused { .. } => "refused",
        }
    }

    /// Why nothing came of it.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Taken | Self::Started { .. } => None,
            Self::NotTriggered { reason } | Self::Refused { reason } => Some(reason),
        }
    }
}

/// A run that a delivery started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) run: RunId,
    /// What its commit status is called.
    pub(crate) context: String,
}

/// A delivery could not be put on record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BookError {
    #[error("the delivery can't be kept in {}", path.display())]
    Disk {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the delivery can't be put on record")]
    Values(#[source] ValueError),
}

impl BookError {
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Disk { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            Self::Values(_) => false,
        }
    }
}

impl Book {
    /// Reads what earlier lives have taken, and removes requests that are of no delivery on record: those
    /// that a life which ended was just about to take, and in a backup those that came while it was made.
    pub(crate) async fn open(values: Arc<dyn Values>, dir: PathBuf) -> Result<Self, BookError> {
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir);
        made.map_err(|source| disk(&dir, source))?;
        let listed = values.list(SPACE).await.map_err(BookError::Values)?;
        let ids: BTreeSet<String> = listed.iter().map(|(id, _)| id.clone()).collect();
        let swept = {
            let dir = dir.clone();
            tokio::task::spawn_blocking(move || sweep(&dir, &ids)).await
        };
        if let Err(error) = swept.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "requests of no delivery are left");
        }
        let mut known = Known::default();
        for (id, value) in listed {
            match serde_json::from_slice::<Record>(&value) {
                Ok(record) => known.add(record),
                Err(error) => tracing::warn!(delivery = id, %error, "a delivery can't be read"),
            }
        }
        Ok(Self {
            values,
            dir,
            known: Mutex::new(known),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of those that come with this key: one at a time, so that two copies of a delivery that
    /// come at once are one.
    pub(crate) async fn turn(&self, key: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut known = self.known();
            known.turns.retain(|_, turn| turn.strong_count() > 0);
            let waiting = known.turns.get(key).and_then(Weak::upgrade);
            waiting.unwrap_or_else(|| {
                let turn = Arc::default();
                known.turns.insert(key.to_owned(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }

    /// What was taken with this key before, unless it was refused then.
    pub(crate) fn find_key(&self, key: &str) -> Option<Record> {
        let known = self.known();
        let record = known.records.get(known.by_key.get(key)?)?;
        let refused = matches!(record.outcome, Outcome::Refused { .. });
        (!refused).then(|| record.clone())
    }

    pub(crate) fn get(&self, id: &str) -> Option<Record> {
        self.known().records.get(id).cloned()
    }

    /// Whether it is known what came of it.
    pub(crate) fn is_settled(&self, id: &str) -> bool {
        let known = self.known();
        let record = known.records.get(id);
        record.is_none_or(|record| record.outcome != Outcome::Taken)
    }

    /// At most `limit`, the newest first, that are older than `before`.
    pub(crate) fn page(&self, before: Option<&str>, limit: usize) -> Vec<Record> {
        let known = self.known();
        let older = |id: &str| before.is_none_or(|before| id < before);
        let kept = known.records.values().rev();
        let kept = kept.filter(|record| older(&record.id)).take(limit);
        let noted = known.noted.iter().rev();
        let noted = noted.filter(|record| older(&record.id)).take(limit);
        let mut page: Vec<Record> = kept.chain(noted).cloned().collect();
        page.sort_by(|a, b| b.id.cmp(&a.id));
        page.truncate(limit);
        page
    }

    /// Those that an earlier life took and did not come to do anything about.
    pub(crate) fn unfinished(&self) -> Vec<Record> {
        let known = self.known();
        let taken = known.records.values();
        taken
            .filter(|record| record.outcome == Outcome::Taken)
            .cloned()
            .collect()
    }

    /// Takes a delivery: it is on the disk when this returns.
    pub(crate) async fn take(&self, record: Record, request: &Request) -> Result<(), BookError> {
        let path = self.path(&record.id);
        let (dir, bytes) = (self.dir.clone(), request.to_bytes());
        let writing = tokio::task::spawn_blocking(move || write(&dir, &path, &bytes));
        let written = writing.await.map_err(io::Error::other).flatten();
        written.map_err(|source| disk(&self.dir, source))?;
        self.put(record).await?;
        self.trim().await;
        Ok(())
    }

    /// Remembers a delivery of which nothing was to be kept, while this life lasts.
    pub(crate) fn note(&self, record: Record, outcome: Outcome) {
        let mut known = self.known();
        known.noted.push_back(Record { outcome, ..record });
        if known.noted.len() > REMEMBERED {
            known.noted.pop_front();
        }
    }

    /// Puts on record what came of a delivery.
    pub(crate) async fn settle(&self, id: &str, outcome: Outcome) -> Result<(), BookError> {
        let record = self.get(id);
        match record {
            Some(record) => self.put(Record { outcome, ..record }).await,
            None => Ok(()),
        }
    }

    async fn put(&self, record: Record) -> Result<(), BookError> {
        let value = serde_json::to_vec(&record).unwrap_or_default();
        let put = self.values.put(SPACE, &record.id, value).await;
        put.map_err(BookError::Values)?;
        self.known().add(record);
        Ok(())
    }

    /// What a delivery was.
    pub(crate) async fn request(&self, id: &str) -> io::Result<Request> {
        let path = self.path(id);
        let reading = tokio::task::spawn_blocking(move || std::fs::read(path));
        let bytes = reading.await.map_err(io::Error::other).flatten()?;
        Request::from_bytes(&bytes)
    }

    /// Forgets the oldest beyond what is remembered.
    async fn trim(&self) {
        let old = self.known().surplus();
        for id in old {
            if let Err(error) = self.values.remove(SPACE, &id).await {
                tracing::debug!(delivery = id, %error, "a delivery is not forgotten");
            }
            let path = self.path(&id);
            // Whoever cleared the directory has done it already.
            let _ = tokio::task::spawn_blocking(move || std::fs::remove_file(path)).await;
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }
}

impl Known {
    fn add(&mut self, record: Record) {
        if let Some(key) = &record.key {
            self.by_key.insert(key.clone(), record.id.clone());
        }
        self.records.insert(record.id.clone(), record);
    }

    fn surplus(&mut self) -> Vec<String> {
        let surplus = self.records.len().saturating_sub(REMEMBERED);
        let done = self.records.values();
        let old: Vec<Record> = done
            .filter(|record| record.outcome != Outcome::Taken)
            .take(surplus)
            .cloned()
            .collect();
        for record in &old {
            self.records.remove(&record.id);
            if let Some(key) = &record.key
                && self.by_key.get(key) == Some(&record.id)
            {
                self.by_key.remove(key);
            }
        }
        old.into_iter().map(|record| record.id).collect()
    }
}

fn disk(path: &Path, source: io::Error) -> BookError {
    BookError::Disk {
        path: path.to_owned(),
        source,
    }
}

/// Removes what is in the directory of deliveries that are not these.
fn sweep(dir: &Path, known: &BTreeSet<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| known.contains(name)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// For the owner's eyes: payloads of private repositories are private.
fn write(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(dir)?.sync_all()
}
