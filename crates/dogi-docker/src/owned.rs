//! Finding and removing what was made here, by labels.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerSummary, ImageSummary, Network, Volume};
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions,
    RemoveVolumeOptions,
};

use crate::build::ImageId;
use crate::client::Docker;
use crate::container::ContainerId;
use crate::error::EngineError;

/// Labels that a thing must have, all of them, to be found. `None` as value: any value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelFilter {
    labels: BTreeMap<String, Option<String>>,
}

impl LabelFilter {
    /// Things that have this label, whatever its value.
    pub fn has(name: impl Into<String>) -> LabelFilter {
        LabelFilter {
            labels: BTreeMap::from([(name.into(), None)]),
        }
    }

    /// Things that have this label with this value.
    pub fn is(name: impl Into<String>, value: impl Into<String>) -> LabelFilter {
        LabelFilter {
            labels: BTreeMap::from([(name.into(), Some(value.into()))]),
        }
    }

    /// And this label with this value too.
    #[must_use]
    pub fn and(mut self, name: impl Into<String>, value: impl Into<String>) -> LabelFilter {
        self.labels.insert(name.into(), Some(value.into()));
        self
    }

    /// Whether something with these labels is meant. A filter without any label means nothing at all:
    /// nobody wants to collect a whole engine.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.labels.is_empty()
            && self
                .labels
                .iter()
                .all(|(name, wanted)| match (labels.get(name), wanted) {
                    (Some(found), Some(wanted)) => found == wanted,
                    (Some(_), None) => true,
                    (None, _) => false,
                })
    }

    fn query(&self) -> HashMap<String, Vec<String>> {
        let label = |(name, value): (&String, &Option<String>)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        };
        HashMap::from([("label".to_owned(), self.labels.iter().map(label).collect())])
    }
}

/// Kinds of things that an engine keeps, in the order in which they can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnedKind {
    /// A container in any state.
    Container,
    /// An image that no name points to.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

/// One thing that carries the labels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owned {
    /// What it is.
    pub kind: OwnedKind,
    /// The engine's id; a volume's name.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is a container that runs.
    pub running: bool,
    /// Size in bytes, of images.
    pub size: u64,
    /// When it was made, in seconds since 1970, where the engine tells.
    pub created: Option<i64>,
}

/// What a collection came to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Collected {
    /// What was removed.
    pub removed: Vec<Owned>,
    /// What is in use, and stays.
    pub in_use: Vec<Owned>,
    /// What could not be removed, and why.
    pub failed: Vec<(Owned, EngineError)>,
}

impl Docker {
    /// Everything that carries the labels: containers in any state, images without a name, networks,
    /// volumes. Cancel safe.
    ///
    /// # Errors
    /// The engine is gone.
    pub async fn owned(&self, filter: &LabelFilter) -> Result<Vec<Owned>, EngineError> {
        let what = "list what is labelled";
        let client = self.client();
        let fault = |err| self.fault(what, err);
        let containers = ListContainersOptions {
            all: true,
            filters: Some(filter.query()),
            ..ListContainersOptions::default()
        };
        let mut dangling = filter.query();
        dangling.insert("dangling".to_owned(), vec!["true".to_owned()]);
        let images = ListImagesOptions {
            filters: Some(dangling),
            ..ListImagesOptions::default()
        };
        let networks = ListNetworksOptions {
            filters: Some(filter.query()),
        };
        let volumes = ListVolumesOptions {
            filters: Some(filter.query()),
        };
        let (containers, images, networks, volumes) = futures::try_join!(
            client.list_containers(Some(containers)),
            client.list_images(Some(images)),
            client.list_networks(Some(networks)),
            client.list_volumes(Some(volumes)),
        )
        .map_err(fault)?;
        let found = containers
            .into_iter()
            .filter_map(from_container)
            .chain(images.into_iter().map(from_image))
            .chain(networks.into_iter().filter_map(from_network))
            .chain(volumes.volumes.into_iter().flatten().map(from_volume));
        // The engine filters too; this is what counts.
        Ok(found
            .filter(|owned| filter.matches(&owned.labels))
            .collect())
    }

