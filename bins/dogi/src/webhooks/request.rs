//! A delivery as it was sent, less what proved who sent it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use dogi_hooks::forge::{DeliveryId, Forge, Verified, Word};
use dogi_hooks::incoming::Received;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

/// Headers that are kept, beside those of forges: nothing that proves anything, or that a proxy added.
const KEPT: [&str; 7] = [
    "accept",
    "content-length",
    "content-type",
    "idempotency-key",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
];
const OF_FORGES: [&str; 5] = [
    "x-github-",
    "x-gitea-",
    "x-forgejo-",
    "x-gitlab-",
    "x-gogs-",
];

fn is_kept(name: &str) -> bool {
    let of_forge = OF_FORGES.iter().any(|prefix| name.starts_with(prefix));
    let proves = name.contains("signature") || name.contains("token");
    KEPT.contains(&name) || (of_forge && !proves)
}

/// A verified delivery, to be looked at again later.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    head: Head,
    pub(crate) body: Bytes,
    /// The payload as JSON, which a form has in a field.
    pub(crate) payload: Bytes,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    method: String,
    headers: Vec<(String, String)>,
    query: String,
    peer: SocketAddr,
    client: IpAddr,
    at: u64,
    forge: Option<String>,
    event: Option<String>,
    id: Option<String>,
    body: usize,
}

impl Request {
    /// What was received and verified.
    pub(crate) fn new(received: &Received, verified: &Verified, payload: Bytes) -> Self {
        let headers = received.headers.iter();
        let headers = headers.filter(|(name, _)| is_kept(name.as_str()));
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let query = form_urlencoded(&received.query);
        let head = Head {
            method: received.method.to_string(),
            headers: headers.collect(),
            query,
            peer: received.peer,
            client: received.client,
            at: received.at,
            forge: verified.forge().map(|forge| forge.as_str().to_owned()),
            event: verified.event_name().map(|name| name.as_str().to_owned()),
            id: verified.id().map(|id| id.as_str().to_owned()),
            body: received.body.len(),
        };
        Self {
            head,
            body: received.body.clone(),
            payload,
        }
    }

    /// As rules of hooks see it.
    pub(crate) fn received(&self) -> Received {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.head.headers {
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_str(value))
            {
                headers.append(name, value);
            }
        }
        Received {
            method: self.head.method.parse().unwrap_or(Method::POST),
            headers,
            query: self.head.query.clone(),
            peer: self.head.peer,
            client: self.head.client,
            body: self.body.clone(),
            at: self.head.at,
        }
    }

    /// As the one that was verified when it came.
    pub(crate) fn verified(&self) -> Verified {
        let forge = |name: &str| Forge::ALL.into_iter().find(|forge| forge.as_str() == name);
        let origin = self.head.forge.as_deref().and_then(forge);
        let event = self
            .head
            .event
            .as_deref()
            .and_then(|name| Word::new(name).ok());
        let id = self.head.id.as_deref();
        let id = id.and_then(|id| DeliveryId::new(id).ok());
        Verified::danger_unverified(origin.zip(event), id, self.payload.clone())
    }

    pub(crate) fn client(&self) -> IpAddr {
        self.head.client
    }

    /// Its head as a line of JSON, then body and payload.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(&self.head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        if self.payload != self.body {
            bytes.extend_from_slice(&self.payload);
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "not a delivery");
        let end = memchr::memchr(b'\n', bytes).ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(&bytes[..end])?;
        let rest = &bytes[end + 1..];
        if head.body > rest.len() {
            return Err(damaged());
        }
        let (body, payload) = rest.split_at(head.body);
        let body = Bytes::copy_from_slice(body);
        let payload = match payload.is_empty() {
            true => body.clone(),
            false => Bytes::copy_from_slice(payload),
        };
        Ok(Self {
            head,
            body,
            payload,
        })
    }
}

/// The query without the token of compose-ci.
fn form_urlencoded(query: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        name != "token"
    });
    kept.collect::<Vec<_>>().join("&")
}
