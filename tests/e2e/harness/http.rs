//! Requests and answers.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.expect("the body ends well").to_vec();
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: no JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An answer as it came over the wire: for what HTTP libraries hide.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    /// The body with its chunks put together.
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: BTreeMap<String, String>,
    /// Whether the last chunk came.
    pub(crate) complete: bool,
}

/// Sends `head` (request line and fields, without the empty line) and reads until the server
/// closes.
pub(crate) async fn raw(address: SocketAddr, head: &str) -> RawAnswer {
    let mut connection = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    let request = format!("{head}\r\nHost: dogi\r\nConnection: close\r\n\r\n");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("the request is sent");
    let mut bytes = Vec::new();
    // A server that cuts the answer off may reset the connection.
    let _ = connection.read_to_end(&mut bytes).await;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> RawAnswer {
    let split = find(bytes, b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    let headers = fields(lines);
    let rest = &bytes[split + 4..];
    if headers
        .get("transfer-encoding")
        .is_some_and(|coding| coding == "chunked")
    {
        let (body, trailers, complete) = chunks(rest);
        return RawAnswer {
            status,
            headers,
            body,
            trailers,
            complete,
        };
    }
    let body = rest.to_vec();
    RawAnswer {
        status,
        headers,
        body,
        trailers: BTreeMap::new(),
        complete: true,
    }
}

fn chunks(mut rest: &[u8]) -> (Vec<u8>, BTreeMap<String, String>, bool) {
    let mut body = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        rest = &rest[end + 2..];
        if size == 0 {
            let text = String::from_utf8_lossy(rest).into_owned();
            return (body, fields(text.split("\r\n")), true);
        }
        if rest.len() < size + 2 {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
    (body, BTreeMap::new(), false)
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
