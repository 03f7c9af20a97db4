//! What a project is, and what it may.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use crate::ProjectName;

/// A project: a Compose file in a checkout, and what its caller grants it.
///
/// `Debug` shows no values of variables and no passwords.
#[derive(Clone)]
pub struct Project {
    /// Its name, by which it is isolated from others of the same file.
    pub name: ProjectName,
    /// The checkout. Nothing in it changes while the project is prepared.
    pub directory: PathBuf,
    /// The Compose file, relative to the checkout. Relative paths in it count from where it stands.
    pub file: PathBuf,
    /// A private directory of this project alone, which exists and outlives it: what is written for
    /// the programs lies there, secrets included, and it gets the mode 0700. Whoever made it removes it, after
    /// [`down`](crate::Compose::down), which reads it.
    pub scratch: PathBuf,
    /// Variables for interpolation in the file, for [`Tests::Service`](crate::Tests::Service) and for
    /// commands. They win over the checkout's `.env`.
    pub environment: BTreeMap<String, String>,
    /// The engine.
    pub engine: EngineAddress,
    /// Who the project is at registries, besides what [`Prepared::log_in`](crate::Prepared::log_in) says.
    pub logins: Vec<Login>,
    /// What the file may ask for.
    pub allow: Allow,
    /// Labels that everything which belongs to the project gets, besides those of its file.
    pub labels: BTreeMap<String, String>,
    /// Ceilings for every service.
    pub ceilings: Ceilings,
    /// Where the engine sees this machine's directories, if elsewhere: binds are rewritten.
    pub shared: Option<Shared>,
}

/// How an engine is reached, as the variables of the Docker CLI say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAddress {
    /// `DOCKER_HOST`, such as `unix:///var/run/docker.sock` or `tcp://10.0.0.2:2376`.
    pub host: String,
    /// `DOCKER_CERT_PATH`: the directory of `ca.pem`, `cert.pem` and `key.pem`.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`.
    pub tls_verify: bool,
    /// `DOCKER_BUILDKIT`; `None`: the program's default. Compose 1.29 builds by way of the docker
    /// program then, on whose command line others can read build arguments.
    pub buildkit: Option<bool>,
}

impl Default for EngineAddress {
    /// The local socket.
    fn default() -> Self {
        Self {
            host: "unix:///var/run/docker.sock".to_owned(),
            cert_path: None,
            tls_verify: false,
            buildkit: None,
        }
    }
}

impl EngineAddress {
    /// All that the programs look at, so that nothing else can say it: an empty value is none to
    /// them.
    pub(crate) fn variables(&self) -> Vec<(OsString, OsString)> {
        let path = self.cert_path.as_deref().unwrap_or(Path::new(""));
        let mut variables = vec![
            ("DOCKER_HOST".into(), self.host.clone().into()),
            ("DOCKER_CERT_PATH".into(), path.as_os_str().to_owned()),
            (
                "DOCKER_TLS_VERIFY".into(),
                if self.tls_verify { "1" } else { "" }.into(),
            ),
        ];
        if let Some(buildkit) = self.buildkit {
            let value = if buildkit { "1" } else { "0" };
            variables.push(("DOCKER_BUILDKIT".into(), value.into()));
        }
        variables
    }
}

/// Credentials for one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The registry as image names begin with it, such as `registry.example:5000`; `docker.io` is
    /// Docker Hub.
    pub registry: String,
    /// What proves who the project is.
    pub credentials: Credentials,
}

/// What is shown to a registry. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Name and password, or a token in the password's place.
    Password {
        /// The user.
        user: String,
        /// The password or token.
        password: String,
    },
    /// A token that stands for a login.
    IdentityToken(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user:?}, …)"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(…)"),
        }
    }
}

/// What a Compose file may ask for beyond what every container may. Default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Privileged containers, capabilities, devices, security options, and keys that are not known
    /// here. That is root on the engine's machine.
    pub privileged: bool,
    /// The host's network, and networks that are not the project's.
    pub host_network: bool,
    /// Binds of directories outside the checkout (that is root, too), and volumes that are not the
    /// project's.
    pub host_binds: bool,
}

/// One of the things in [`Allow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// [`Allow::privileged`].
    Privileged,
    /// [`Allow::host_network`].
    HostNetwork,
    /// [`Allow::host_binds`].
    HostBinds,
}

impl Allow {
    /// Whether this is among it.
    pub fn permits(self, permission: Permission) -> bool {
        match permission {
            Permission::Privileged => self.privileged,
            Permission::HostNetwork => self.host_network,
            Permission::HostBinds => self.host_binds,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileged => "privileged",
            Self::HostNetwork => "host-network",
            Self::HostBinds => "host-binds",
        })
    }
}

/// Ceilings for each container; a service may ask for less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Processes and threads.
    pub pids: u64,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Thousandths of a processor.
    pub milli_cpus: Option<u64>,
    /// Bytes of a container's log, which the engine keeps.
    pub log: u64,
}

impl Default for Ceilings {
    /// 4096 processes, 100 MB of log, no other ceiling.
    fn default() -> Self {
        Self {
            pids: 4096,
            memory: None,
            milli_cpus: None,
            log: 100_000_000,
        }
    }
}

/// A directory of this machine, and where the engine sees it: this program runs in a container, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Here.
    pub here: PathBuf,
    /// On the engine's machine.
    pub there: PathBuf,
}

impl Shared {
    /// Where the engine sees a path; the path itself when it is not below the directory.
    pub fn seen(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.here) {
            Ok(rest) if rest.as_os_str().is_empty() => self.there.clone(),
            Ok(rest) => self.there.join(rest),
            Err(_) => path.to_owned(),
        }
    }
}

impl Project {
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        let shared = self.shared.as_ref();
        shared.map_or_else(|| path.to_owned(), |shared| shared.seen(path))
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project")
            .field("name", &self.name)
            .field("directory", &self.directory)
            .field("file", &self.file)
            .field("scratch", &self.scratch)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("engine", &self.engine)
            .field("logins", &self.logins)
            .field("allow", &self.allow)
            .field("labels", &self.labels)
            .field("ceilings", &self.ceilings)
            .field("shared", &self.shared)
            .finish()
    }
}
