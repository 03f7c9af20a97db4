use std::{future::Future, io, net::IpAddr, pin::Pin};

/// A name being looked up.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of names: the system's resolver, or one of the embedder's.
///
/// A function from a name to addresses is one, too.
pub trait Lookup: Send + Sync {
    /// Begins to look up `name`.
    fn lookup(&self, name: &str) -> Looking;
}

/// The system's resolver, with all that `/etc/nsswitch.conf` says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> Looking {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

impl<F> Lookup for F
where
    F: Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync,
{
    fn lookup(&self, name: &str) -> Looking {
        Box::pin(std::future::ready(self(name)))
    }
}
