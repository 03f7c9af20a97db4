//! Credentials for registries: given explicitly, or where the Docker CLI keeps them.

mod config;
mod helper;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

pub use config::AuthError;
use config::CliConfig;

/// Key of Docker Hub in the CLI's files.
pub(crate) const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What to log in to a registry with. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Name and password (or access token in its place).
    Password {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that stands for a login.
    IdentityToken(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Password { user, .. } => write!(f, "Password({user:?}, …)"),
            Credentials::IdentityToken(_) => f.write_str("IdentityToken(…)"),
        }
    }
}

/// Where credentials come from. Each is only ever given to its own registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryAuth {
    explicit: BTreeMap<String, Credentials>,
    config: Option<PathBuf>,
    helpers: Option<PathBuf>,
}

impl RegistryAuth {
    /// No credentials at all.
    pub fn none() -> RegistryAuth {
        RegistryAuth::default()
    }

    /// Those of the Docker CLI: `config.json` in this directory (`$DOCKER_CONFIG` or `~/.docker`), with
    /// the helper programs that it names. It is read anew at each use.
    pub fn cli(directory: impl Into<PathBuf>) -> RegistryAuth {
        RegistryAuth {
            config: Some(directory.into()),
            ..RegistryAuth::default()
        }
    }

    /// Looks for the helper programs (`docker-credential-NAME`) in this directory only, instead of where
    /// the system looks for programs.
    #[must_use]
    pub fn helpers_in(mut self, directory: impl Into<PathBuf>) -> RegistryAuth {
        self.helpers = Some(directory.into());
        self
    }

    /// Adds credentials for a registry, e.g. `registry.example.com:5000` or `docker.io`. They win over
    /// those of the CLI.
    #[must_use]
    pub fn with(mut self, registry: &str, credentials: Credentials) -> RegistryAuth {
        self.explicit.insert(normalise(registry), credentials);
        self
    }

    /// The credentials for a registry, if there are any. Runs a helper program where the CLI's
    /// configuration names one.
    ///
    /// # Errors
    /// The configuration or its helper is broken.
    pub async fn find(&self, registry: &str) -> Result<Option<Credentials>, AuthError> {
        let registry = normalise(registry);
        if let Some(found) = self.explicit.get(&registry) {
            return Ok(Some(found.clone()));
        }
        match &self.config {
            None => Ok(None),
            Some(directory) => self.read(directory).await?.find(&registry).await,
        }
    }

    async fn read(&self, directory: &Path) -> Result<CliConfig, AuthError> {
        CliConfig::read(directory, self.helpers.as_deref()).await
    }

    /// The credentials for these registries, or for all that are known. What is broken does not hide the
    /// rest: complaints come beside it.
    pub(crate) async fn gather(
        &self,
        registries: Option<&BTreeSet<String>>,
    ) -> (BTreeMap<String, Credentials>, Vec<AuthError>) {
        let mut found = BTreeMap::new();
        let mut complaints = Vec::new();
        let config = match &self.config {
            None => CliConfig::default(),
            Some(directory) => self.read(directory).await.unwrap_or_else(|err| {
                complaints.push(err);
                CliConfig::default()
            }),
        };
        let wanted: BTreeSet<String> = match registries {
            Some(registries) => registries.iter().map(|name| normalise(name)).collect(),
            None => match config.registries().await {
                Ok(known) => known
                    .into_iter()
                    .chain(self.explicit.keys().cloned())
                    .collect(),
                Err(err) => {
                    complaints.push(err);
                    self.explicit.keys().cloned().collect()
                }
            },
        };
        for registry in wanted {
            if let Some(credentials) = self.explicit.get(&registry) {
                found.insert(registry, credentials.clone());
                continue;
            }
            match config.find(&registry).await {
                Ok(Some(credentials)) => drop(found.insert(registry, credentials)),
                Ok(None) => {}
                Err(err) => complaints.push(err),
            }
        }
        (found, complaints)
    }
}

/// The name of a registry without scheme and path; Docker Hub's many names are `docker.io`.
pub(crate) fn normalise(registry: &str) -> String {
    let bare = registry
        .strip_prefix("https://")
        .or_else(|| registry.strip_prefix("http://"));
    let host = bare
        .unwrap_or(registry)
        .split('/')
        .next()
        .unwrap_or_default();
    match host {
        "index.docker.io" | "registry-1.docker.io" | "docker.io" | "" => "docker.io".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

/// For one registry, as `X-Registry-Auth` wants it.
pub(crate) fn for_registry(
    registry: &str,
    credentials: &Credentials,
) -> bollard::auth::DockerCredentials {
    let registry = normalise(registry);
    let server = if registry == "docker.io" {
        HUB_KEY.to_owned()
    } else {
        registry
    };
    let mut wanted = bollard::auth::DockerCredentials {
        serveraddress: Some(server),
        ..bollard::auth::DockerCredentials::default()
    };
    match credentials {
        Credentials::Password { user, password } => {
            wanted.username = Some(user.clone());
            wanted.password = Some(password.clone());
        }
        Credentials::IdentityToken(token) => wanted.identitytoken = Some(token.clone()),
    }
    wanted
}

/// For a build: the classic builder looks Docker Hub up by its old URL, BuildKit's session by the host
/// that it talks to.
pub(crate) fn for_engine(
    known: &BTreeMap<String, Credentials>,
) -> HashMap<String, bollard::auth::DockerCredentials> {
    let mut map = HashMap::new();
    for (registry, credentials) in known {
        let wanted = for_registry(registry, credentials);
        if registry == "docker.io" {
            map.insert(HUB_KEY.to_owned(), wanted.clone());
            map.insert("registry-1.docker.io".to_owned(), wanted);
        } else {
            map.insert(registry.clone(), wanted);
        }
    }
    map
}
