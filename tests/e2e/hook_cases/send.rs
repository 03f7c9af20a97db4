//! Sending a recorded request exactly as it was.

use std::net::SocketAddr;

use base64::Engine as _;
use http_body_util::{BodyExt as _, Empty, Full, combinators::BoxBody};
use hyper_util::rt::TokioIo;
use ring::hmac;
use time::OffsetDateTime;

use super::case::{Request, Scalr};

const DATE: &str = "%a %d %b %Y %H:%M:%S UTC";

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    /// The last one of the name, as the recorder has it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of_name = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        let found = self.headers.iter().rev().find(of_name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends it over a connection of its own, with no header but its own, `Host` and the length.
pub(crate) async fn send(to: SocketAddr, request: &Request) -> Result<Got, String> {
    let connection = tokio::net::TcpStream::connect(to)
        .await
        .map_err(|error| format!("no connection: {error}"))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(connection));
    let (mut sender, driver) = handshake.await.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(driver);
    let sent = sender.send_request(build(to, request)?).await;
    let answer = sent.map_err(|error| format!("no answer: {error}"))?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await;
    let body = body.map_err(|error| format!("the answer breaks off: {error}"))?;
    driver.abort();
    let text = |value: &[u8]| value.iter().copied().map(char::from).collect::<String>();
    Ok(Got {
        status: head.status.as_u16(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    })
}

type Body = BoxBody<bytes::Bytes, std::convert::Infallible>;

fn build(to: SocketAddr, request: &Request) -> Result<http::Request<Body>, String> {
    let body = match &request.body_b64 {
        Some(encoded) => base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|error| error.to_string())?,
        None => request.body.clone().into_bytes(),
    };
    let mut headers = request.headers.pairs();
    if let Some(scalr) = &request.scalr {
        headers.extend(sign(scalr, &body));
    }
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(request.path.as_str());
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        builder = builder.header("host", to.to_string());
    }
    for (name, value) in headers {
        // As the recorder sends them: in Latin-1.
        let value: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
        let value = value.map_err(|error| format!("{name}: {error}"))?;
        builder = builder.header(name, value);
    }
    let body = match body.is_empty() {
        true => Empty::new().boxed(),
        false => Full::new(body.into()).boxed(),
    };
    builder.body(body).map_err(|error| error.to_string())
}

fn sign(scalr: &Scalr, body: &[u8]) -> [(String, String); 2] {
    let at = OffsetDateTime::now_utc() + time::Duration::seconds(scalr.offset_s);
    let date = format_date(scalr.format.as_deref().unwrap_or(DATE), at);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, scalr.secret.as_bytes());
    let signature = hmac::sign(&key, &[body, date.as_bytes()].concat());
    let digits = signature.as_ref().iter().map(|byte| format!("{byte:02x}"));
    [
        ("Date".to_owned(), date),
        ("X-Signature".to_owned(), digits.collect()),
    ]
}

/// The directives of `strftime` that cases use.
fn format_date(format: &str, at: OffsetDateTime) -> String {
    let short = |name: String| name.get(..3).unwrap_or_default().to_owned();
    [
        ("%a", short(at.weekday().to_string())),
        ("%A", at.weekday().to_string()),
        ("%d", format!("{:02}", at.day())),
        ("%e", format!("{:2}", at.day())),
        ("%b", short(at.month().to_string())),
        ("%B", at.month().to_string()),
        ("%m", format!("{:02}", u8::from(at.month()))),
        ("%Y", at.year().to_string()),
        ("%y", format!("{:02}", at.year() % 100)),
        ("%H", format!("{:02}", at.hour())),
        ("%M", format!("{:02}", at.minute())),
        ("%S", format!("{:02}", at.second())),
    ]
    .iter()
    .fold(format.to_owned(), |text, (directive, value)| {
        text.replace(directive, value)
    })
}
