//! From settings to an engine over real git, real Docker and real callbacks.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dogi_docker::{Docker, Endpoint, EngineError, EngineInfo, RegistryAuth};
use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions};
use dogi_engine::adapters::{CallbackDeliverer, DockerOptions, DockerRunner, SqliteStore};
use dogi_engine::ports::Values;
use dogi_engine::{Ceilings, Engine, EngineConfig, MemoryStore};
use dogi_git::Mirrors;
use dogi_hooks::{Sender, SenderOptions, Signer};
use dogi_job::AdmissionLimits;
use dogi_store::Store as Database;
use tokio::time::timeout;

use crate::Metrics;
use crate::config::{Registry, Settings};
use crate::http::{Links, payload};

mod git;
mod notify;
mod once;
mod place;
mod programs;

use git::{mirrors, mirrors_dir, source};
use notify::notifier;
pub(crate) use notify::{kinds, tellable};
pub(crate) use once::Once;
use place::{lock, lock_existing, private_dir, server_id, unique};
use programs::{local, secrets};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The data directory can't be used.
    #[error("the data directory {} cannot be used (DATA_DIR)", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server works in the data directory.
    #[error("another dogi works in {} (DATA_DIR)", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Nothing was ever kept in the data directory.
    #[error("no dogi has worked in {} (DATA_DIR)", path.display())]
    NoData {
        /// The directory, which may not exist.
        path: PathBuf,
    },
    /// `DOCKER_HOST` and the like can't be used.
    #[error("cannot use the Docker engine (DOCKER_HOST, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY)")]
    Docker(#[from] dogi_docker::ConnectError),
    /// No mirrors of repositories can be kept.
    #[error("cannot keep mirrors of repositories")]
    Mirrors(#[source] dogi_git::CheckoutError),
    /// No callbacks can be sent.
    #[error("cannot send callbacks")]
    Callbacks(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody can be told what becomes of runs.
    #[error("cannot tell forges or people what becomes of runs")]
    Notify(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The deliveries of earlier lives can't be read.
    #[error("cannot read the deliveries that were taken (DATA_DIR)")]
    Deliveries(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database can't be opened.
    #[error("cannot open the database of runs (DATA_DIR)")]
    Database(#[from] dogi_store::OpenError),
    /// The engine could not be put together.
    #[error(transparent)]
    Engine(#[from] dogi_engine::BuildEngineError),
}

/// An engine, and the lock on the directory that it works in.
#[derive(Debug)]
pub(crate) struct Wired {
    pub(crate) engine: Engine,
    pub(crate) mirrors: Mirrors,
    /// Small values that outlive the process.
    pub(crate) values: Arc<dyn Values>,
    pub(crate) lock: File,
}

/// What runs are kept in, and by which name Docker's things are told apart from other servers'.
#[derive(Debug)]
pub(crate) struct Place {
    /// For outputs, and for this engine alone.
    pub(crate) dir: PathBuf,
    /// Of this engine's things in Docker.
    pub(crate) server: String,
    /// What the engine is for.
    pub(crate) role: Role,
    /// Where history is kept; `None`: nowhere.
    pub(crate) store: Option<SqliteStore>,
}

/// What an engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It takes runs, and those of its earlier lives.
    Serve,
    /// One run. Other engines that live now call their things in Docker by the same name.
    Once,
    /// To look after what there is.
    Collect,
}

/// How long the start waits for a Docker engine to say what it is: one that is silent for longer is
/// as good as none, and jobs are answered 503 until it speaks.
const GREETING: Duration = Duration::from_secs(5);

/// The database of a data directory.
pub(crate) const DATABASE: &str = "dogi.db";
/// Where single runs work, in a data directory.
const ONCE: &str = "once";

/// What the settings let clones and callbacks reach: the hosts that the operator named are exempt
/// from the policy.
pub(crate) fn policy(settings: &Settings) -> EgressPolicy {
    let git = &settings.file.git;
    let named = settings.file.forges.keys().chain(git.ssh_keys.keys());
    let named = named.map(|host| without_port(host));
    // The default is nobody's word.
    let github = settings.network.github_url.host_str();
    let github = github
        .filter(|host| *host != "github.com")
        .map(without_port);
    let hosts: BTreeSet<&str> = named.chain(github).collect();
    hosts
        .into_iter()
        .fold(settings.network.egress.clone(), EgressPolicy::exempt)
}

/// `host:port` and `[::1]:port` without the port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let v6 = name.contains(':') && !name.starts_with('[');
            if v6 {
                host
            } else {
                name.trim_matches(['[', ']'])
            }
        }
        _ => host.trim_matches(['[', ']']),
    }
}

/// The server's engine.
pub(crate) async fn server(
    settings: &Settings,
    links: &Links,
    metrics: &Metrics,
) -> Result<Wired, WireError> {
    wired(settings, links, metrics, Role::Serve).await
}

/// An engine in the server's place that takes nothing up and no runs.
pub(crate) async fn idle(settings: &Settings) -> Result<Wired, WireError> {
    let (links, metrics) = (Links::new(None, None), Metrics::new());
    wired(settings, &links, &metrics, Role::Collect).await
}

async fn wired(
    settings: &Settings,
    links: &Links,
    metrics: &Metrics,
    role: Role,
) -> Result<Wired, WireError> {
    let dir = settings.storage.data_dir.clone();
    let lock = match role {
        Role::Collect => lock_existing(&dir)?,
        Role::Serve | Role::Once => lock(&dir)?,
    };
    let once = dir.join(ONCE);
    if once.exists() {
        private_dir(&once)?;
    }
    let server = server_id(&dir).map_err(|source| WireError::DataDir {
        path: dir.clone(),
        source,
    })?;
    let store = SqliteStore::new(open_store(&dir).await?);
    let place = Place {
        store: Some(store.clone()),
        dir,
        server,
        role,
    };
    let (engine, mirrors) = engine(settings, links, &place, metrics).await?;
    Ok(Wired {
        engine,
        mirrors,
        values: Arc::new(store),
        lock,
    })
}

/// An engine in a place that the caller has locked.
pub(crate) async fn engine(
    settings: &Settings,
    links: &Links,
    place: &Place,
    metrics: &Metrics,
) -> Result<(Engine, Mirrors), WireError> {
    private_dir(&place.dir.join("runs"))?;
    private_dir(&mirrors_dir(settings))?;
    let policy = Arc::new(policy(settings));
    let docker = Docker::connect(&endpoint(settings))?;
    let info = info(&docker).await;
    greet(&docker, info.as_ref());
    let options = DockerOptions {
        shares_disk: info.is_err() || shares_disk(&docker, &place.dir).await,
        ..docker_options(settings, place)
    };
    let mirrors = mirrors(settings, &policy)?;
    let builder = Engine::builder(config(settings, place))
        .observer(metrics.clone())
        .host(crate::hooks::host(settings))
        .local(local(settings, place, &docker))
        .secrets(secrets(settings))
        .notifier(notifier(settings, &policy, links)?)
        .source(source(settings, mirrors.clone(), info.ok().as_ref()))
        .deliverer(deliverer(settings, &policy, links)?);
    let builder = match &place.store {
        Some(store) => builder.values(Arc::new(store.clone())),
        None => builder,
    };
    let builder = match &place.store {
        Some(store) => builder.store(metrics.measured(store.clone())),
        None => builder.store(metrics.measured(MemoryStore::new())),
    };
    let runner = DockerRunner::new(docker, options);
    let runner = match &place.store {
        Some(store) => runner.with_values(Arc::new(store.clone())),
        None => runner,
    };
    let builder = match place.role {
        Role::Serve | Role::Once => builder.runner(runner),
        Role::Collect => builder.runner(runner).idle(),
    };
    Ok((builder.build().await?, mirrors))
}

/// What the engine says of itself, or that it is silent.
async fn info(docker: &Docker) -> Result<EngineInfo, EngineError> {
    let silent = |_| {
        Err(EngineError::TimedOut {
            endpoint: docker.endpoint().to_string(),
            what: "tell its version".to_owned(),
        })
    };
    timeout(GREETING, docker.info())
        .await
        .unwrap_or_else(silent)
}

/// Whether removing images makes room in `dir`. Where that can't be seen (dogi in a container) a
/// local engine is taken to share the disk.
async fn shares_disk(docker: &Docker, dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    if !docker.endpoint().is_local() {
        return false;
    }
    let Ok(Ok(Some(root))) = timeout(GREETING, docker.root_dir()).await else {
        return true;
    };
    match (std::fs::metadata(root), std::fs::metadata(dir)) {
        (Ok(root), Ok(dir)) => root.dev() == dir.dev(),
        _ => true,
    }
}

async fn open_store(dir: &Path) -> Result<Database, WireError> {
    let path = dir.join(DATABASE);
    let opening =
        tokio::task::spawn_blocking(move || Database::open(&path, &dogi_store::Options::default()));
    let opened = opening.await.map_err(|error| WireError::DataDir {
        path: dir.to_path_buf(),
        source: io::Error::other(error),
    })?;
    Ok(opened?)
}

pub(crate) fn endpoint(settings: &Settings) -> Endpoint {
    let docker = &settings.docker;
    Endpoint {
        host: docker.host.clone().unwrap_or_default(),
        cert_path: docker.cert_path.clone(),
        tls_verify: docker.tls_verify,
        ..Endpoint::default()
    }
}

fn greet(docker: &Docker, info: Result<&EngineInfo, &EngineError>) {
    let host = docker.endpoint();
    match info {
        Ok(info) => tracing::info!(
            %host,
            version = info.version,
            api = info.api,
            buildkit = info.buildkit,
            "Docker engine"
        ),
        Err(error) => tracing::warn!(
            %host,
            error = %crate::chain(error),
            "the Docker engine does not answer: no job can run until it does"
        ),
    }
}

fn config(settings: &Settings, place: &Place) -> EngineConfig {
    let jobs = &settings.jobs;
    EngineConfig {
        namespace: settings.storage.namespace.clone(),
        admission: AdmissionLimits {
            running: jobs.max_running,
            queued: jobs.max_queued,
        },
        keep_runs: settings.storage.keep_runs,
        keep_bytes: settings.storage.keep_bytes,
        keep_mirror_bytes: settings.storage.keep_mirror_bytes,
        keep_image_bytes: settings.storage.keep_image_bytes,
        // A person who runs one job knows the disk; only the reserve counts then.
        min_free_bytes: match place.role {
            Role::Once => 0,
            Role::Serve | Role::Collect => settings.storage.min_free_bytes,
        },
        max_log_bytes: jobs.max_log_bytes,
        at_log_limit: jobs.at_log_limit,
        ceilings: Ceilings {
            timeout: jobs.timeout,
            memory: jobs.memory,
            cpus: jobs.cpus,
        },
        ..EngineConfig::new(&place.dir)
    }
}

fn docker_options(settings: &Settings, place: &Place) -> DockerOptions {
    let docker = &settings.docker;
    DockerOptions {
        builder: match docker.buildkit {
            None => dogi_docker::Builder::Auto,
            Some(true) => dogi_docker::Builder::BuildKit,
            Some(false) => dogi_docker::Builder::Classic,
        },
        registries: registries(settings),
        pids: Some(settings.jobs.pids.unsigned_abs()),
        log_max_bytes: settings.jobs.max_log_bytes,
        // What is none of its run's may belong to a command that lives.
        sweeps: place.role != Role::Once,
        ..DockerOptions::new(&place.server)
    }
}

fn registries(settings: &Settings) -> RegistryAuth {
    let cli = settings
        .docker
        .config_dir
        .clone()
        .map(RegistryAuth::cli)
        .unwrap_or_default();
    registries_of(settings)
        .into_iter()
        .fold(cli, |auth, (host, registry)| {
            let credentials = dogi_docker::Credentials::Password {
                user: registry.user.clone(),
                password: registry.password.expose().to_owned(),
            };
            auth.with(host, credentials)
        })
}

/// By host: those of the file, and that of compose-ci's variables.
fn registries_of(settings: &Settings) -> Vec<(&String, &Registry)> {
    let ci = settings.compose_ci.as_ref();
    let login = ci.and_then(|ci| ci.login.as_ref());
    let of_file = settings.file.registries.iter();
    of_file
        .chain(login.map(|(host, registry)| (host, registry)))
        .collect()
}

fn deliverer(
    settings: &Settings,
    policy: &Arc<EgressPolicy>,
    links: &Links,
) -> Result<CallbackDeliverer, WireError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| WireError::Callbacks(error);
    let options = HttpOptions {
        proxies: settings.network.proxies.clone(),
        ..HttpOptions::default()
    };
    let http = Http::new(Guard::new(Arc::clone(policy)), options)
        .map_err(|error| failed(Box::new(error)))?;
    let signer = settings.callbacks.secret.clone().map(Signer::new);
    let options = SenderOptions {
        signer,
        ..SenderOptions::default()
    };
    let sender = Sender::new(&http, options).map_err(|error| failed(Box::new(error)))?;
    let links = links.clone();
    let payload = Arc::new(move |status: &dogi_job::RunStatus| payload(status, &links));
    Ok(CallbackDeliverer::new(
        sender,
        settings.callbacks.headers.clone(),
        payload,
    ))
}
