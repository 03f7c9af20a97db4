//! What a program's outgoing connections may reach, decided over the addresses
//! that are really connected to.
//!
//! A server that fetches URLs on behalf of others must not be a way into the
//! network that it stands in. Checking the name in a URL is not enough: names
//! resolve to anything, differently each time, and addresses have many spellings.
//! Here an [`EgressPolicy`] judges (host, address) pairs, and a [`Guard`] asks it
//! about each address that a name resolves to, in the moment of connecting; only
//! allowed addresses are handed on. An [`Http`] makes `reqwest` clients that can't
//! get around the guard.
//!
//! ```
//! use std::sync::Arc;
//! use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions};
//!
//! let policy: EgressPolicy = "external, 10.1.0.0/16, registry.corp.example".parse()?;
//! let metadata = "169.254.169.254".parse()?;
//! assert!(policy.check("example.com", "203.0.114.1".parse()?).is_ok());
//! assert!(policy.check("example.com", "10.2.0.1".parse()?).is_err());
//! assert!(policy.check("registry.corp.example", "10.2.0.1".parse()?).is_ok());
//! // Never, whatever the policy says and however it is spelt.
//! assert!(policy.check("registry.corp.example", metadata).is_err());
//! assert!(policy.check_host("[::ffff:a9fe:a9fe]").is_err());
//!
//! let guard = Guard::new(Arc::new(policy));
//! let http = Http::new(guard, HttpOptions::default())?;
//! let client = http.client_builder().build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is covered
//!
//! Names, by a resolver of our own; IP literals in URLs and in the targets of
//! redirects, which `reqwest` would connect to without asking a resolver, by a
//! route that ends at the same resolver; IPv4 addresses inside IPv6 ones (mapped,
//! compatible, translated, NAT64, 6to4, Teredo, ISATAP).
//!
//! TLS is rustls with ring, given explicitly: no process-wide provider is needed or
//! installed. Certificates are verified against the platform's roots. Proxies are
//! given too, and never read from the environment.
//!
//! # Limitations
//!
//! - Where a proxy is used, the proxy resolves the names: literals, `localhost` and
//!   well-known metadata names are refused still, other names can't be judged.
//! - A NAT64 prefix of the network's own looks like any other external address.
//! - A program that is started, such as `ssh`, resolves for itself: give it an
//!   address from [`Guard::resolve`].
//! - Ports are not part of the policy.
//!
//! # Features
//!
//! - `blocking`: the same for `reqwest::blocking`.

mod address;
mod denied;
mod entry;
mod guard;
mod host;
mod http;
mod intercept;
mod lookup;
mod policy;
mod proxies;
mod tls;

pub use address::AddressKind;
pub use denied::{Denied, Reason};
pub use entry::{BadEntry, PolicyError};
pub use guard::{EgressError, Guard};
pub use http::{Http, HttpError, HttpOptions};
pub use lookup::{Looking, Lookup, SystemLookup};
pub use policy::EgressPolicy;
pub use proxies::{BadProxy, Proxies};
