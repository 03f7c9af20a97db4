//! `Idempotency-Key`: the same key is the same run.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dogi_job::RunId;
use http::{HeaderMap, HeaderName, StatusCode};
use ring::digest;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, in bytes.
const MAX_KEY: usize = 255;

/// A request's key and what it stands for.
#[derive(Clone, Debug)]
pub struct Claim {
    key: String,
    fingerprint: [u8; 32],
}

impl Claim {
    /// The key in the headers, if there is one. `request` is all that makes two requests the same.
    ///
    /// # Errors
    /// 400 for a key that is empty, too long or no text.
    pub fn of(
        headers: &HeaderMap,
        request: impl FnOnce() -> Vec<u8>,
    ) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(HEADER) else {
            return Ok(None);
        };
        let key = value.to_str().map(str::trim).unwrap_or_default();
        if key.is_empty() || key.len() > MAX_KEY {
            let detail = format!("Idempotency-Key: expected 1 to {MAX_KEY} ASCII characters");
            return Err(Problem::bad_request(detail));
        }
        let digest = digest::digest(&digest::SHA256, &request());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest.as_ref());
        Ok(Some(Self {
            key: key.to_owned(),
            fingerprint,
        }))
    }
}

/// Keys that were seen. Cloning gives another handle to the same keys.
#[derive(Clone, Debug)]
pub struct Claims {
    most: usize,
    lifetime: Duration,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    by_key: HashMap<String, Arc<Entry>>,
    /// In the order of first use.
    order: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
struct Entry {
    fingerprint: [u8; 32],
    run: OnceCell<RunId>,
}

impl Default for Claims {
    /// Ten thousand keys, a day each.
    fn default() -> Self {
        Self::new(10_000, Duration::from_secs(24 * 60 * 60))
    }
}

impl Claims {
    /// At most `most` keys, each for at most `lifetime`; past that the oldest is forgotten.
    #[must_use]
    pub fn new(most: usize, lifetime: Duration) -> Self {
        Self {
            most,
            lifetime,
            seen: Arc::default(),
        }
    }

    /// The run of this claim: started by `start`, or by an earlier request with the same key,
    /// which is waited for when it is still at it. A start that fails leaves the key free.
    ///
    /// # Errors
    /// 422 when the key came with another request, and whatever `start` says.
    pub async fn run<F>(&self, claim: Claim, start: impl FnOnce() -> F) -> Result<RunId, Problem>
    where
        F: Future<Output = Result<RunId, Problem>>,
    {
        let entry = self.entry(&claim);
        if entry.fingerprint != claim.fingerprint {
            let detail = format!(
                "the Idempotency-Key {:?} came with another request before; use a new key",
                claim.key
            );
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        entry.run.get_or_try_init(start).await.cloned()
    }

    fn entry(&self, claim: &Claim) -> Arc<Entry> {
        // A panic while it was held leaves at worst a key without its place in the order.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while seen
            .order
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) >= self.lifetime)
        {
            seen.forget_oldest();
        }
        if let Some(entry) = seen.by_key.get(&claim.key) {
            return Arc::clone(entry);
        }
        while seen.order.len() >= self.most.max(1) {
            seen.forget_oldest();
        }
        let entry = Arc::new(Entry {
            fingerprint: claim.fingerprint,
            run: OnceCell::new(),
        });
        seen.order.push_back((now, claim.key.clone()));
        seen.by_key.insert(claim.key.clone(), Arc::clone(&entry));
        entry
    }
}

impl Seen {
    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.by_key.remove(&key);
        }
    }
}
