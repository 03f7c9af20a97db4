use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{Denied, EgressPolicy, Lookup, Reason, SystemLookup, host::Host, intercept};

/// How long a name may take to resolve.
const LOOKUP_LIMIT: Duration = Duration::from_secs(15);

/// A resolver that hands on only what a policy allows. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    policy: Arc<EgressPolicy>,
    lookup: Arc<dyn Lookup>,
    limit: Duration,
}

/// Why a host has no address to connect to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The policy allows none of its addresses.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The resolver failed.
    #[error("`{}` cannot be resolved", .host.escape_debug())]
    Lookup {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// The resolver knows the name and no address of it.
    #[error("`{}` has no address", .host.escape_debug())]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The resolver did not answer.
    #[error("`{}` was not resolved within {limit:?}", .host.escape_debug())]
    Slow {
        /// The name.
        host: String,
        /// How long was waited.
        limit: Duration,
    },
}

impl Guard {
    /// A guard that asks the system's resolver, for at most 15 seconds a name.
    pub fn new(policy: Arc<EgressPolicy>) -> Self {
        Self {
            policy,
            lookup: Arc::new(SystemLookup),
            limit: LOOKUP_LIMIT,
        }
    }

    /// Asks this resolver instead.
    #[must_use]
    pub fn with_lookup(mut self, lookup: impl Lookup + 'static) -> Self {
        self.lookup = Arc::new(lookup);
        self
    }

    /// Waits so long for a name.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The policy that is asked.
    pub fn policy(&self) -> &Arc<EgressPolicy> {
        &self.policy
    }

    /// The same guard with another policy.
    pub(crate) fn with_policy(&self, policy: EgressPolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            ..self.clone()
        }
    }

    /// The addresses of `host` that may be connected to, at least one. Connect to
    /// these, and do not resolve the name again.
    ///
    /// # Errors
    ///
    /// [`EgressError::Denied`] when the policy allows none of them, else what went
    /// wrong with resolving.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind but a look-up that ends by itself.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, EgressError> {
        let addresses = self.addresses(host).await?;
        Ok(addresses
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect())
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        if let Some(denied) = intercept::denial(host, &self.policy) {
            return Err(denied.into());
        }
        self.policy.check_host(host)?;
        let name = match Host::parse(host) {
            Some(Host::Address(address)) => return Ok(vec![address]),
            Some(Host::Name(name)) => name,
            None => {
                let reason = Reason::NotAHost;
                return Err(Denied {
                    host: host.to_owned(),
                    address: None,
                    reason,
                }
                .into());
            }
        };
        self.allowed(host, self.look_up(&name).await?)
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, EgressError> {
        let host = || name.to_owned();
        match tokio::time::timeout(self.limit, self.lookup.lookup(name)).await {
            Ok(Ok(found)) if found.is_empty() => Err(EgressError::NoAddress { host: host() }),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(source)) => Err(EgressError::Lookup {
                host: host(),
                source,
            }),
            Err(_) => Err(EgressError::Slow {
                host: host(),
                limit: self.limit,
            }),
        }
    }

    /// Leaves out what is not allowed; an error when that leaves nothing.
    fn allowed(&self, host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, EgressError> {
        let mut denied = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            match self.policy.check(host, address) {
                Ok(()) => allowed.push(address),
                Err(e) => denied = denied.or(Some(e)),
            }
        }
        match denied {
            Some(denied) if allowed.is_empty() => Err(denied.into()),
            _ => Ok(allowed),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            policy,
            lookup: _,
            limit,
        } = self;
        f.debug_struct("Guard")
            .field("policy", policy)
            .field("limit", limit)
            .finish_non_exhaustive()
    }
}

impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let guard = self.clone();
        Box::pin(async move {
            // With port 0, the port is that of the URL.
            let found = guard.resolve(name.as_str(), 0).await?;
            let found: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
