//! The settings with their types, and how they come from texts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use dogi_egress::{EgressPolicy, Proxies};
use dogi_engine::AtLogLimit;
use dogi_hooks::{CallbackHeaders, SigningKey};
use dogi_url::{Cpus, Keys, Namespace};
use ipnet::IpNet;
use url::Url;

use super::compose_ci::{self, ComposeCi};
use super::env::Environment;
use super::file::FileSettings;
use super::mail::{self, Mail};
use super::parse;
use super::problem::Report;
use super::secret::Secret;
use super::sources::{Flags, Sources};
use super::volatile;
use super::webhooks;
use crate::listen::TlsFiles;

/// Everything that was set.
#[derive(Debug)]
pub struct Settings {
    /// Where and how it listens.
    pub listen: Listen,
    /// Who may do what.
    pub access: Access,
    /// Where things are kept.
    pub storage: Storage,
    /// What jobs may take.
    pub jobs: Jobs,
    /// The engine.
    pub docker: Docker,
    /// Repositories and other hosts.
    pub network: Network,
    /// Callbacks.
    pub callbacks: Callbacks,
    /// Generic webhooks.
    pub hooks: Hooks,
    /// Where mails about results go; `None`: there are none.
    pub mail: Option<Mail>,
    /// The one repository of compose-ci.
    pub compose_ci: Option<ComposeCi>,
    /// The server's own log.
    pub log: Log,
    /// The sections of `dogi.yaml`.
    pub file: FileSettings,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

/// Where and how the server listens.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address.
    pub addr: SocketAddr,
    /// HTTPS instead of HTTP.
    pub tls: Option<TlsFiles>,
    /// Base of links, without a slash at its end.
    pub advertised_url: Option<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at once.
    pub max_connections: usize,
    /// How long responses may go on after a signal.
    pub stop_grace: Duration,
}

/// Who may do what.
#[derive(Debug)]
pub struct Access {
    /// No URL needs a signature.
    pub bypass: bool,
    /// Secrets of signed URLs; `None` when there is none.
    pub keys: Option<Keys>,
    /// The operator's bearer token.
    pub token: Option<Secret>,
}

/// Where things are kept and for how long.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Runs and mirrors.
    pub data_dir: PathBuf,
    /// The same as the Docker host sees it.
    pub host_shared_dir: Option<PathBuf>,
    /// Part of every instance id.
    pub namespace: Namespace,
    /// Finished runs kept per instance.
    pub keep_runs: usize,
    /// Bytes that finished runs may take.
    pub keep_bytes: u64,
    /// Bytes that mirrors may take.
    pub keep_mirror_bytes: u64,
    /// Bytes that images of dogi's own builds may take.
    pub keep_image_bytes: u64,
    /// Bytes of disk left free.
    pub min_free_bytes: u64,
}

/// What jobs may take.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// Containers at once.
    pub max_running: usize,
    /// Jobs waiting.
    pub max_queued: usize,
    /// Ceiling of time.
    pub timeout: Duration,
    /// Ceiling of memory in bytes.
    pub memory: Option<u64>,
    /// Ceiling of processors.
    pub cpus: Option<Cpus>,
    /// Processes in a container.
    pub pids: i64,
    /// Bytes kept of each output.
    pub max_log_bytes: u64,
    /// What becomes of a job that prints more.
    pub at_log_limit: AtLogLimit,
}

/// The engine, as the Docker CLI's variables say it.
#[derive(Clone, Debug)]
pub struct Docker {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// Whether `DOCKER_TLS_VERIFY` holds anything.
    pub tls_verify: bool,
    /// `Some(false)`: the classic builder; `Some(true)`: BuildKit; `None`: what the engine has.
    pub buildkit: Option<bool>,
    /// The CLI's `config.json`, for private base images.
    pub config_dir: Option<PathBuf>,
}

/// Repositories and other hosts.
#[derive(Debug)]
pub struct Network {
    /// What may be reached.
    pub egress: EgressPolicy,
    /// Proxies.
    pub proxies: Proxies,
    /// For clones from `github_url`.
    pub github_token: Option<Secret>,
    /// Where it belongs.
    pub github_url: Url,
    /// Where the API of that is.
    pub github_api_url: Url,
    /// The home directory, for `~/.ssh`.
    pub home: Option<PathBuf>,
}

