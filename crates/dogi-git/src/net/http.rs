//! Smart HTTP (`gitprotocol-http(5)`).

mod exchange;

use std::sync::Arc;

use dogi_egress::Denied;
use dogi_url::RepoUrl;
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::Transport as GitTransport;
use gix::protocol::transport::client::blocking_io::http::{
    GetResponse, Http, PostBodyDataKind, PostResponse, Transport,
};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use url::{Origin, Url};

use super::{Failed, Fault, Link, Net, chain};
use crate::credentials::{Credential, Credentials};
use exchange::{Body, Exchange, Headers, PostBody};

/// As many redirects as the first request follows.
const MAX_REDIRECTS: usize = 5;
const NO_ANSWER: &str = "the server did not answer";

pub(super) fn connect(
    net: &Net,
    repo: &RepoUrl,
    link: &Arc<Link>,
) -> Result<Box<dyn GitTransport>, Failed> {
    let url = gix::url::parse(repo.clone_url().as_bytes()).map_err(|error| {
        link.fail(Fault::Connection {
            reason: error.to_string(),
            source: None,
        });
        Failed
    })?;
    let client = Client {
        http: net.client.clone(),
        credentials: net.credentials.clone(),
        link: link.clone(),
        authorized: None,
        redirected: None,
    };
    Ok(Box::new(Transport::new_http(
        client,
        url,
        Protocol::V2,
        false,
    )))
}

struct Client {
    http: reqwest::Client,
    credentials: Arc<dyn Credentials>,
    link: Arc<Link>,
    /// The origin that wanted credentials, and how they are sent.
    authorized: Option<(Origin, HeaderValue)>,
    redirected: Option<String>,
}

impl Http for Client {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let response = self.get_following(url, base_url, &header_map(headers));
        let response = response.map_err(gix::Error::from_error)?;
        let exchange = Exchange::answered(response, self.link.clone());
        Ok(GetResponse {
            headers: Headers::of(&exchange),
            body: Body::of(&exchange),
        })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _kind: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, PostBody>> {
        let url = Url::parse(url).map_err(gix::Error::from_error)?;
        let mut headers = header_map(headers);
        self.authorize(&url, &mut headers);
        let request = self.http.post(url).headers(headers);
        let exchange = Exchange::prepared(request, self.link.clone());
        Ok(PostResponse {
            post_body: PostBody::of(&exchange),
            headers: Headers::of(&exchange),
            body: Body::of(&exchange),
        })
    }

    fn configure(&mut self, _: &dyn std::any::Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}

impl Client {
    /// The first request: follows redirects, and answers when credentials are wanted.
    fn get_following(
        &mut self,
        url: &str,
        base_url: &str,
        headers: &HeaderMap,
    ) -> std::io::Result<Response> {
        let tail = url.strip_prefix(base_url).unwrap_or_default();
        let mut url = Url::parse(url).map_err(|error| self.broken(error.to_string()))?;
        let mut redirects = 0;
        let mut asked = false;
        loop {
            let mut headers = headers.clone();
            self.authorize(&url, &mut headers);
            let request = self.http.get(url.clone()).headers(headers);
            let response = send(&self.link, request)?;
            match response.status() {
                StatusCode::UNAUTHORIZED if !asked && self.find_credentials(&url)? => asked = true,
                status if status.is_redirection() && redirects < MAX_REDIRECTS => {
                    redirects += 1;
                    asked = false;
                    url = self.redirect(&url, &response, tail)?;
                }
                _ => return accepted(&self.link, response, asked),
            }
        }
    }

    /// Where the response sends us: to the same place of the same or another server, and never
    /// from https to http.
    fn redirect(&mut self, from: &Url, response: &Response, tail: &str) -> std::io::Result<Url> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| self.broken("a redirect to nowhere".to_owned()))?;
        let to = from
            .join(location)
            .map_err(|error| self.broken(error.to_string()))?;
        let downgrade = from.scheme() == "https" && to.scheme() != "https";
        if downgrade || !matches!(to.scheme(), "http" | "https") || !to.username().is_empty() {
            return Err(self.broken(format!("a redirect to {}:// is not followed", to.scheme())));
        }
        // The very request, of another repository: neither another page nor a part of a query.
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let same = to.path().ends_with(path) && to.query() == Some(query);
        let base = to
            .as_str()
            .strip_suffix(tail)
            .filter(|_| same && !path.is_empty());
        let base = base.ok_or_else(|| {
            self.broken(format!(
                "a redirect away from the repository, to {:?}",
                shown(&to)
            ))
        })?;
        self.redirected = Some(base.to_owned());
        Ok(to)
    }

    /// Looks for credentials for the server at `url`; false: there are none.
    fn find_credentials(&mut self, url: &Url) -> std::io::Result<bool> {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let Some(credential) = self.credentials.get(host, url.port()) else {
            return Ok(false);
        };
        if url.scheme() == "http" && !credential.over_http {
            let reason =
                format!("{host} wants credentials, which are not sent over plain http; use https");
            return Err(self.link.fail(Fault::Unauthorized(reason)));
        }
        self.authorized = Some((url.origin(), basic(&credential)));
        Ok(true)
    }

    fn authorize(&self, url: &Url, headers: &mut HeaderMap) {
        if let Some((origin, value)) = &self.authorized
            && *origin == url.origin()
        {
            headers.insert(AUTHORIZATION, value.clone());
        }
    }

    fn broken(&self, reason: String) -> std::io::Error {
        self.link.fail(Fault::Connection {
            reason,
            source: None,
        })
    }
}

/// Sends a request and waits for the headers of the answer.
fn send(link: &Link, request: reqwest::RequestBuilder) -> std::io::Result<Response> {
    let sent = link.wait(link.limits.stall, NO_ANSWER, async {
        Ok(request.send().await)
    })?;
    sent.map_err(|error| {
        let error = error.without_url();
        let fault = match Denied::find(&error) {
            Some(denied) => Fault::Denied(denied.to_string()),
            None => Fault::Connection {
                reason: chain(&error),
                source: None,
            },
        };
        link.fail(fault)
    })
}

/// The answer, if it is one that git can go on with.
fn accepted(link: &Link, response: Response, asked: bool) -> std::io::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let fault = match status {
        StatusCode::UNAUTHORIZED if asked => Fault::Unauthorized(
            "the server refuses the credentials that are configured for it (401)".to_owned(),
        ),
        StatusCode::UNAUTHORIZED => Fault::Unauthorized(
            "there is no such repository, or it is private and no credentials are configured \
             for its host (401)"
                .to_owned(),
        ),
        StatusCode::FORBIDDEN => Fault::Unauthorized("the server denies access (403)".to_owned()),
        StatusCode::NOT_FOUND | StatusCode::GONE => Fault::NotFound(format!(
            "the server knows no such repository ({})",
            status.as_u16()
        )),
        status => {
            let reason = format!("the server answered with status {status}");
            Fault::Connection {
                reason,
                source: None,
            }
        }
    };
    Err(link.fail(fault))
}

fn basic(credential: &Credential) -> HeaderValue {
    use base64::Engine;
    let Credential {
        username, password, ..
    } = credential;
    let encoded =
        base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}"))
        .expect("base64 holds nothing that a header can't");
    value.set_sensitive(true);
    value
}

/// Header lines as gix gives them.
fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.as_ref().split_once(':') else {
            continue;
        };
        let name = HeaderName::try_from(name).ok();
        if let Some((name, value)) = name.zip(HeaderValue::try_from(value.trim()).ok()) {
            map.append(name, value);
        }
    }
    map
}

/// A URL fit for a message.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}
