//! Files in and out of a container, by the engine's archive calls.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::query_parameters::UploadToContainerOptions;
use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use http::Method;
use hyper::body::Incoming;
use serde::Deserialize;

use super::Container;
use crate::archive::FileOfArchive;
use crate::client::{LONG, body_bytes};
use crate::error::EngineError;
use crate::failing::watch_errors;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

/// What the engine says about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathStat {
    /// What it is; links are told as such.
    pub kind: PathKind,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, RFC 3339 with nanoseconds, as the engine writes it.
    pub mtime: String,
    /// Where a link leads, resolved inside the container; else empty.
    pub link_target: String,
}

/// A file at a path, or the reason why there is none.
#[derive(Debug)]
pub enum FinalFile {
    /// A regular file and its bytes.
    File(FileOfArchive),
    /// Nothing there.
    Missing,
    /// Something that is not a regular file.
    NotAFile(PathKind),
}

/// An upload that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The given stream failed.
    #[error("the archive for {path:?} could not be read")]
    Stream {
        /// Directory in the container.
        path: String,
        /// What the stream said.
        #[source]
        source: io::Error,
    },
    /// The engine refused, or is gone.
    #[error("can't put files into {path:?} of the container")]
    Engine {
        /// Directory in the container.
        path: String,
        /// Its answer.
        #[source]
        source: EngineError,
    },
}

impl Container {
    /// Unpacks a tar into the directory `path`, which has to exist (`/` always does). Works on a
    /// container that was created and not started, and into its volumes; one that is mounted read-only
    /// refuses. Owners and modes are those of the archive.
    ///
    /// Dropping the future breaks the upload off; what was unpacked stays.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload(
        &self,
        path: &str,
        tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), UploadError> {
        let options = UploadToContainerOptions {
            path: path.to_owned(),
            ..Default::default()
        };
        let (tar, failure) = watch_errors(tar);
        let sent = self
            .docker
            .patient(LONG)
            .upload_to_container(
                self.id.as_str(),
                Some(options),
                bollard::body_try_stream(tar),
            )
            .await;
        let path = path.to_owned();
        if let Some(source) = failure.take() {
            return Err(UploadError::Stream { path, source });
        }
        sent.map_err(|err| UploadError::Engine {
            path,
            source: self.docker.fault("take files for the container", err),
        })
    }

    /// What stands at a path; `None` where nothing does. Cheap; tmpfs mounts are not seen. Cancel safe.
    ///
    /// # Errors
    /// The container or the engine is gone.
    pub async fn stat(&self, path: &str) -> Result<Option<PathStat>, EngineError> {
        match self.archive(Method::HEAD, path).await {
            Ok((stat, _)) => Ok(Some(stat)),
            Err(err) if self.is_missing_path(&err).await? => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// The file at a path, links followed inside the container. Its content is streamed; directories,
    /// pipes, sockets and devices are told and not read. tmpfs mounts are not seen. Works on a
    /// container in any state; a file that is being written comes as long as it was at the beginning.
    ///
    /// # Errors
    /// The container or the engine is gone.
    pub async fn final_file(&self, path: &str) -> Result<FinalFile, EngineError> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let (stat, body) = match self.archive(Method::GET, &path).await {
                Ok(found) => found,
                Err(EngineError::Refused { message, .. }) if message.contains("too many links") => {
                    return Ok(FinalFile::NotAFile(PathKind::Symlink));
                }
                Err(err) if self.is_missing_path(&err).await? => return Ok(FinalFile::Missing),
                Err(err) => return Err(err),
            };
            match stat.kind {
                PathKind::File => {
                    return FileOfArchive::open(self.body(body))
                        .await
                        .map(FinalFile::File)
                        .map_err(|err| self.docker.lost("send a file of the container", err));
                }
                // The engine has resolved it inside the container's root already; once more for a
                // link that was put there since.
                PathKind::Symlink if !stat.link_target.is_empty() => path = stat.link_target,
                other => return Ok(FinalFile::NotAFile(other)),
            }
        }
        Ok(FinalFile::NotAFile(PathKind::Symlink))
    }

    /// A directory as a tar, whose paths begin with the directory's name. An engine that can't read on
    /// ends it as if it were complete.
    pub(crate) async fn download(
        &self,
        path: &str,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, EngineError> {
        let (_, body) = self.archive(Method::GET, path).await?;
        Ok(self.body(body))
    }

    fn body(&self, body: Incoming) -> BoxStream<'static, io::Result<Bytes>> {
        use futures::StreamExt;
        body_bytes(body)
            .map(|chunk| chunk.map_err(io::Error::other))
            .boxed()
    }

    async fn archive(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(PathStat, Incoming), EngineError> {
        let what = "send a file of the container";
        let query = serde_urlencoded::to_string([("path", path)])
            .map_err(|err| garbled(what, err.to_string()))?;
        let target = format!("{}?{query}", self.path("archive"));
        let response = self
            .docker
            .raw(what, method, &target, |builder| builder, Bytes::new())
            .await?;
        let header = response
            .headers()
            .get("X-Docker-Container-Path-Stat")
            .ok_or_else(|| garbled(what, "no X-Docker-Container-Path-Stat header".to_owned()))?;
        let stat = parse_stat(header.as_bytes()).map_err(|reason| garbled(what, reason))?;
        Ok((stat, response.into_body()))
    }

    /// A 404 means that the path, or that the container is not there. To `HEAD` there is no message.
    async fn is_missing_path(&self, err: &EngineError) -> Result<bool, EngineError> {
        match err {
            EngineError::Refused { status: 404, .. } => self.state().await.map(|_| true),
            // A component of the path that is a file: engines have answered 400 and 500 to it.
            EngineError::Refused { message, .. } => {
                Ok(message.contains("not a directory") || message.contains("no such file"))
            }
            _ => Ok(false),
        }
    }
}

