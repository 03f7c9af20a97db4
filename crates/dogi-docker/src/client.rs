//! The handle to an engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::BollardRequest;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, BodyStream, Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Deserialize;

use crate::endpoint::{ConnectError, Endpoint};
use crate::error::{EngineError, tidy, translate};
use crate::transport::Transport;

/// A Docker engine. Cheap to clone; every clone speaks to the same engine.
#[derive(Debug, Clone)]
pub struct Docker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    transport: Transport,
    client: bollard::Docker,
}

/// What an engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineInfo {
    /// Version of the engine, e.g. `20.10.24`.
    pub version: String,
    /// Newest API version it speaks, e.g. `1.41`.
    pub api: String,
    /// Architecture of the machine in Docker's words: `amd64`, `arm64`…
    pub arch: String,
    /// Operating system of its containers: `linux` or `windows`.
    pub os: String,
    /// Whether it can build with BuildKit.
    pub buildkit: bool,
}

/// First API version whose engine carries BuildKit for every client (engine 18.09).
const BUILDKIT_SINCE: (u32, u32) = (1, 39);

impl Docker {
    /// Prepares a handle: reads the certificates, connects to nothing. Use [`Docker::ping`] to find
    /// out whether somebody answers.
    ///
    /// # Errors
    /// The endpoint can't be used: a scheme that is not supported, a bad address, certificates that
    /// can't be read.
    pub fn connect(endpoint: &Endpoint) -> Result<Docker, ConnectError> {
        let transport = Transport::new(endpoint)?;
        let client = client_over(transport.clone(), endpoint.timeout);
        Ok(Docker {
            inner: Arc::new(Inner {
                endpoint: endpoint.clone(),
                transport,
                client,
            }),
        })
    }

    /// The endpoint that this handle was made for.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Whether the engine answers. Cancel safe.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] when nobody is there.
    pub async fn ping(&self) -> Result<(), EngineError> {
        self.client()
            .ping()
            .await
            .map(drop)
            .map_err(|err| self.fault("answer a ping", err))
    }

    /// Version and abilities of the engine. Cancel safe.
    ///
    /// # Errors
    /// The engine can't be reached or does not understand.
    pub async fn info(&self) -> Result<EngineInfo, EngineError> {
        let version = self
            .client()
            .version()
            .await
            .map_err(|err| self.fault("tell its version", err))?;
        let podman = version
            .components
            .iter()
            .flatten()
            .any(|component| component.name.to_ascii_lowercase().contains("podman"));
        let api = version.api_version.unwrap_or_default();
        let os = version.os.unwrap_or_default();
        Ok(EngineInfo {
            buildkit: os == "linux" && !podman && parse_version(&api) >= Some(BUILDKIT_SINCE),
            version: version.version.unwrap_or_default(),
            arch: version.arch.unwrap_or_default(),
            api,
            os,
        })
    }

    /// Where the engine keeps images and containers, on its own machine; `None`: it does not tell.
    /// Cancel safe.
    ///
    /// # Errors
    /// The engine can't be reached or does not understand.
    pub async fn root_dir(&self) -> Result<Option<PathBuf>, EngineError> {
        let info = self.client().info().await;
        let info = info.map_err(|err| self.fault("tell where it keeps things", err))?;
        Ok(info.docker_root_dir.map(PathBuf::from))
    }

    pub(crate) fn client(&self) -> &bollard::Docker {
        &self.inner.client
    }

    /// A client for requests whose answer begins late by nature.
    pub(crate) fn patient(&self, at_most: Duration) -> bollard::Docker {
        self.inner.client.clone().with_timeout(at_most)
    }

    /// A client for one build, see [`Transport::for_build`].
    pub(crate) fn build_client(
        &self,
        kill: tokio_util::sync::CancellationToken,
        id: &str,
    ) -> bollard::Docker {
        client_over(self.inner.transport.for_build(kill, id), LONG)
    }

    pub(crate) fn fault(&self, what: &str, error: bollard::errors::Error) -> EngineError {
        translate(&self.inner.endpoint.to_string(), what, error)
    }

    pub(crate) fn lost(
        &self,
        what: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> EngineError {
        EngineError::Lost {
            endpoint: self.inner.endpoint.to_string(),
            what: what.to_owned(),
            source: source.into(),
        }
    }

    /// A request of our own, for what the client library gets wrong: raw streams and archives.
    pub(crate) async fn raw(
        &self,
        what: &str,
        method: http::Method,
        path_and_query: &str,
        edit: impl FnOnce(http::request::Builder) -> http::request::Builder,
        body: Bytes,
    ) -> Result<http::Response<Incoming>, EngineError> {
        let builder = http::Request::builder()
            .method(method)
            .uri(path_and_query)
            .header(http::header::CONTENT_TYPE, "application/json");
        let request: BollardRequest = edit(builder)
            .body(Either::Left(Full::new(body)))
            .map_err(|err| self.fault(what, err.into()))?;
        let sending = self.inner.transport.send(request);
        let response = tokio::time::timeout(self.inner.endpoint.timeout, sending)
            .await
            .map_err(|_| EngineError::TimedOut {
                endpoint: self.inner.endpoint.to_string(),
                what: what.to_owned(),
            })?
            .map_err(|err| self.fault(what, err))?;
        let status = response.status();
        if status.is_success() || status == http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        Err(EngineError::Refused {
            what: what.to_owned(),
            status: status.as_u16(),
            message: refusal(response).await,
        })
    }

    /// A request that turns its connection into a byte stream, as attach and exec do.
    pub(crate) async fn hijack(
        &self,
        what: &str,
        path_and_query: &str,
        body: Bytes,
    ) -> Result<TokioIo<hyper::upgrade::Upgraded>, EngineError> {
        let upgrade = |builder: http::request::Builder| {
            builder
                .header(http::header::CONNECTION, "Upgrade")
                .header(http::header::UPGRADE, "tcp")
        };
        let response = self
            .raw(what, http::Method::POST, path_and_query, upgrade, body)
            .await?;
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|err| self.lost(what, err))?;
        Ok(TokioIo::new(upgraded))
    }
}

/// Longer than any build or pull: these are ended by cancelling, not by a clock in the client.
pub(crate) const LONG: Duration = Duration::from_secs(7 * 24 * 3600);

fn client_over(transport: Transport, timeout: Duration) -> bollard::Docker {
    let address = format!("http://{}", transport.authority());
    let send = move |request| {
        let transport = transport.clone();
        async move { transport.send(request).await }
    };
    bollard::Docker::connect_with_custom_transport(
        send,
        Some(address),
        timeout.as_secs().max(1),
        bollard::API_DEFAULT_VERSION,
    )
    .expect("a custom transport is taken as it is")
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The message of an error answer: `{"message": …}`, or whatever came instead, at most 64 KiB.
async fn refusal(response: http::Response<Incoming>) -> String {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let limited = http_body_util::Limited::new(response.into_body(), 64 * 1024);
    let bytes = match limited.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    match serde_json::from_slice::<Message>(&bytes) {
        Ok(parsed) => tidy(&parsed.message),
        Err(_) => tidy(&String::from_utf8_lossy(&bytes)),
    }
}

/// The data of a body.
pub(crate) fn body_bytes(body: Incoming) -> BoxStream<'static, Result<Bytes, hyper::Error>> {
    BodyStream::new(body)
        .try_filter_map(|frame| futures::future::ready(Ok(frame.into_data().ok())))
        .boxed()
}
