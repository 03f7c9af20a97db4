use std::fmt;

use reqwest::{NoProxy, Proxy, Url};

use crate::host::Host;

/// Proxies for HTTP and HTTPS, and who is reached without them; given, and never
/// read from the environment.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    no_proxy: Option<String>,
}

/// A proxy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy for {for_scheme} {problem}; wanted is, for example, http://proxy.example:3128")]
#[non_exhaustive]
pub struct BadProxy {
    /// `http` or `https`: whose proxy it was to be.
    pub for_scheme: &'static str,
    problem: &'static str,
}

impl Proxies {
    /// The values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, as curl reads them:
    /// `host:port` without a scheme is HTTP, user and password may stand in the URL,
    /// an empty value is none.
    ///
    /// # Errors
    ///
    /// [`BadProxy`] for each that is no URL of an HTTP or HTTPS proxy. The value is
    /// not quoted, since it may hold a password.
    pub fn new(
        http: Option<&str>,
        https: Option<&str>,
        no_proxy: Option<&str>,
    ) -> Result<Self, Vec<BadProxy>> {
        let no_proxy = no_proxy
            .filter(|list| !list.trim().is_empty())
            .map(str::to_owned);
        match (proxy(http, "http"), proxy(https, "https")) {
            (Ok(http), Ok(https)) => Ok(Self {
                http,
                https,
                no_proxy,
            }),
            (http, https) => Err([http.err(), https.err()].into_iter().flatten().collect()),
        }
    }

    pub(crate) fn hosts(&self) -> Vec<Host> {
        let urls = [&self.http, &self.https].into_iter().flatten();
        urls.filter_map(|url| Host::parse(url.host_str()?))
            .collect()
    }

    pub(crate) fn build(&self) -> reqwest::Result<Vec<Proxy>> {
        let not_for = || self.no_proxy.as_deref().and_then(NoProxy::from_string);
        let http = self.http.clone().map(Proxy::http);
        let https = self.https.clone().map(Proxy::https);
        let both = [http, https].into_iter().flatten();
        both.map(|proxy| Ok(proxy?.no_proxy(not_for()))).collect()
    }
}

fn proxy(text: Option<&str>, for_scheme: &'static str) -> Result<Option<Url>, BadProxy> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let bad = |problem| BadProxy {
        for_scheme,
        problem,
    };
    let url = Url::parse(&full).map_err(|_| bad("is no URL"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(Some(url)),
        _ => Err(bad("speaks neither http nor https")),
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<Url>| {
            url.as_ref()
                .map(|url| format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()))
        };
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}
