//! Images that the engine has.

use bollard::models::ImageInspect;
use bollard::query_parameters::RemoveImageOptions;

use super::ImageName;
use crate::build::ImageId;
use crate::client::Docker;
use crate::error::EngineError;

impl Docker {
    /// Whether the engine has this image. Cancel safe.
    ///
    /// # Errors
    /// The engine is gone.
    pub async fn image_exists(&self, image: &ImageId) -> Result<bool, EngineError> {
        Ok(self.inspect_any(image.as_str()).await?.is_some())
    }

    /// The id of the image that the engine has by this very name; `None` if it has none. A name without tag
    /// and digest means `latest`. No image is found by its id, or by the beginning of that. Cancel safe.
    ///
    /// # Errors
    /// The engine is gone.
    pub async fn local_image(&self, image: &ImageName) -> Result<Option<ImageId>, EngineError> {
        let found = self.inspect_named(image).await?;
        Ok(found.and_then(|found| found.id.as_deref().and_then(ImageId::parse)))
    }

    /// Removes an image of which only the id is left; fine if it is not there. Returns whether it is gone:
    /// an image that is in use stays. Cancel safe.
    ///
    /// # Errors
    /// The engine is gone, or failed.
    pub async fn remove_image(&self, image: &ImageId) -> Result<bool, EngineError> {
        let options = RemoveImageOptions {
            force: false,
            noprune: false,
            platforms: None,
        };
        let removed = self
            .client()
            .remove_image(image.as_str(), Some(options), None)
            .await
            .map_err(|err| self.fault("remove an image", err));
        match removed {
            Ok(_) => Ok(true),
            Err(err) if err.is_not_found() => Ok(true),
            Err(err) if err.status() == Some(409) => Ok(false),
            Err(err) => Err(err),
        }
    }

    /// The image of this name. What the engine takes for it is believed only if its own list of the image's
    /// names says so: engines go on to look for ids where no name fits.
    pub(super) async fn inspect_named(
        &self,
        image: &ImageName,
    ) -> Result<Option<ImageInspect>, EngineError> {
        let found = self.inspect_any(&image.full()).await?;
        Ok(found.filter(|found| is_called(found, image)))
    }

    async fn inspect_any(&self, name: &str) -> Result<Option<ImageInspect>, EngineError> {
        match self.client().inspect_image(name).await {
            Ok(found) => Ok(Some(found)),
            Err(err) => match self.fault("inspect an image", err) {
                err if err.is_not_found() => Ok(None),
                err => Err(err),
            },
        }
    }
}

fn is_called(found: &ImageInspect, image: &ImageName) -> bool {
    let names = match image.digest() {
        Some(_) => &found.repo_digests,
        None => &found.repo_tags,
    };
    let same = |name: &String| ImageName::parse(name).is_ok_and(|name| name.same_image(image));
    names.iter().flatten().any(same)
}
