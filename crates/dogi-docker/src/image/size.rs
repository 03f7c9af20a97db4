//! What images take on disk.

use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Deserialize;

use crate::build::ImageId;
use crate::client::Docker;
use crate::error::EngineError;

/// As much of an answer is read: some ten thousand images.
const MAX_ANSWER: usize = 16 << 20;

#[derive(Deserialize)]
struct Usage {
    #[serde(rename = "Images", default)]
    images: Option<Vec<Image>>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Size", default)]
    size: i64,
    #[serde(rename = "SharedSize", default)]
    shared: i64,
}

impl Docker {
    /// Bytes that would become free, image by image, if that image alone were removed: what it
    /// shares with others is not counted.
    ///
    /// An engine before version 23 (API 1.42) looks at containers and volumes, too, before it
    /// answers: on a large one that takes long. Cancel safe.
    ///
    /// # Errors
    /// The engine is gone, or does not know either (it answers one such question at a time).
    pub async fn image_sizes(&self) -> Result<HashMap<ImageId, u64>, EngineError> {
        let what = "tell what images take on disk";
        let path = "/system/df?type=image";
        let answer = self
            .raw(
                what,
                http::Method::GET,
                path,
                |builder| builder,
                Bytes::new(),
            )
            .await?;
        let body = http_body_util::Limited::new(answer.into_body(), MAX_ANSWER);
        let body = body.collect().await.map_err(|err| self.lost(what, err))?;
        let garbled = |err: serde_json::Error| EngineError::Garbled {
            what: what.to_owned(),
            reason: err.to_string(),
        };
        let usage: Usage = serde_json::from_slice(&body.to_bytes()).map_err(garbled)?;
        let images = usage.images.into_iter().flatten();
        let sizes = images.filter_map(|image| {
            // -1 stands for a size that was not computed.
            let own = image.size.saturating_sub(image.shared.max(0));
            Some((ImageId::parse(&image.id)?, u64::try_from(own).unwrap_or(0)))
        });
        Ok(sizes.collect())
    }
}
