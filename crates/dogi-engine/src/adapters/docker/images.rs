//! Which image was built of what, when it was last of use, and which are kept.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dogi_docker::ImageId;
use dogi_job::{RunId, UnixMillis};
use ring::digest;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use crate::{
    Clock, SystemClock,
    ports::{ValueError, Values},
};

/// The space of the stored values: one for each image, by its id.
const SPACE: &str = "images";

/// Everything that determines an image, as one hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct ImageKey(String);

impl ImageKey {
    /// The key of whatever `ingredients` serialize to.
    pub(super) fn of(ingredients: &impl Serialize) -> Option<Self> {
        let text = serde_json::to_vec(ingredients).ok()?;
        Some(Self(hex::encode(digest::digest(&digest::SHA256, &text))))
    }
}

impl fmt::Debug for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageKey({})", self.0.get(..12).unwrap_or(&self.0))
    }
}

/// The images that this server built, in this life or an earlier one. Labels in an image are never
/// trusted for reuse: a Dockerfile can write any.
///
/// What is known of an image is stored whenever it changes. A store that fails costs no more than
/// a build that would not have been needed.
#[derive(Debug)]
pub(super) struct ImageTable {
    tables: Mutex<Tables>,
    values: Arc<dyn Values>,
    loaded: tokio::sync::OnceCell<()>,
}

#[derive(Debug, Default)]
struct Tables {
    built: HashMap<ImageKey, ImageId>,
    /// Keys that somebody builds or waits for.
    turns: HashMap<ImageKey, Arc<tokio::sync::Mutex<()>>>,
    /// Every image that was built, and when it was last of use.
    used: HashMap<ImageId, UnixMillis>,
    /// What a run was promised stays until the run is over: before its container is made, Docker
    /// does not know that the image is in use.
    pins: HashMap<RunId, ImageId>,
}

/// What is stored of an image.
#[derive(Serialize, Deserialize)]
struct Stored {
    keys: BTreeSet<ImageKey>,
    used: UnixMillis,
}

/// The right to build the image of a key, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    table: &'a ImageTable,
    key: ImageKey,
    /// `None` while it is waited for, and at the end.
    held: Option<OwnedMutexGuard<()>>,
}

impl ImageTable {
    pub(super) fn new(values: Arc<dyn Values>) -> Self {
        Self {
            tables: Mutex::default(),
            values,
            loaded: tokio::sync::OnceCell::new(),
        }
    }

    /// Reads what earlier lives stored, once. Cancel safe.
    pub(super) async fn load(&self) {
        let loaded = self.loaded.get_or_try_init(|| self.read()).await;
        if let Err(error) = loaded {
            tracing::warn!(error = %crate::chain(&error), "the images of earlier builds are not known");
        }
    }

    async fn read(&self) -> Result<(), ValueError> {
        let stored = self.values.list(SPACE).await?;
        let mut tables = self.lock();
        for (id, value) in stored {
            let Some(id) = ImageId::parse(&id) else {
                continue;
            };
            // What another version of the program stored may look different.
            let Ok(Stored { keys, used }) = serde_json::from_slice(&value) else {
                continue;
            };
            for key in keys {
                tables.built.entry(key).or_insert_with(|| id.clone());
            }
            tables.used.entry(id).or_insert(used);
        }
        Ok(())
    }