/// What callbacks carry.
#[derive(Clone, Debug)]
pub struct Callbacks {
    /// Headers of each.
    pub headers: CallbackHeaders,
    /// Signs each.
    pub secret: Option<SigningKey>,
}

/// Generic webhooks.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// The files they stand in.
    pub files: Vec<PathBuf>,
    /// Bytes that the body of a request to one may have.
    pub max_body: u64,
    /// Where their secrets may come from, and what their commands inherit.
    pub environment: Environment,
}

/// The server's own log.
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter as `tracing` takes it.
    pub filter: String,
    /// One JSON object per line.
    pub json: bool,
}

/// What the settings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server: somebody must be able to start a run.
    Serve,
    /// A look at the files, or one run without a server.
    Other,
}

impl Settings {
    /// Reads everything: flags, then environment, then the file they name, then defaults.
    ///
    /// # Errors
    /// With every mistake there is.
    pub fn load(flags: &Flags, env: &Environment, purpose: Purpose) -> Result<Self, Report> {
        let mut sources = Sources::gather(flags, env);
        let mut warnings = Vec::new();
        let listen = listen(&mut sources);
        let hooks = hooks(&mut sources, env);
        let others = !hooks.files.is_empty() || webhooks::can_be_authentic(&mut sources);
        let access = access(&mut sources, purpose, others, &mut warnings);
        let storage = storage(&mut sources, env, &mut warnings);
        let jobs = jobs(&mut sources);
        let docker = docker(&mut sources, env);
        let network = network(&mut sources, env);
        let callbacks = Callbacks {
            headers: sources.with_default("CB_HEADERS", parse::headers),
            secret: sources.optional("CB_SECRET", parse::webhook_secret),
        };
        let mail = mail::read(&mut sources);
        let token = network.github_token.as_ref();
        let compose_ci = compose_ci::read(&mut sources, token, &mut warnings);
        webhooks::warn(&mut sources, mail.as_ref(), &mut warnings);
        let log = log(&mut sources);
        sources.text("CONFIG");
        debug_assert!(
            sources.unread().is_empty(),
            "never read: {:?}",
            sources.unread()
        );
        if !sources.problems.is_empty() {
            return Err(Report(sources.problems));
        }
        Ok(Self {
            listen,
            access,
            storage,
            jobs,
            docker,
            network,
            callbacks,
            hooks,
            mail,
            compose_ci,
            log,
            file: sources.file,
            warnings,
        })
    }

    /// Whether somebody could start something: with a signed URL, without one, by a hook or by a
    /// webhook.
    #[must_use]
    pub fn can_be_used(&self) -> bool {
        self.access.keys.is_some()
            || self.access.bypass
            || !self.hooks.files.is_empty()
            || !self.file.webhooks.is_empty()
            || self.compose_ci.is_some()
    }
}

/// What `dogi tail` needs of the environment.
#[derive(Debug)]
pub struct ClientSettings {
    /// Proxies.
    pub proxies: Proxies,
    /// The operator's bearer token.
    pub token: Option<Secret>,
}

impl ClientSettings {
    /// Reads them; the other settings are not looked at.
    ///
    /// # Errors
    /// With every mistake there is.
    pub fn load(env: &Environment) -> Result<Self, Report> {
        let mut sources = Sources::gather(&Flags::new(), env);
        let proxies = proxies(&mut sources);
        let token = sources.optional("DOGI_TOKEN", parse::operator_token);
        if sources.problems.is_empty() {
            Ok(Self { proxies, token })
        } else {
            Err(Report(sources.problems))
        }
    }
}

/// The files of hooks, whatever else is wrong; mistakes in how they are named are not told here.
#[must_use]
pub fn hook_files(flags: &Flags, env: &Environment) -> Vec<PathBuf> {
    Sources::gather(flags, env).many("HOOKS", parse::path)
}

/// The secrets for `dogi sign`; the other settings are not looked at.
///
/// # Errors
/// When there is none, or it is not one, or the file can't be read.
pub fn signing_keys(flags: &Flags, env: &Environment) -> Result<Keys, Report> {
    let mut sources = Sources::gather(flags, env);
    let current = sources.optional("SIGNATURES_SECRET", secret);
    if current.is_none() && sources.problems.is_empty() {
        let message = "there is no secret to sign with: set SIGNATURES_SECRET to the server's";
        sources.problem("SIGNATURES_SECRET", message);
    }
    if sources.problems.is_empty() {
        Ok(Keys::new(current, [], true))
    } else {
        Err(Report(sources.problems))
    }
}

