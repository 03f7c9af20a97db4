//! A client for loopback: one connection per request, bodies as they come.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header::HeaderMap};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Failure, Result, failure::Doing as _};

/// An answer whose body is still coming.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response<Incoming>,
    trailers: HeaderMap,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A trailer, once the body has ended.
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.get(name)?.to_str().ok()
    }

    /// The next piece of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.response.body_mut().frame().await {
            match frame.doing("read a body")?.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.trailers = trailers;
                    }
                }
            }
        }
        Ok(None)
    }

    /// All of the body.
    pub(crate) async fn text(mut self) -> Result<String> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(String::from_utf8_lossy(&all).into_owned())
    }

    /// The answer, if its status is 200.
    pub(crate) async fn ok(self) -> Result<Self> {
        match self.status() {
            200 => Ok(self),
            status => Failure::err(format!("answered {status}: {}", self.text().await?.trim())),
        }
    }
}

/// Asks for a URL of loopback, `http://ADDRESS/…`.
pub(crate) async fn get(url: &str) -> Result<Answer> {
    let (address, target) = split(url)?;
    let stream = TcpStream::connect(address)
        .await
        .doing(format!("connect to {address}"))?;
    stream.set_nodelay(true).doing("set up a connection")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .doing(format!("talk to {address}"))?;
    // It ends with the answer, which says itself when it breaks.
    tokio::spawn(connection);
    let request = Request::get(target)
        .header("Host", address.to_string())
        .header("TE", "trailers")
        .body(Empty::<Bytes>::new())
        .doing(format!("ask for {url}"))?;
    let response = sender
        .send_request(request)
        .await
        .doing(format!("ask for {url}"))?;
    Ok(Answer {
        response,
        trailers: HeaderMap::new(),
    })
}

fn split(url: &str) -> Result<(SocketAddr, &str)> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let slash = rest.find('/').unwrap_or(rest.len());
    let address = rest[..slash]
        .parse()
        .doing(format!("find an address in `{url}`"))?;
    let target = if slash == rest.len() {
        "/"
    } else {
        &rest[slash..]
    };
    Ok((address, target))
}
