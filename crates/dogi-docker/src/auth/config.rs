//! The Docker CLI's `config.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use super::helper::Helper;
use super::{Credentials, HUB_KEY, normalise};

/// Credentials that can't be had. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what the CLI writes.
    #[error("{} is not valid: line {line}, column {column}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// An entry is not base64 of `user:password`.
    #[error("{}: the entry for {registry:?} is not base64 of user:password", path.display())]
    BadEntry {
        /// The file.
        path: PathBuf,
        /// Which entry.
        registry: String,
    },
    /// A helper's name that can't be the end of a program's name.
    #[error("{name:?} is no name of a credential helper")]
    BadHelper {
        /// As configured.
        name: String,
    },
    /// A helper program that can't be run, fails, or answers nonsense.
    #[error("{program} for {registry:?}: {reason}")]
    Helper {
        /// The program, e.g. `docker-credential-pass`.
        program: String,
        /// The registry asked for.
        registry: String,
        /// What happened.
        reason: String,
    },
}

/// The parts of the file that concern credentials.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CliConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: String,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    helper_directory: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry(…)")
    }
}

/// Larger than any `config.json`.
const MAX_SIZE: usize = 4 * 1024 * 1024;

impl CliConfig {
    /// No file is an empty one.
    pub(super) async fn read(
        directory: &Path,
        helpers: Option<&Path>,
    ) -> Result<CliConfig, AuthError> {
        let path = directory.join("config.json");
        let text = match tokio::fs::read(&path).await {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(CliConfig::default()),
            Err(source) => return Err(AuthError::Read { path, source }),
        };
        if text.len() > MAX_SIZE {
            let source = io::ErrorKind::FileTooLarge.into();
            return Err(AuthError::Read { path, source });
        }
        // The parser's message could quote a secret: only the place is told.
        let mut config: CliConfig =
            serde_json::from_slice(&text).map_err(|err| AuthError::Parse {
                path: path.clone(),
                line: err.line(),
                column: err.column(),
            })?;
        config.path = path;
        config.helper_directory = helpers.map(Path::to_owned);
        Ok(config)
    }

    /// As the CLI does: a helper of the registry's own, else the store, else the file.
    pub(super) async fn find(&self, registry: &str) -> Result<Option<Credentials>, AuthError> {
        if let Some((key, name)) = self
            .helpers
            .iter()
            .find(|(key, _)| normalise(key) == registry)
        {
            return self.helper(name)?.get(key).await;
        }
        if !self.store.is_empty() {
            let key = if registry == "docker.io" {
                HUB_KEY
            } else {
                registry
            };
            if let Some(found) = self.helper(&self.store)?.get(key).await? {
                return Ok(Some(found));
            }
        }
        match self
            .auths
            .iter()
            .find(|(key, _)| normalise(key) == registry)
        {
            None => Ok(None),
            Some((_, entry)) => self.decode(registry, entry),
        }
    }

    /// Every registry that there may be credentials for.
    pub(super) async fn registries(&self) -> Result<BTreeSet<String>, AuthError> {
        let mut known: BTreeSet<String> = self
            .auths
            .keys()
            .chain(self.helpers.keys())
            .map(|key| normalise(key))
            .collect();
        if !self.store.is_empty() {
            known.extend(
                self.helper(&self.store)?
                    .list()
                    .await?
                    .iter()
                    .map(|key| normalise(key)),
            );
        }
        Ok(known)
    }

    fn helper(&self, name: &str) -> Result<Helper, AuthError> {
        Helper::new(name, self.helper_directory.as_deref())
    }

    fn decode(&self, registry: &str, entry: &Entry) -> Result<Option<Credentials>, AuthError> {
        if !entry.identitytoken.is_empty() {
            return Ok(Some(Credentials::IdentityToken(
                entry.identitytoken.clone(),
            )));
        }
        if !entry.username.is_empty() {
            let (user, password) = (entry.username.clone(), entry.password.clone());
            return Ok(Some(Credentials::Password { user, password }));
        }
        if entry.auth.is_empty() {
            return Ok(None);
        }
        let bad = || AuthError::BadEntry {
            path: self.path.clone(),
            registry: registry.to_owned(),
        };
        let bytes = STANDARD
            .decode(&entry.auth)
            .or_else(|_| STANDARD_NO_PAD.decode(&entry.auth))
            .map_err(|_| bad())?;
        let text = String::from_utf8(bytes).map_err(|_| bad())?;
        let (user, password) = text.split_once(':').ok_or_else(bad)?;
        let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
        Ok(Some(Credentials::Password { user, password }))
    }
}
