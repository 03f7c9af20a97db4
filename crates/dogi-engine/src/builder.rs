use std::{io, path::Path, sync::Arc};

use crate::{
    Clock, Engine, EngineConfig, SystemClock,
    engine::Ports,
    governor::{self, Space},
    ports::{
        BlockingThreads, Deliverer, FixedSecrets, Host, Local, NoHost, NoLocal, NoNotifier,
        Notifier, Observer, Runner, Secrets, Source, Store, StoreError, Unobserved, ValueError,
        Values, Workers,
    },
    recovery,
    store::MemoryStore,
};

/// Puts an [`Engine`] together.
#[derive(Debug)]
pub struct EngineBuilder {
    config: EngineConfig,
    source: Option<Arc<dyn Source>>,
    runner: Option<Arc<dyn Runner>>,
    deliverer: Option<Arc<dyn Deliverer>>,
    host: Arc<dyn Host>,
    local: Arc<dyn Local>,
    notifier: Arc<dyn Notifier>,
    values: Arc<dyn Values>,
    secrets: Arc<dyn Secrets>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    workers: Arc<dyn Workers>,
    space: Option<Arc<dyn Space>>,
    idle: bool,
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
    /// The history can't be read.
    #[error("the history of earlier runs can't be read")]
    Store(#[source] StoreError),
    /// It can't be read who was told of earlier runs.
    #[error("it can't be read who was told of earlier runs")]
    Reports(#[source] ValueError),
}

impl BuildEngineError {
    pub(crate) fn data_dir(path: &Path, source: io::Error) -> Self {
        Self::DataDir {
            path: path.display().to_string(),
            source,
        }
    }
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
            host: Arc::new(NoHost),
            local: Arc::new(NoLocal),
            notifier: Arc::new(NoNotifier),
            values: Arc::new(MemoryStore::new()),
            secrets: Arc::new(FixedSecrets::default()),
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(SystemClock),
            observer: Arc::new(Unobserved),
            workers: Arc::new(BlockingThreads),
            space: None,
            idle: false,
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

    /// What runs commands on this machine; nothing does if nothing is said.
    #[must_use]
    pub fn host(mut self, host: impl Host + 'static) -> Self {
        self.host = Arc::new(host);
        self
    }

    /// What runs programs of this machine in a checkout; nothing does if nothing is said.
    #[must_use]
    pub fn local(mut self, local: impl Local + 'static) -> Self {
        self.local = Arc::new(local);
        self
    }

    /// What tells forges and people; nobody is told if nothing is said.
    #[must_use]
    pub fn notifier(mut self, notifier: impl Notifier + 'static) -> Self {
        self.notifier = Arc::new(notifier);
        self
    }

    /// Where it is kept who was told what; in memory if nothing is said.
    #[must_use]
    pub fn values(mut self, values: Arc<dyn Values>) -> Self {
        self.values = values;
        self
    }

    /// What knows the secrets of jobs; none is known if nothing is said.
    #[must_use]
    pub fn secrets(mut self, secrets: impl Secrets + 'static) -> Self {
        self.secrets = Arc::new(secrets);
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

    /// What watches; nothing if nothing is said.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Who does what may block; tokio's own threads for that if nothing is said.
    #[must_use]
    pub fn workers(mut self, workers: impl Workers + 'static) -> Self {
        self.workers = Arc::new(workers);
        self
    }

    /// What tells how full the disk is; the disk of the data directory does if nothing is said.
    #[must_use]
    pub fn space(mut self, space: impl Space + 'static) -> Self {
        self.space = Some(Arc::new(space));
        self
    }

    /// Only looks after what there is: the engine takes up nothing and takes no runs. What was not
    /// over stays as it is, for a later life. For [`Engine::collect`] where no server runs.
    #[must_use]
    pub fn idle(mut self) -> Self {
        self.idle = true;
        self
    }

    /// Builds the engine and takes up what an earlier life left: finished runs are history again,
    /// containers that run are read on, what was cut off before its container begins again, and
    /// callbacks that were not confirmed are made again. Directories that belong to no run are
    /// removed, and, as soon as Docker answers, whatever of this server belongs to none there.
    ///
    /// Not cancel safe: what was taken up goes on.
    ///
    /// # Errors
    /// See [`BuildEngineError`].
    pub async fn build(self) -> Result<Engine, BuildEngineError> {
        let missing = |port| BuildEngineError::Missing { port };
        let runs = self.config.data_dir.join("runs");
        let made = tokio::fs::create_dir_all(&runs).await;
        made.map_err(|source| BuildEngineError::data_dir(&self.config.data_dir, source))?;
        let engine = Engine::new(Ports {
            source: self.source.ok_or(missing("source"))?,
            runner: self.runner.ok_or(missing("runner"))?,
            deliverer: self.deliverer.ok_or(missing("deliverer"))?,
            config: self.config,
            host: self.host,
            local: self.local,
            notifier: self.notifier,
            values: self.values,
            secrets: self.secrets,
            store: self.store,
            clock: self.clock,
            observer: self.observer,
            workers: self.workers,
            space: self.space,
        });
        if self.idle {
            engine.close();
        }
        let reports = &engine.shared().reports;
        reports.load().await.map_err(BuildEngineError::Reports)?;
        recovery::recover(engine.shared()).await?;
        if !self.idle {
            engine.shared().sweep().await;
            governor::watch(engine.shared());
        }
        Ok(engine)
    }
}
