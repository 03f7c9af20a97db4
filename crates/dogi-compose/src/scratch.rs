//! The private files of a project.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{ComposeError, Credentials, Login};

/// Where they lie.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    pub(crate) fn at(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `DOCKER_CONFIG`.
    pub(crate) fn docker(&self) -> PathBuf {
        self.root.join("docker")
    }

    /// `HOME`, in which there is nothing of the operator's.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The variables of the checkout's `.env`.
    pub(crate) fn variables(&self) -> PathBuf {
        self.root.join("env")
    }

    /// No variables, so that the program does not look for `.env` by itself.
    pub(crate) fn no_variables(&self) -> PathBuf {
        self.root.join("no-env")
    }

    /// What version 2 resolved.
    pub(crate) fn resolved(&self) -> PathBuf {
        self.root.join("resolved.json")
    }

    /// What is run.
    pub(crate) fn model(&self) -> PathBuf {
        self.root.join("compose.json")
    }

    /// Variables of a command in a container.
    pub(crate) fn container_variables(&self) -> PathBuf {
        self.root.join("container-env")
    }

    /// Makes the directories, and what the docker program reads.
    pub(crate) fn lay_out(&self, logins: &[Login], plugins: Option<&Path>) -> io::Result<()> {
        // Version 2 writes what it resolved for everybody to read.
        fs::set_permissions(&self.root, Permissions::from_mode(0o700))?;
        for directory in [self.docker(), self.home()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        self.log_in(logins, plugins)?;
        write(&self.no_variables(), "")
    }

    /// Says anew who the project is. Of two logins for one registry the later counts.
    pub(crate) fn log_in<'a>(
        &self,
        logins: impl IntoIterator<Item = &'a Login>,
        plugins: Option<&Path>,
    ) -> io::Result<()> {
        let config = docker_config(logins, plugins).to_string();
        write(&self.docker().join("config.json"), &config)
    }
}

/// As `docker login` writes it: the pair of user and password in base64 or a token, by registry. Docker Hub has
/// a name of its own there.
fn docker_config<'a>(logins: impl IntoIterator<Item = &'a Login>, plugins: Option<&Path>) -> Value {
    let auths = logins.into_iter().map(|login| {
        let registry = match login.registry.as_str() {
            "docker.io" | "index.docker.io" => "https://index.docker.io/v1/",
            registry => registry,
        };
        let entry = match &login.credentials {
            Credentials::Password { user, password } => {
                json!({"auth": STANDARD.encode(format!("{user}:{password}"))})
            }
            Credentials::IdentityToken(token) => json!({"identitytoken": token}),
        };
        (registry.to_owned(), entry)
    });
    let mut config = json!({"auths": auths.collect::<Map<_, _>>()});
    if let Some(plugins) = plugins {
        // The programs look for plugins of the user beside this file, too.
        config["cliPluginsExtraDirs"] = json!([plugins]);
    }
    config
}

/// Writes a file that only this user may read, anew.
pub(crate) fn write(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.as_bytes())
}

/// Variables as both programs read them: in quotes within which nothing has a meaning.
pub(crate) fn quoted<'a>(
    variables: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<String, ComposeError> {
    let mut text = String::new();
    for (name, value) in variables {
        let single = !value.contains(['\'', '\n', '\r']) && !value.ends_with('\\');
        let double = !value.contains(['"', '\\', '$', '\n', '\r']);
        let quote = match (single && !value.contains("\\\\"), double) {
            (true, _) => '\'',
            (false, true) => '"',
            (false, false) => {
                return Err(ComposeError::Value {
                    variable: name.clone(),
                    what: "line breaks, or several kinds of quotes and backslashes",
                });
            }
        };
        text.push_str(&format!("{name}={quote}{value}{quote}\n"));
    }
    Ok(text)
}