    /// Waits for the right to build the image of `key`: of several runs that need it at once, one
    /// builds and the others find it. Cancel safe.
    pub(super) async fn turn(&self, key: &ImageKey) -> Turn<'_> {
        let mut turn = Turn {
            table: self,
            key: key.clone(),
            held: None,
        };
        let lock = self.lock().turns.entry(key.clone()).or_default().clone();
        turn.held = Some(lock.lock_owned().await);
        turn
    }

    /// The image of `key`, which stays until `run` is over.
    pub(super) async fn find(&self, run: &RunId, key: &ImageKey) -> Option<ImageId> {
        let image = {
            let mut tables = self.lock();
            let image = tables.built.get(key)?.clone();
            tables.use_for(run, &image);
            image
        };
        self.store(&image).await;
        Some(image)
    }

    /// `run` made this image, which stays until the run is over. With a key it is found again.
    pub(super) async fn made(&self, run: &RunId, image: &ImageId, key: Option<&ImageKey>) {
        {
            let mut tables = self.lock();
            tables.use_for(run, image);
            if let Some(key) = key {
                tables.built.insert(key.clone(), image.clone());
            }
        }
        self.store(image).await;
    }

    /// The image is gone.
    pub(super) async fn forget(&self, image: &ImageId) {
        self.lock().forget(image);
        self.store(image).await;
    }

    /// Takes up images that are there, with the time when each was of use last, as far as known.
    pub(super) fn adopt(&self, images: impl IntoIterator<Item = (ImageId, UnixMillis)>) {
        let mut tables = self.lock();
        for (image, used) in images {
            tables.used.entry(image).or_insert(used);
        }
    }

    /// When an image was of use last, and whether a run needs it now; `None`: it is not kept.
    pub(super) fn usage(&self, image: &ImageId) -> Option<(UnixMillis, bool)> {
        let tables = self.lock();
        Some((*tables.used.get(image)?, tables.is_pinned(image)))
    }

    /// Whether the image is one of those that are kept.
    pub(super) fn keeps(&self, image: &ImageId) -> bool {
        self.lock().used.contains_key(image)
    }

    /// `run` is over.
    pub(super) fn unpin(&self, run: &RunId) {
        self.lock().pins.remove(run);
    }

    /// Forgets an image that no run needs, so that none finds it from now on. Returns when it was
    /// of use last; `None`: it is needed.
    pub(super) async fn give_up(&self, image: &ImageId) -> Option<UnixMillis> {
        let used = {
            let mut tables = self.lock();
            if tables.is_pinned(image) {
                return None;
            }
            let used = tables.used.get(image).copied().unwrap_or_default();
            tables.forget(image);
            used
        };
        self.store(image).await;
        Some(used)
    }

    /// Forgets the images that went unused for longest, beyond `keep`, and returns them with the
    /// time of their last use. No run that is not over uses one of them.
    pub(super) async fn surplus(&self, keep: usize) -> Vec<(ImageId, UnixMillis)> {
        let idle = {
            let mut tables = self.lock();
            let surplus = tables.used.len().saturating_sub(keep);
            if surplus == 0 {
                return Vec::new();
            }
            let mut idle = tables.idle();
            idle.truncate(surplus);
            for (image, _) in &idle {
                tables.forget(image);
            }
            idle
        };
        for (image, _) in &idle {
            self.store(image).await;
        }
        idle
    }

    /// Stores what is known of an image.
    async fn store(&self, image: &ImageId) {
        let known = self.lock().known(image);
        let value = known.as_ref().map(serde_json::to_vec).transpose();
        let stored = match value {
            Ok(Some(value)) => self.values.put(SPACE, image.as_str(), value).await,
            Ok(None) => self.values.remove(SPACE, image.as_str()).await,
            Err(_) => return,
        };
        if let Err(error) = stored {
            tracing::warn!(%image, error = %crate::chain(&error), "what is known of an image is not stored");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn use_for(&mut self, run: &RunId, image: &ImageId) {
        self.used.insert(image.clone(), SystemClock.now());
        self.pins.insert(run.clone(), image.clone());
    }

    fn forget(&mut self, image: &ImageId) {
        self.used.remove(image);
        self.built.retain(|_, built| built != image);
    }

    fn known(&self, image: &ImageId) -> Option<Stored> {
        let keys = self.built.iter().filter(|(_, built)| *built == image);
        Some(Stored {
            used: *self.used.get(image)?,
            keys: keys.map(|(key, _)| key.clone()).collect(),
        })
    }

    fn is_pinned(&self, image: &ImageId) -> bool {
        self.pins.values().any(|pinned| pinned == image)
    }

    /// What no run holds, the least recently used first.
    fn idle(&self) -> Vec<(ImageId, UnixMillis)> {
        let idle = self.used.iter().filter(|(id, _)| !self.is_pinned(id));
        let mut idle: Vec<_> = idle.map(|(id, used)| (id.clone(), *used)).collect();
        idle.sort_by(|(a, a_used), (b, b_used)| (a_used, a.as_str()).cmp(&(b_used, b.as_str())));
        idle
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut tables = self.table.lock();
        // One reference is the table's own: nobody builds or waits any more.
        if let Some(lock) = tables.turns.get(&self.key)
            && Arc::strong_count(lock) == 1
        {
            tables.turns.remove(&self.key);
        }
    }
}