fn listen(sources: &mut Sources) -> Listen {
    let whole = sources.text("LISTEN").is_some();
    let mut addr = sources.with_default("LISTEN", parse::socket_addr);
    let bind = sources.optional("BIND", parse::ip);
    let port = sources.optional("PORT", parse::port);
    if whole && (bind.is_some() || port.is_some()) {
        sources.problem(
            "LISTEN",
            "LISTEN says it all: leave BIND and PORT out, or LISTEN",
        );
    }
    if let Some(ip) = bind {
        addr.set_ip(ip);
    }
    if let Some(port) = port {
        addr.set_port(port);
    }
    let cert = sources.optional("CERT_PATH", parse::path);
    let key = sources.optional("KEY_PATH", parse::path);
    if cert.is_none() && key.is_some() {
        sources.problem(
            "KEY_PATH",
            "a key without a certificate: set CERT_PATH (--cert) too",
        );
    }
    Listen {
        addr,
        tls: cert.map(|cert| TlsFiles { cert, key }),
        advertised_url: sources.optional("ADVERTISED_URL", parse::base_url),
        trusted_proxies: sources
            .optional("TRUSTED_PROXIES", parse::networks)
            .unwrap_or_default(),
        max_connections: sources.with_default("MAX_CONNECTIONS", parse::count),
        stop_grace: sources.with_default("STOP_GRACE", parse::duration),
    }
}

fn access(
    sources: &mut Sources,
    purpose: Purpose,
    has_others: bool,
    warnings: &mut Vec<String>,
) -> Access {
    let bypass = sources.with_default("BYPASS_SIGNATURES", parse::switch);
    let set = sources.text("SIGNATURES_SECRET").is_some();
    let current = sources.optional("SIGNATURES_SECRET", secret);
    let previous = sources.many("SIGNATURES_SECRET_PREVIOUS", secret);
    let legacy = sources.with_default("SIGNATURES_LEGACY", parse::switch);
    let token = sources.optional("DOGI_TOKEN", parse::operator_token);
    let missing = "neither SIGNATURES_SECRET nor BYPASS_SIGNATURES=true is set, so nobody could \
                   start a run: set SIGNATURES_SECRET to a secret of at least 6 characters and \
                   sign URLs with `dogi sign`, or set BYPASS_SIGNATURES=true where everybody who \
                   can connect may run anything, or configure hooks or webhooks";
    match purpose {
        Purpose::Serve if !set && !bypass && has_others => warnings.push(
            "neither SIGNATURES_SECRET nor BYPASS_SIGNATURES=true is set: hooks and webhooks are \
             served, and everything else that needs a signature is answered 401 without DOGI_TOKEN"
                .to_owned(),
        ),
        Purpose::Serve if !set && !bypass => sources.problem("SIGNATURES_SECRET", missing),
        Purpose::Serve if bypass => warnings
            .push("BYPASS_SIGNATURES is on: everybody who can connect may run anything".to_owned()),
        _ => {}
    }
    let keys = current.map(|current| Keys::new(Some(current), previous, legacy));
    Access {
        bypass,
        keys,
        token,
    }
}

fn secret(text: &str) -> Result<dogi_url::Secret, String> {
    dogi_url::Secret::new(text).map_err(|_| format!("; it has {}", text.chars().count()))
}

fn storage(sources: &mut Sources, env: &Environment, warnings: &mut Vec<String>) -> Storage {
    let data_dir = sources
        .optional("DATA_DIR", parse::absolute)
        .or_else(|| default_data_dir(env));
    if data_dir.is_none() {
        sources.problem("DATA_DIR", "no home directory to put it into: set DATA_DIR");
    }
    let data_dir = data_dir.unwrap_or_default();
    warnings.extend(volatile::warning(&data_dir));
    Storage {
        data_dir,
        host_shared_dir: sources.optional("HOST_SHARED_DIR", parse::absolute),
        namespace: sources
            .with_default("NAMESPACE", |text| text.parse().map_err(|_| String::new())),
        keep_runs: sources.with_default("KEEP_RUNS", parse::count),
        keep_bytes: sources.with_default("KEEP_BYTES", parse::bytes),
        keep_mirror_bytes: sources.with_default("KEEP_MIRROR_BYTES", parse::bytes),
        keep_image_bytes: sources.with_default("KEEP_IMAGE_BYTES", parse::bytes),
        min_free_bytes: sources.with_default("MIN_FREE_BYTES", parse::bytes),
    }
}

