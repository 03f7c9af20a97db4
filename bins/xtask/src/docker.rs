//! The few questions that the tasks ask the engine, over its local socket.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::{Failure, Result, failure::Doing as _, host};

/// Where the engine of the system listens.
pub(crate) const SOCKET: &str = "/var/run/docker.sock";

/// The label that everything of dogi's carries.
pub(crate) const LABEL: &str = "dogi.namespace";

/// Longer than any answer takes that is asked for here; a removal waits for a kill.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An engine on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// A thing that an engine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thing {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Engine {
    /// The engine that answers on this machine: the system's, else the user's own.
    ///
    /// # Errors
    ///
    /// For each socket why nothing answers there.
    pub(crate) fn find() -> Result<Self> {
        let mut sockets = vec![PathBuf::from(SOCKET)];
        if let Some(user) = host::user_id().filter(|user| *user != 0) {
            sockets.push(format!("/run/user/{user}/docker.sock").into());
        }
        let mut reasons = Vec::new();
        for socket in sockets {
            let engine = Self { socket };
            match engine.ask("GET", "/_ping") {
                Ok(_) => return Ok(engine),
                Err(reason) => reasons.push(reason.to_string()),
            }
        }
        Failure::err(reasons.join("; "))
    }

    /// What `DOCKER_HOST` would say.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// "Docker Engine 20.10 (API 1.41)", for reading.
    pub(crate) fn describe(&self) -> Result<String> {
        let version = self.json("/version")?;
        let text = |key: &str| version[key].as_str().unwrap_or("?").to_owned();
        let driver = self.json("/info")?["Driver"]
            .as_str()
            .unwrap_or("?")
            .to_owned();
        Ok(format!(
            "Docker Engine {} (API {}, {driver})",
            text("Version"),
            text("ApiVersion")
        ))
    }

    /// Everything with this label, `name` or `name=value`.
    pub(crate) fn labelled(&self, label: &str) -> Result<Vec<Thing>> {
        let filter = escape(&serde_json::json!({ "label": [label] }).to_string());
        let mut things = Vec::new();
        for (kind, path, list, id) in [
            (
                Kind::Container,
                format!("/containers/json?all=1&filters={filter}"),
                "",
                "Id",
            ),
            (
                Kind::Network,
                format!("/networks?filters={filter}"),
                "",
                "Id",
            ),
            (
                Kind::Volume,
                format!("/volumes?filters={filter}"),
                "Volumes",
                "Name",
            ),
            (
                Kind::Image,
                format!("/images/json?all=1&filters={filter}"),
                "",
                "Id",
            ),
        ] {
            let answer = self.json(&path)?;
            let found = if list.is_empty() {
                &answer
            } else {
                &answer[list]
            };
            things.extend(found.as_array().into_iter().flatten().map(|entry| Thing {
                kind,
                id: entry[id].as_str().unwrap_or_default().to_owned(),
                name: name_of(entry),
            }));
        }
        things.sort();
        Ok(things)
    }

    /// Removes a thing, running or not. Gone already is as good.
    pub(crate) fn remove(&self, thing: &Thing) -> Result<()> {
        let id = escape(&thing.id);
        let path = match thing.kind {
            Kind::Container => format!("/containers/{id}?force=1&v=1"),
            Kind::Network => format!("/networks/{id}"),
            Kind::Volume => format!("/volumes/{id}?force=1"),
            Kind::Image => format!("/images/{id}?force=1"),
        };
        match self.ask("DELETE", &path) {
            Err(e) if !e.to_string().contains(" 404 ") => Err(e),
            _ => Ok(()),
        }
    }

    fn json(&self, path: &str) -> Result<Value> {
        let body = self.ask("GET", path)?;
        serde_json::from_slice(&body).doing(format!("read the engine's answer to {path}"))
    }

    /// One request over HTTP/1.0, whose answer ends with the connection.
    fn ask(&self, method: &str, path: &str) -> Result<Vec<u8>> {
        let mut answer = Vec::new();
        exchange(
            &self.socket,
            &format!("{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n"),
        )
        .and_then(|mut stream| stream.read_to_end(&mut answer))
        .doing(format!("ask the engine at {}", self.socket.display()))?;
        let split = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let (head, body) = split.map_or((&answer[..], &[][..]), |at| answer.split_at(at + 4));
        let head = String::from_utf8_lossy(head);
        let status = head.lines().next().unwrap_or_default();
        if status
            .split(' ')
            .nth(1)
            .is_some_and(|code| code.starts_with('2'))
        {
            return Ok(body.to_vec());
        }
        let said = String::from_utf8_lossy(body);
        Failure::err(format!(
            "the engine answered {method} {path} with {status} : {}",
            said.trim()
        ))
    }
}

fn exchange(socket: &Path, request: &str) -> std::io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// How a person would know it: a tag, a name, or else its labels.
fn name_of(entry: &Value) -> String {
    [&entry["RepoTags"][0], &entry["Names"][0], &entry["Name"]]
        .iter()
        .find_map(|name| name.as_str())
        .filter(|name| !name.starts_with("<none>"))
        .map_or_else(
            || entry["Labels"].to_string(),
            |name| name.trim_start_matches('/').to_owned(),
        )
}

/// Percent-encoding of everything that is not a letter, a digit or `-._`.
pub(crate) fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
