//! The images of the server's own builds, as things that are kept within a budget.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use dogi_docker::{Docker, EngineError, ImageId, LabelFilter, Owned, OwnedKind};
use dogi_job::{RunId, UnixMillis};
use futures::{FutureExt, future::BoxFuture};

use super::{images::ImageTable, label};
use crate::ports::{KeepError, Keeper, Kept, KeptKind, Leftover, Removal, Sweep};

/// The engine computes sizes at some cost: what it said is good for so long,
const SIZES_GOOD: Duration = Duration::from_secs(600);
/// or for so long if there is an image whose size is not known.
const SIZES_ASKED: Duration = Duration::from_secs(300);
/// Without an answer by then, images count as large as they are with everything that they share.
const SIZES_PATIENCE: Duration = Duration::from_secs(30);

/// Images, and what else this server made on its Docker engine.
#[derive(Debug)]
pub(super) struct ImageKeeper {
    docker: Docker,
    server: String,
    images: Arc<ImageTable>,
    shares_disk: bool,
    sizes: Mutex<Sizes>,
}

#[derive(Debug, Default)]
struct Sizes {
    asked: Option<Instant>,
    own: HashMap<ImageId, u64>,
}

impl ImageKeeper {
    pub(super) fn new(
        docker: Docker,
        server: &str,
        images: Arc<ImageTable>,
        shares_disk: bool,
    ) -> Self {
        Self {
            docker,
            server: server.to_owned(),
            images,
            shares_disk,
            sizes: Mutex::default(),
        }
    }

    /// What was built here and has no name: who gives one to an image wants to keep it.
    async fn built(&self) -> Result<Vec<(ImageId, Owned)>, KeepError> {
        let mine = LabelFilter::is(label::BUILT_BY, &*self.server);
        let found = self.docker.owned(&mine).await;
        let found = found.map_err(|error| failed("list the images", error))?;
        let images = found
            .into_iter()
            .filter(|owned| owned.kind == OwnedKind::Image);
        Ok(images
            .filter_map(|owned| Some((ImageId::parse(&owned.id)?, owned)))
            .collect())
    }

    /// The bytes that each image has for itself, as far as the engine tells.
    async fn sizes(&self, images: &[(ImageId, Owned)]) -> HashMap<ImageId, u64> {
        if !self.are_good(images) {
            let asked = tokio::time::timeout(SIZES_PATIENCE, self.docker.image_sizes()).await;
            let mut sizes = self.lock();
            sizes.asked = Some(Instant::now());
            match asked {
                Ok(Ok(own)) => sizes.own = own,
                Ok(Err(error)) => tracing::debug!(%error, "the sizes of images are not known"),
                Err(_) => tracing::debug!("the engine does not tell the sizes of images in time"),
            }
        }
        self.lock().own.clone()
    }

    fn are_good(&self, images: &[(ImageId, Owned)]) -> bool {
        let sizes = self.lock();
        let complete = images.iter().all(|(id, _)| sizes.own.contains_key(id));
        let good = if complete { SIZES_GOOD } else { SIZES_ASKED };
        images.is_empty() || sizes.asked.is_some_and(|asked| asked.elapsed() < good)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sizes> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn remove_image(&self, image: &ImageId) -> Result<Removal, KeepError> {
        let size = self.lock().own.get(image).copied();
        let Some(used) = self.images.give_up(image).await else {
            return Ok(Removal::InUse);
        };
        // A build may have come to the same image at this moment.
        if self.images.keeps(image) {
            return Ok(Removal::InUse);
        }
        match self.docker.remove_image(image).await {
            Ok(true) => Ok(Removal::Removed {
                bytes: size.unwrap_or(0),
            }),
            Ok(false) => {
                self.images.adopt([(image.clone(), used)]);
                Ok(Removal::InUse)
            }
            Err(error) => {
                self.images.adopt([(image.clone(), used)]);
                Err(failed(&format!("remove the image {image}"), error))
            }
        }
    }
}

impl Keeper for ImageKeeper {
    fn kind(&self) -> KeptKind {
        KeptKind::Images
    }

    fn shares_disk(&self) -> bool {
        self.shares_disk
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Kept>, KeepError>> {
        async {
            self.images.load().await;
            let built = self.built().await?;
            let made = |owned: &Owned| {
                let seconds = owned.created.and_then(|at| u64::try_from(at).ok());
                UnixMillis::from_secs(seconds.unwrap_or(0))
            };
            self.images
                .adopt(built.iter().map(|(id, owned)| (id.clone(), made(owned))));
            let sizes = self.sizes(&built).await;
            let kept = built.iter().map(|(id, owned)| {
                let (last_used, in_use) = self.images.usage(id).unwrap_or((made(owned), true));
                Kept {
                    id: id.to_string(),
                    label: short(id.as_str()),
                    bytes: sizes.get(id).copied().unwrap_or(owned.size),
                    last_used,
                    in_use,
                }
            });
            Ok(kept.collect())
        }
        .boxed()
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Removal, KeepError>> {
        async move {
            match ImageId::parse(id) {
                Some(image) => self.remove_image(&image).await,
                None => Ok(Removal::Removed { bytes: 0 }),
            }
        }
        .boxed()
    }

    /// Containers, networks and volumes of runs that are over.
    fn sweep<'a>(&'a self, sweep: Sweep<'a>) -> BoxFuture<'a, Result<Vec<Leftover>, KeepError>> {
        async move {
            let mine = LabelFilter::is(label::SERVER, &*self.server);
            let run = |owned: &Owned| owned.labels.get(label::RUN).cloned().unwrap_or_default();
            let alive =
                |owned: &Owned| RunId::parse(&run(owned)).is_ok_and(|run| (sweep.alive)(&run));
            let left = if sweep.remove {
                let collected = self.docker.collect(&mine, alive).await;
                let collected =
                    collected.map_err(|error| failed("remove what belongs to no run", error))?;
                for (owned, error) in &collected.failed {
                    tracing::warn!(id = owned.id, %error, "what belongs to no run stays");
                }
                collected.removed
            } else {
                let mut found = self
                    .docker
                    .owned(&mine)
                    .await
                    .map_err(|error| failed("list what belongs to no run", error))?;
                found.retain(|owned| !alive(owned));
                found
            };
            let tell = |owned: Owned| Leftover {
                what: format!(
                    "{} {} of run {}",
                    kind(owned.kind),
                    short(&owned.id),
                    run(&owned)
                ),
                bytes: 0,
            };
            Ok(left.into_iter().map(tell).collect())
        }
        .boxed()
    }
}

fn kind(kind: OwnedKind) -> &'static str {
    match kind {
        OwnedKind::Container => "container",
        OwnedKind::Image => "image",
        OwnedKind::Network => "network",
        OwnedKind::Volume => "volume",
    }
}

/// An id as the Docker CLI shows it; a volume's name as it is.
fn short(id: &str) -> String {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    let is_id = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &digits[..12] } else { digits }.to_owned()
}

fn failed(what: &str, error: EngineError) -> KeepError {
    // Where the engine listens is no news to whoever reads this: the operator.
    let absent = matches!(error, EngineError::Unreachable { .. });
    KeepError {
        absent,
        ..KeepError::new(what, error)
    }
}
