use std::{collections::HashSet, io, sync::Arc};

use crate::{
    Clock, Engine, EngineConfig, SystemClock,
    ports::{Deliverer, Runner, Source, Store},
    store::MemoryStore,
};

/// Puts an [`Engine`] together.
#[derive(Debug)]
pub struct EngineBuilder {
    config: EngineConfig,
    source: Option<Arc<dyn Source>>,
    runner: Option<Arc<dyn Runner>>,
    deliverer: Option<Arc<dyn Deliverer>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// An engine could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildEngineError {
    /// A port was not given.
    #[error("the engine lacks its {port}: call `.{port}(…)` before `.build()`")]
    Missing {
        /// The builder method.
        port: &'static str,
    },
    /// The data directory can't be used.
    #[error("the data directory {path} can't be used")]
    DataDir {
        /// The directory.
        path: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl Engine {
    /// Begins to put an engine together.
    #[must_use]
    pub fn builder(config: EngineConfig) -> EngineBuilder {
        EngineBuilder {
            config,
            source: None,
            runner: None,
            deliverer: None,
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(SystemClock),
        }
    }
}

impl EngineBuilder {
    /// Where files come from.
    #[must_use]
    pub fn source(mut self, source: impl Source + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What builds and runs.
    #[must_use]
    pub fn runner(mut self, runner: impl Runner + 'static) -> Self {
        self.runner = Some(Arc::new(runner));
        self
    }

    /// What calls back.
    #[must_use]
    pub fn deliverer(mut self, deliverer: impl Deliverer + 'static) -> Self {
        self.deliverer = Some(Arc::new(deliverer));
        self
    }

    /// Where history is kept; in memory if nothing is said.
    #[must_use]
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// What tells the time; the machine's clock if nothing is said.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the engine, and removes what a run of an earlier life left in the data directory
    /// and in Docker. If Docker does not answer, that is left for the next start.
    ///
    /// # Errors
    /// See [`BuildEngineError`].
    pub async fn build(self) -> Result<Engine, BuildEngineError> {
        let missing = |port| BuildEngineError::Missing { port };
        let source = self.source.ok_or(missing("source"))?;
        let runner = self.runner.ok_or(missing("runner"))?;
        let deliverer = self.deliverer.ok_or(missing("deliverer"))?;
        prepare_data_dir(&self.config).await?;
        match runner.sweep(&HashSet::new()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed what earlier runs left in Docker"),
            Err(error) => tracing::warn!(%error, "what earlier runs left was not looked for"),
        }
        Ok(Engine::new(
            self.config,
            source,
            runner,
            deliverer,
            self.store,
            self.clock,
        ))
    }
}

/// History lives in the store, and the one store there is so far forgets at a restart: outputs
/// that no run belongs to are removed.
async fn prepare_data_dir(config: &EngineConfig) -> Result<(), BuildEngineError> {
    let runs = config.data_dir.join("runs");
    let failed = |source| BuildEngineError::DataDir {
        path: config.data_dir.display().to_string(),
        source,
    };
    match tokio::fs::remove_dir_all(&runs).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    tokio::fs::create_dir_all(&runs).await.map_err(failed)
}
