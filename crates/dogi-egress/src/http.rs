use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Proxy, redirect};
use rustls::ClientConfig;

use crate::{EgressPolicy, Guard, Proxies, host::Host, intercept, tls};

/// How HTTP clients are made.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The proxies to connect through. Their hosts are the operator's choice and
    /// need not be allowed by the policy.
    pub proxies: Proxies,
    /// The `User-Agent`.
    pub user_agent: String,
    /// How long resolving, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How many redirects are followed one after the other; 0: a redirect is the
    /// answer.
    pub redirects: usize,
}

/// No proxies, 10 seconds to connect, no redirects.
impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            proxies: Proxies::default(),
            user_agent: concat!("dogi/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            redirects: 0,
        }
    }
}

/// Why no HTTP client can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// TLS could not be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// A proxy was refused.
    #[error("a proxy cannot be used")]
    Proxy(#[source] reqwest::Error),
}

/// Makes HTTP clients that can't get around a [`Guard`]. The root certificates are
/// read once, here. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    /// As given: what URLs may name.
    policy: Arc<EgressPolicy>,
    /// The hosts of proxies exempt: what is connected to.
    guard: Arc<Guard>,
    proxies: Vec<Proxy>,
    proxy_hosts: Vec<Host>,
    options: HttpOptions,
    tls: ClientConfig,
}

impl Http {
    /// Reads the root certificates and the proxies.
    ///
    /// # Errors
    ///
    /// [`HttpError`]. A machine without root certificates is none: connections over
    /// TLS fail then, with the remedy.
    pub fn new(guard: Guard, options: HttpOptions) -> Result<Self, HttpError> {
        let proxy_hosts = options.proxies.hosts();
        let names = proxy_hosts.iter().filter_map(Host::name);
        let exempted = names.fold(EgressPolicy::clone(guard.policy()), EgressPolicy::exempt);
        Ok(Self {
            policy: Arc::clone(guard.policy()),
            guard: Arc::new(guard.with_policy(exempted)),
            proxies: options.proxies.build().map_err(HttpError::Proxy)?,
            proxy_hosts,
            options,
            tls: tls::config().map_err(HttpError::Tls)?,
        })
    }

    /// A client that is still to be finished. Do not give it another resolver, TLS
    /// backend or a call of `no_proxy`: these would undo the guard.
    pub fn client_builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::ClientBuilder::new()
            .no_proxy()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.guard))
            .user_agent(self.options.user_agent.clone())
            .connect_timeout(self.options.connect_timeout)
            .redirect(self.redirects())
            .referer(false);
        self.routes().fold(builder, reqwest::ClientBuilder::proxy)
    }

    /// As [`client_builder`](Self::client_builder), for blocking clients.
    #[cfg(feature = "blocking")]
    pub fn blocking_client_builder(&self) -> reqwest::blocking::ClientBuilder {
        self.guard_blocking(reqwest::blocking::ClientBuilder::new())
    }

    /// Puts guard, TLS, proxies and the other options into a builder that comes from
    /// elsewhere.
    #[cfg(feature = "blocking")]
    pub fn guard_blocking(
        &self,
        builder: reqwest::blocking::ClientBuilder,
    ) -> reqwest::blocking::ClientBuilder {
        let builder = builder
            .no_proxy()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::clone(&self.guard))
            .user_agent(self.options.user_agent.clone())
            .connect_timeout(self.options.connect_timeout)
            .redirect(self.redirects())
            .referer(false);
        self.routes()
            .fold(builder, reqwest::blocking::ClientBuilder::proxy)
    }

    /// The first that wants a destination gets it: denials come first.
    fn routes(&self) -> impl Iterator<Item = Proxy> {
        let denials = intercept::proxy(Arc::clone(&self.policy), self.proxy_hosts.clone());
        std::iter::once(denials).chain(self.proxies.iter().cloned())
    }

    fn redirects(&self) -> redirect::Policy {
        match self.options.redirects {
            0 => redirect::Policy::none(),
            limit => redirect::Policy::custom(move |attempt| follow(limit, attempt)),
        }
    }
}

/// Whether the target may be reached is found out when connecting to it.
fn follow(limit: usize, attempt: redirect::Attempt<'_>) -> redirect::Action {
    let secure = |url: &reqwest::Url| url.scheme() == "https";
    if attempt.previous().len() > limit {
        return attempt.error(format!("more than {limit} redirects"));
    }
    if attempt.previous().last().is_some_and(secure) && !secure(attempt.url()) {
        return attempt.error("a redirect from https to something that is not");
    }
    attempt.follow()
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, options, .. } = self;
        f.debug_struct("Http")
            .field("guard", guard)
            .field("options", options)
            .finish_non_exhaustive()
    }
}