    /// Removes everything that carries the labels and that `keep` does not want to keep. Running
    /// containers are killed; images, networks and volumes that are in use stay.
    ///
    /// Dropping the future stops between two removals.
    ///
    /// # Errors
    /// The engine is gone. What can't be removed is told in [`Collected::failed`].
    pub async fn collect(
        &self,
        filter: &LabelFilter,
        keep: impl Fn(&Owned) -> bool,
    ) -> Result<Collected, EngineError> {
        let mut found = self.owned(filter).await?;
        found.sort_by_key(|owned| owned.kind);
        let mut collected = Collected::default();
        for owned in found.into_iter().filter(|owned| !keep(owned)) {
            match self.remove_owned(&owned).await {
                Ok(true) => collected.removed.push(owned),
                Ok(false) => collected.in_use.push(owned),
                Err(err) if err.is_engine_gone() => return Err(err),
                Err(err) => collected.failed.push((owned, err)),
            }
        }
        Ok(collected)
    }

    /// Whether it is gone; `false`: it is in use.
    async fn remove_owned(&self, owned: &Owned) -> Result<bool, EngineError> {
        let what = "remove what is labelled";
        let removed = match owned.kind {
            OwnedKind::Container => {
                let Some(id) = ContainerId::parse(&owned.id) else {
                    return Ok(true);
                };
                return match self.container(&id).await {
                    Ok(container) => container.remove().await.map(|()| true),
                    Err(err) if err.is_not_found() => Ok(true),
                    Err(err) => Err(err),
                };
            }
            OwnedKind::Image => {
                let Some(id) = ImageId::parse(&owned.id) else {
                    return Ok(true);
                };
                return self.remove_image(&id).await;
            }
            OwnedKind::Network => self.client().remove_network(&owned.id).await,
            OwnedKind::Volume => {
                let options = RemoveVolumeOptions { force: false };
                self.client().remove_volume(&owned.id, Some(options)).await
            }
        };
        match removed.map_err(|err| self.fault(what, err)) {
            Ok(()) => Ok(true),
            Err(err) if err.is_not_found() => Ok(true),
            Err(err) if err.status() == Some(409) => Ok(false),
            // A network with endpoints is refused with 403.
            Err(EngineError::Refused {
                status: 403,
                message,
                ..
            }) if message.contains("active endpoints") => Ok(false),
            Err(err) => Err(err),
        }
    }
}

fn sorted(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().collect()
}

fn from_container(found: ContainerSummary) -> Option<Owned> {
    use bollard::models::ContainerSummaryStateEnum as State;
    let running = matches!(
        found.state,
        Some(State::RUNNING | State::PAUSED | State::RESTARTING)
    );
    Some(Owned {
        kind: OwnedKind::Container,
        id: found.id?,
        labels: sorted(found.labels.unwrap_or_default()),
        running,
        size: 0,
        created: found.created,
    })
}

fn from_image(found: ImageSummary) -> Owned {
    Owned {
        kind: OwnedKind::Image,
        id: found.id,
        labels: sorted(found.labels),
        running: false,
        size: u64::try_from(found.size).unwrap_or(0),
        created: Some(found.created),
    }
}

fn from_network(found: Network) -> Option<Owned> {
    Some(Owned {
        kind: OwnedKind::Network,
        id: found.id?,
        labels: sorted(found.labels.unwrap_or_default()),
        running: false,
        size: 0,
        created: found.created.map(|at| at.unix_timestamp()),
    })
}

fn from_volume(found: Volume) -> Owned {
    Owned {
        kind: OwnedKind::Volume,
        id: found.name,
        labels: sorted(found.labels),
        running: false,
        size: 0,
        created: found.created_at.map(|at| at.unix_timestamp()),
    }
}