/// More links than any path needs.
const MAX_LINKS: usize = 8;

fn garbled(what: &str, reason: String) -> EngineError {
    EngineError::Garbled {
        what: what.to_owned(),
        reason,
    }
}

/// The header is base64 of a JSON object whose `mode` has the bits of Go's `fs.FileMode`.
fn parse_stat(header: &[u8]) -> Result<PathStat, String> {
    #[derive(Deserialize)]
    struct Stat {
        size: i64,
        mode: u32,
        mtime: String,
        #[serde(rename = "linkTarget", default)]
        link_target: String,
    }
    let json = STANDARD
        .decode(header)
        .map_err(|err| format!("path stat: {err}"))?;
    let stat: Stat = serde_json::from_slice(&json).map_err(|err| format!("path stat: {err}"))?;
    Ok(PathStat {
        kind: kind_of_mode(stat.mode),
        size: u64::try_from(stat.size).unwrap_or(0),
        mtime: stat.mtime,
        link_target: stat.link_target,
    })
}

fn kind_of_mode(mode: u32) -> PathKind {
    const DIRECTORY: u32 = 1 << 31;
    const SYMLINK: u32 = 1 << 27;
    const DEVICE: u32 = 1 << 26;
    const FIFO: u32 = 1 << 25;
    const SOCKET: u32 = 1 << 24;
    const CHARACTER_DEVICE: u32 = 1 << 21;
    const IRREGULAR: u32 = 1 << 19;
    match mode {
        m if m & DIRECTORY != 0 => PathKind::Directory,
        m if m & SYMLINK != 0 => PathKind::Symlink,
        m if m & FIFO != 0 => PathKind::Fifo,
        m if m & SOCKET != 0 => PathKind::Socket,
        m if m & (DEVICE | CHARACTER_DEVICE | IRREGULAR) != 0 => PathKind::Device,
        _ => PathKind::File,
    }
}
