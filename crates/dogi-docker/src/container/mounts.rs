//! What a container has mounted, also one that this crate did not make.

use std::path::PathBuf;

use super::ContainerId;
use crate::client::Docker;
use crate::error::EngineError;

impl Docker {
    /// Binds and volumes of any container: for each its path on the engine's machine, and in the container.
    /// Mounts without a path there (tmpfs) are left out. Cancel safe.
    ///
    /// # Errors
    /// There is no such container (404), or the engine can't be reached.
    pub async fn mounts(&self, of: &ContainerId) -> Result<Vec<(PathBuf, PathBuf)>, EngineError> {
        let inspected = self.client().inspect_container(of.as_str(), None).await;
        let inspected =
            inspected.map_err(|err| self.fault("tell the mounts of a container", err))?;
        let mounts = inspected.mounts.unwrap_or_default().into_iter();
        let paths = mounts.filter_map(|mount| {
            let source = mount.source.filter(|source| !source.is_empty())?;
            Some((PathBuf::from(source), PathBuf::from(mount.destination?)))
        });
        Ok(paths.collect())
    }
}
