//! What the tests left in the engine.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    Result,
    docker::{Engine, Kind, LABEL, Thing},
};

/// How long the engine may take to finish a removal that was already under way.
const GRACE: Duration = Duration::from_secs(5);

/// What dogi labels things with, and what the tests of a single crate do.
const LABELS: [&str; 2] = [LABEL, "dogi.test"];

/// What dogi labels the images with that it builds.
const BUILT: &str = "dogi.built-by";

/// What the engine held of dogi's when the tests began: somebody's own server may
/// run on the same machine.
#[derive(Debug)]
pub(crate) struct Snapshot {
    engine: Engine,
    before: BTreeSet<Thing>,
}

impl Snapshot {
    pub(crate) fn take() -> Result<Self> {
        let engine = Engine::find()?;
        let before = labelled(&engine)?;
        Ok(Self { engine, before })
    }

    /// How many images were built since: dogi keeps them on purpose, to use them again.
    pub(crate) fn images_built(&self) -> Result<usize> {
        let now = labelled(&self.engine)?;
        Ok(now
            .difference(&self.before)
            .filter(|thing| thing.kind == Kind::Image)
            .count())
    }

    /// Containers, networks and volumes with dogi's label that were not there before.
    pub(crate) async fn what_is_new(&self) -> Result<Vec<Thing>> {
        let start = tokio::time::Instant::now();
        let mut turn = tokio::time::interval(Duration::from_millis(250));
        loop {
            turn.tick().await;
            let new: Vec<Thing> = labelled(&self.engine)?
                .into_iter()
                .filter(|thing| thing.kind != Kind::Image && !self.before.contains(thing))
                .collect();
            if new.is_empty() || start.elapsed() > GRACE {
                return Ok(new);
            }
        }
    }
}

fn labelled(engine: &Engine) -> Result<BTreeSet<Thing>> {
    let mut things = BTreeSet::new();
    for label in LABELS.into_iter().chain([BUILT]) {
        things.extend(engine.labelled(label)?);
    }
    Ok(things)
}
