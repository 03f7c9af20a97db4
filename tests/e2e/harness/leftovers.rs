//! What a server leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use dogi_testkit::wait;

use super::{Dogi, Submitted, docker::Engine, of_namespace};

/// Anonymous volumes have no labels: they are known by the containers that have them.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    seen: BTreeSet<String>,
}

impl Volumes {
    /// Notes the volumes of the containers that are there now.
    pub(crate) fn look(&mut self, engine: &Engine, namespace: &str) {
        let containers = engine.containers(&of_namespace(namespace));
        self.seen.extend(engine.volumes_of(&containers));
    }

    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    fn left(&self, engine: &Engine) -> Vec<String> {
        let there = engine.volumes();
        self.seen.intersection(&there).cloned().collect()
    }
}

/// Asserts that of all its jobs nothing is left in Docker but the images, as many as there were
/// different ones to build, and nothing in the data directory but the history.
pub(crate) async fn assert_nothing_left(
    dogi: &Dogi,
    engine: &Engine,
    volumes: &Volumes,
    images: usize,
    kept: &[Submitted],
) {
    let (label, server) = (of_namespace(&dogi.namespace), dogi.server_id());
    let of_server = format!("dogi.server={server}");
    let what_is_left = || {
        let mut left = BTreeMap::new();
        left.insert("containers", engine.containers(&label));
        left.insert("containers of the server", engine.containers(&of_server));
        left.insert("networks", engine.networks(&of_server));
        left.insert("volumes", volumes.left(engine));
        left.retain(|_, names| !names.is_empty());
        left
    };
    let gone = wait::until("Docker to be empty", || async {
        what_is_left().is_empty().then_some(())
    });
    if let Err(error) = gone.await {
        panic!("{error}: {:?}", what_is_left());
    }
    let built = engine.images(&format!("dogi.built-by={server}"));
    assert_eq!(built.len(), images, "images that nobody knows: {built:?}");
    let runs: BTreeSet<String> = kept.iter().map(|kept| kept.run.clone()).collect();
    assert_eq!(names(&dogi.data_dir().join("runs")), runs, "directories");
}

/// The names in a directory.
pub(crate) fn names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    entries
        .map(|entry| {
            let name = entry.expect("readable").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect()
}
