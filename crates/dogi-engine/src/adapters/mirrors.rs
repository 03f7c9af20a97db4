//! Mirrors of repositories, as things that are kept within a budget.

use std::{io, time::UNIX_EPOCH};

use dogi_git::Mirrors;
use dogi_job::UnixMillis;
use futures::{FutureExt, future::BoxFuture};

use crate::ports::{KeepError, Keeper, Kept, KeptKind, Leftover, Removal, Sweep};

#[derive(Debug)]
pub(super) struct MirrorKeeper {
    mirrors: Mirrors,
}

impl MirrorKeeper {
    pub(super) fn new(mirrors: Mirrors) -> Self {
        Self { mirrors }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        act: impl FnOnce(Mirrors) -> io::Result<T> + Send + 'static,
    ) -> Result<T, KeepError> {
        let mirrors = self.mirrors.clone();
        tokio::task::spawn_blocking(move || act(mirrors))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| KeepError::new(what, error))
    }
}

impl Keeper for MirrorKeeper {
    fn kind(&self) -> KeptKind {
        KeptKind::Mirrors
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Kept>, KeepError>> {
        async {
            let listed = self.blocking("list the mirrors", |mirrors| mirrors.list());
            let kept = listed.await?.into_iter().map(|mirror| {
                let since = mirror.last_used.duration_since(UNIX_EPOCH);
                let millis = since.unwrap_or_default().as_millis();
                Kept {
                    label: match mirror.url.as_str() {
                        "" => mirror.name.clone(),
                        url => url.to_owned(),
                    },
                    id: mirror.name,
                    bytes: mirror.bytes,
                    last_used: UnixMillis(u64::try_from(millis).unwrap_or(u64::MAX)),
                    in_use: mirror.in_use,
                }
            });
            Ok(kept.collect())
        }
        .boxed()
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Removal, KeepError>> {
        async move {
            let id = id.to_owned();
            let removed = self.blocking("remove a mirror", move |mirrors| mirrors.remove(&id));
            Ok(match removed.await? {
                dogi_git::Removal::Removed { bytes } => Removal::Removed { bytes },
                dogi_git::Removal::InUse => Removal::InUse,
            })
        }
        .boxed()
    }

    fn sweep<'a>(&'a self, sweep: Sweep<'a>) -> BoxFuture<'a, Result<Vec<Leftover>, KeepError>> {
        async move {
            let remove = sweep.remove;
            let swept = self.blocking("look for what half-made mirrors left", move |mirrors| {
                mirrors.sweep(remove)
            });
            let left = swept.await?.into_iter().map(|left| Leftover {
                what: format!("mirrors/{}", left.name),
                bytes: left.bytes,
            });
            Ok(left.collect())
        }
        .boxed()
    }
}