/// `/var/lib/dogi` as root, else where the XDG base directory specification puts state.
fn default_data_dir(env: &Environment) -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/dogi"));
    }
    let state = env
        .raw("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(env.raw("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("dogi"))
}

fn jobs(sources: &mut Sources) -> Jobs {
    Jobs {
        max_running: sources.with_default("MAX_RUNNING", parse::count),
        max_queued: sources.with_default("MAX_QUEUED", parse::number),
        timeout: sources.with_default("JOB_TIMEOUT", parse::duration),
        memory: sources.optional("JOB_MEMORY", parse::bytes),
        cpus: sources.optional("JOB_CPUS", parse::cpus),
        pids: sources.with_default("JOB_PIDS", parse::pids),
        max_log_bytes: sources.with_default("MAX_LOG_BYTES", parse::bytes),
        at_log_limit: sources.with_default("MAX_LOG_ACTION", parse::at_log_limit),
    }
}

fn docker(sources: &mut Sources, env: &Environment) -> Docker {
    let own = env.raw("DOCKER_CONFIG").map(PathBuf::from);
    let home = || Some(PathBuf::from(env.raw("HOME")?).join(".docker"));
    Docker {
        host: sources.optional("DOCKER_HOST", |text| Ok(text.to_owned())),
        cert_path: sources.optional("DOCKER_CERT_PATH", parse::path),
        tls_verify: sources.text("DOCKER_TLS_VERIFY").is_some(),
        buildkit: sources.optional("DOCKER_BUILDKIT", parse::switch),
        config_dir: own.or_else(home),
    }
}

fn network(sources: &mut Sources, env: &Environment) -> Network {
    let egress = sources.with_default("EGRESS_ALLOW", |text| {
        parse::without_user(text)?;
        EgressPolicy::parse(text).map_err(|error| format!("; {error}"))
    });
    let github_url = sources.with_default("GITHUB_URL", parse::http_url);
    let api = sources.optional("GITHUB_API_URL", parse::http_url);
    Network {
        egress,
        proxies: proxies(sources),
        github_token: sources.optional("GITHUB_TOKEN", parse::token),
        github_api_url: api.unwrap_or_else(|| api_of(&github_url)),
        github_url,
        home: env.raw("HOME").map(PathBuf::from),
    }
}

/// A token never goes to another server than the one that it belongs to: what has a URL of its own
/// has its API there.
///
/// Source: <https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api>.
fn api_of(github: &Url) -> Url {
    let api = match github.host_str() {
        Some("github.com") => "https://api.github.com".to_owned(),
        _ => format!("{}/api/v3", github.as_str().trim_end_matches('/')),
    };
    api.parse().expect("a URL with a longer path is one")
}

fn proxies(sources: &mut Sources) -> Proxies {
    let http = sources.optional("HTTP_PROXY", parse::proxy);
    let https = sources.optional("HTTPS_PROXY", parse::proxy);
    let no_proxy = sources.optional("NO_PROXY", |text| Ok(text.to_owned()));
    // Each was parsed on its own: a bad one is reported already.
    Proxies::new(http.as_deref(), https.as_deref(), no_proxy.as_deref()).unwrap_or_default()
}

fn hooks(sources: &mut Sources, env: &Environment) -> Hooks {
    Hooks {
        files: sources.many("HOOKS", parse::path),
        max_body: sources.with_default("MAX_HOOK_BODY", parse::hook_body),
        environment: env.clone(),
    }
}

fn log(sources: &mut Sources) -> Log {
    let filter = sources.with_default("LOG_LEVEL", parse::log_filter);
    let json = sources.with_default("LOG_FORMAT", |text| match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err(String::new()),
    });
    Log { filter, json }
}
