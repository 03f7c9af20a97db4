//! Names of images, as `FROM` and `docker pull` take them.
//!
//! The grammar is that of the distribution project's reference package, with Docker's defaults: no
//! registry is `docker.io`, no path there is `library/`, no tag and no digest is `latest`.

use std::fmt;

/// A checked name: it can stand in a URL's path, and is no option of any program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName {
    /// As Docker Hub's, or with the registry in front.
    registry: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Text that is no name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no name of an image: {reason}")]
pub struct ImageNameError {
    /// As given.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ImageName {
    /// Reads a name such as `debian`, `debian:12`, `ghcr.io/o/r@sha256:…` or `localhost:5000/a/b:c`.
    ///
    /// ```
    /// # use dogi_docker::ImageName;
    /// let name = ImageName::parse("debian:12")?;
    /// assert_eq!(name.registry(), "docker.io");
    /// assert_eq!(name.to_string(), "debian:12");
    /// assert_eq!(ImageName::parse("a/../b").unwrap_err().reason, "a part of the path is malformed");
    /// # Ok::<(), dogi_docker::ImageNameError>(())
    /// ```
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<ImageName, ImageNameError> {
        let bad = |reason| ImageNameError {
            name: text.to_owned(),
            reason,
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(bad(
                "after @ stands a digest such as sha256:… with 64 hex digits",
            ));
        }
        let (name, tag) = match rest.rsplit_once(':') {
            // A colon before a slash belongs to the registry's port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(bad("a tag has 1 to 128 letters, digits, '_', '.' and '-'"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => ("docker.io", name),
        };
        let registry = if registry == "index.docker.io" {
            "docker.io"
        } else {
            registry
        };
        if !registry_is_fine(registry) {
            return Err(bad("the registry is no host or host:port"));
        }
        if path.is_empty() {
            return Err(bad("it is empty"));
        }
        if name.len() > 255 {
            return Err(bad("it is longer than 255 characters"));
        }
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(bad("repository names are lower case"));
        }
        if !path.split('/').all(is_component) {
            return Err(bad("a part of the path is malformed"));
        }
        let path = match path {
            bare if registry == "docker.io" && !bare.contains('/') => format!("library/{bare}"),
            path => path.to_owned(),
        };
        Ok(ImageName {
            registry: registry.to_owned(),
            path,
            tag: tag.map(ToOwned::to_owned),
            digest: digest.map(ToOwned::to_owned),
        })
    }

    /// Host and port of the registry; `docker.io` for Docker Hub.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Path within the registry, e.g. `library/debian`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one is written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written: then nothing can move.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    pub(crate) fn same_repository(&self, other: &ImageName) -> bool {
        self.registry == other.registry && self.path == other.path
    }

    /// Whether both stand for the same image: by the digest, or else by the tag.
    pub(crate) fn same_image(&self, other: &ImageName) -> bool {
        let same = match (&self.digest, &other.digest) {
            (None, None) => self.tag_or_latest() == other.tag_or_latest(),
            (one, another) => one == another,
        };
        same && self.same_repository(other)
    }

    /// What has this digest in the same repository.
    pub(crate) fn at_digest(&self, digest: &str) -> Result<ImageName, ImageNameError> {
        ImageName::parse(&format!("{}/{}@{digest}", self.registry, self.path))
    }

    /// With the registry and a tag or digest: nothing but a name. A shorter one, or one like `sha256:32d6`,
    /// may be the beginning of an image's id to an engine, and stand for every tag in a pull.
    pub(crate) fn full(&self) -> String {
        let repository = format!("{}/{}", self.registry, self.path);
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => format!("{repository}:{tag}@{digest}"),
            (None, Some(digest)) => format!("{repository}@{digest}"),
            (_, None) => format!("{repository}:{}", self.tag_or_latest()),
        }
    }

    fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }
}

impl fmt::Display for ImageName {
    /// The short form that people write.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.registry.as_str(), self.path.strip_prefix("library/")) {
            ("docker.io", Some(short)) => f.write_str(short)?,
            ("docker.io", None) => f.write_str(&self.path)?,
            (registry, _) => write!(f, "{registry}/{}", self.path)?,
        }
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Docker's rule: a first part with a dot, a port or capital letters, or `localhost`.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.chars().any(char::is_uppercase)
}

fn registry_is_fine(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((host, port)) => {
                let fine = host.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
                return fine && !host.is_empty() && port_is_fine(port);
            }
            None => return false,
        },
        None => registry
            .find(':')
            .map_or((registry, ""), |at| registry.split_at(at)),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    host.split('.').all(label) && port_is_fine(port)
}

fn port_is_fine(port: &str) -> bool {
    port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.parse::<u16>().is_ok())
}

/// `[a-z0-9]+` joined by one of `.`, `_`, `__` or any number of `-`.
fn is_component(part: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators: Vec<&str> = part.split(alphanumeric).filter(|s| !s.is_empty()).collect();
    part.starts_with(alphanumeric)
        && part.ends_with(alphanumeric)
        && separators
            .iter()
            .all(|s| matches!(*s, "." | "_" | "__") || s.chars().all(|c| c == '-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=128).contains(&tag.len())
        && tag.starts_with(word)
        && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    let hex = |text: &str, len| {
        text.len() == len
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match digest.split_once(':') {
        Some(("sha256", text)) => hex(text, 64),
        Some(("sha384", text)) => hex(text, 96),
        Some(("sha512", text)) => hex(text, 128),
        _ => false,
    }
}
