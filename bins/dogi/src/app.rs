//! The server, put together: what `dogi serve` runs, and what tests and embedders start
//! in-process.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dogi_engine::Engine;
use tokio_util::sync::CancellationToken;

use crate::Metrics;
use crate::config::{Report, Settings};
use crate::control::Control;
use crate::hooks::HookService;
use crate::http::{Claims, Gate, Http, Links, Readiness, State};
use crate::listen::{Limits, Listener, Tls, TlsError};
use crate::webhooks::WebhookService;
use crate::wire::WireError;

/// A server that listens already and answers once [`App::serve`] runs.
#[derive(Debug)]
pub struct App {
    engine: Engine,
    http: Http,
    hooks: Arc<HookService>,
    webhooks: Option<Arc<WebhookService>>,
    listener: Listener,
    /// For commands on the same machine.
    control: Option<Control>,
    /// On the data directory, while the server lives.
    lock: Option<File>,
    /// What is under way has so long when the server stops.
    grace: Duration,
}

/// Why a server can't be put together. None of these is a wrong setting by itself: something that
/// a setting names is not there, or not as it has to be.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nobody can listen there.
    #[error("cannot listen on {addr} (LISTEN)")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key.
    #[error("cannot serve HTTPS (CERT_PATH)")]
    Tls(#[from] TlsError),
    /// There are mistakes in the files of hooks.
    #[error("{0}")]
    Hooks(Report),
    /// The engine could not be built.
    #[error(transparent)]
    Engine(#[from] crate::wire::WireError),
}

impl App {
    /// Builds everything that the settings name, the connection to Docker included, and listens.
    /// An engine that does not answer is reported, and jobs are answered 503 until it does.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(settings: &Settings) -> Result<Self, BuildError> {
        let hooks = hooks(settings).await?;
        let metrics = Metrics::new();
        let wired = crate::wire::server(settings, &links(settings), &metrics).await?;
        let webhooks = WebhookService::open(settings, wired.mirrors, wired.values).await;
        let webhooks = webhooks.map_err(|error| WireError::Deliveries(Box::new(error)))?;
        let webhooks = Arc::new(webhooks);
        let engine = wired.engine;
        let app = Self::assemble(settings, engine, metrics, hooks, Some(webhooks)).await?;
        let control = Control::bind(&settings.storage.data_dir);
        if let Err(error) = &control {
            tracing::warn!(%error, "no control.sock in DATA_DIR: `dogi gc` can't ask this server");
        }
        Ok(Self {
            control: control.ok(),
            lock: Some(wired.lock),
            ..app
        })
    }

    /// The same over an engine of the caller's, which should have `metrics` for an observer:
    /// `/metrics` tells what it saw.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn with_engine(
        settings: &Settings,
        engine: Engine,
        metrics: Metrics,
    ) -> Result<Self, BuildError> {
        let hooks = hooks(settings).await?;
        Self::assemble(settings, engine, metrics, hooks, None).await
    }

    async fn assemble(
        settings: &Settings,
        engine: Engine,
        metrics: Metrics,
        hooks: Arc<HookService>,
        webhooks: Option<Arc<WebhookService>>,
    ) -> Result<Self, BuildError> {
        let listener = listener(settings).await?;
        let http = Http::new(State {
            engine: engine.clone(),
            namespace: settings.storage.namespace.clone(),
            gate: Gate::new(&settings.access),
            links: links(settings),
            egress: Arc::new(crate::wire::policy(settings)),
            url_repos: settings.file.url_repos.clone(),
            allow_git: settings.file.git.allow_git,
            allow_file: settings.file.git.allow_file,
            trusted_proxies: settings.listen.trusted_proxies.clone(),
            claims: Claims::default(),
            metrics,
            readiness: Readiness::default(),
            hooks: hooks.clone(),
            webhooks: webhooks.clone(),
            connections: listener.connections(),
            admission_limits: (settings.jobs.max_running, settings.jobs.max_queued),
        });
        Ok(Self {
            engine,
            http,
            hooks,
            webhooks,
            listener,
            control: None,
            lock: None,
            grace: settings.listen.stop_grace,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Whatever the operating system says of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs the jobs.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads the files of hooks again, when it is called: for whoever hears a signal.
    #[must_use]
    pub fn hook_reloader(&self) -> HookReloader {
        HookReloader(self.hooks.clone())
    }

    /// Serves until `stop`. Then: no new jobs, no new connections, responses may finish, and what
    /// runs in Docker goes on, for another life to take up: this engine does nothing more. Dropping the future stops accepting, but not the connections there
    /// are.
    pub async fn serve(self, stop: CancellationToken) {
        let Self {
            engine,
            http,
            hooks,
            webhooks,
            listener,
            control,
            lock,
            grace,
        } = self;
        if let Some(webhooks) = webhooks {
            webhooks.resume(&engine).await;
        }
        let drain = CancellationToken::new();
        let closing = async {
            stop.cancelled().await;
            // Before any connection is closed: a lease that ends now ends no job.
            engine.close();
            drain.cancel();
        };
        let commands = async {
            if let Some(control) = control {
                control.serve(engine.clone(), drain.clone()).await;
            }
        };
        let watching = hooks.watch(drain.clone());
        let serving = listener.serve(http, drain.clone());
        // What was promised by an answer has as long as answers have.
        let ending = async {
            drain.cancelled().await;
            let ended = tokio::time::timeout(grace, engine.commands_ended()).await;
            if ended.is_err() {
                tracing::warn!("commands of hooks took too long, and are ended");
            }
        };
        tokio::join!(serving, commands, closing, watching, ending);
        // Those too that an answer of the last moment promised.
        engine.end_commands().await;
        // Work that the end of the process cuts off has not failed.
        engine.halt();
        drop(lock);
    }
}

/// Makes a server read its files of hooks again.
#[derive(Clone, Debug)]
pub struct HookReloader(Arc<HookService>);

impl HookReloader {
    /// Reads them. Where there is a mistake in any of them it is logged, and all hooks stay as they
    /// were.
    pub async fn reload(&self) {
        self.0.reload().await;
    }
}

async fn hooks(settings: &Settings) -> Result<Arc<HookService>, BuildError> {
    // A page of YAML: not worth a thread of its own, and nobody waits for an answer yet.
    let service = HookService::load(settings).map_err(BuildError::Hooks)?;
    Ok(Arc::new(service))
}

async fn listener(settings: &Settings) -> Result<Listener, BuildError> {
    let tls = settings.listen.tls.clone().map(Tls::load).transpose()?;
    let addr = settings.listen.addr;
    let limits = Limits {
        max_connections: settings.listen.max_connections,
        grace: settings.listen.stop_grace,
        ..Limits::default()
    };
    Listener::bind(addr, tls, limits)
        .await
        .map_err(|source| BuildError::Listen { addr, source })
}

fn links(settings: &Settings) -> Links {
    let gate = Gate::new(&settings.access);
    Links::new(
        settings.listen.advertised_url.clone(),
        gate.signing_keys().cloned(),
    )
}
