//! Which image was built of what, and which are kept.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dogi_docker::ImageId;
use dogi_job::RunId;
use ring::digest;
use serde::Serialize;
use tokio::sync::OwnedMutexGuard;

/// Everything that determines an image, as one hash.
#[derive(Clone, PartialEq, Eq, Hash)]
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
        write!(f, "ImageKey({})", &self.0[..12])
    }
}

/// The images that this server built. Labels in an image are never trusted for reuse: a Dockerfile
/// can write any.
#[derive(Debug, Default)]
pub(super) struct ImageTable {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    built: HashMap<ImageKey, ImageId>,
    /// Keys that somebody builds or waits for.
    turns: HashMap<ImageKey, Arc<tokio::sync::Mutex<()>>>,
    /// Every image that was built, and when it was last of use.
    used: HashMap<ImageId, u64>,
    uses: u64,
    /// What a run was promised stays until the run is over: before its container is made, Docker
    /// does not know that the image is in use.
    pins: HashMap<RunId, ImageId>,
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
    pub(super) fn find(&self, run: &RunId, key: &ImageKey) -> Option<ImageId> {
        let mut tables = self.lock();
        let image = tables.built.get(key)?.clone();
        tables.use_for(run, &image);
        Some(image)
    }

    /// `run` made this image, which stays until the run is over.
    pub(super) fn made(&self, run: &RunId, image: &ImageId) {
        self.lock().use_for(run, image);
    }

    pub(super) fn remember(&self, key: &ImageKey, image: ImageId) {
        self.lock().built.insert(key.clone(), image);
    }

    /// The image is gone.
    pub(super) fn forget(&self, image: &ImageId) {
        self.lock().forget(image);
    }

    /// Takes up images that are there, the oldest first.
    pub(super) fn adopt(&self, images: impl IntoIterator<Item = ImageId>) {
        let mut tables = self.lock();
        for image in images {
            tables.uses += 1;
            let uses = tables.uses;
            tables.used.entry(image).or_insert(uses);
        }
    }

    /// Whether the image is one of those that are kept.
    pub(super) fn keeps(&self, image: &ImageId) -> bool {
        self.lock().used.contains_key(image)
    }

    /// `run` is over.
    pub(super) fn unpin(&self, run: &RunId) {
        self.lock().pins.remove(run);
    }

    /// Forgets the images that went unused for longest, beyond `keep`, and returns them. No run
    /// that is not over uses one of them.
    pub(super) fn surplus(&self, keep: usize) -> Vec<ImageId> {
        let mut tables = self.lock();
        let surplus = tables.used.len().saturating_sub(keep);
        if surplus == 0 {
            return Vec::new();
        }
        let mut idle = tables.idle();
        idle.truncate(surplus);
        for image in &idle {
            tables.forget(image);
        }
        idle
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn use_for(&mut self, run: &RunId, image: &ImageId) {
        self.uses += 1;
        self.used.insert(image.clone(), self.uses);
        self.pins.insert(run.clone(), image.clone());
    }

    fn forget(&mut self, image: &ImageId) {
        self.used.remove(image);
        self.built.retain(|_, built| built != image);
    }

    /// What no run holds, the least recently used first.
    fn idle(&self) -> Vec<ImageId> {
        let pinned = |image: &ImageId| self.pins.values().any(|pinned| pinned == image);
        let mut idle: Vec<_> = self.used.iter().filter(|(id, _)| !pinned(id)).collect();
        idle.sort_by_key(|(_, used)| **used);
        idle.into_iter().map(|(image, _)| image.clone()).collect()
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
