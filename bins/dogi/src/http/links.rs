//! URLs that dogi hands out.

use dogi_job::RunId;
use dogi_url::{Expiry, InstanceId, Keys, OutputName, Scheme};

/// Makes URLs of this server, signed where a signature is needed to open them. A signature covers
/// one path: a link to an output reads that output, and does nothing else.
#[derive(Clone, Debug)]
pub struct Links {
    base: String,
    keys: Option<Keys>,
}

impl Links {
    /// With the address that others know the server by (without it links are relative), and the
    /// secrets, if URLs have to be signed.
    #[must_use]
    pub fn new(base: Option<String>, keys: Option<Keys>) -> Self {
        Self {
            base: base.unwrap_or_default(),
            keys,
        }
    }

    fn link(&self, target: String) -> String {
        self.link_until(target, Expiry::Never)
    }

    fn link_until(&self, target: String, expiry: Expiry) -> String {
        let signed = self
            .keys
            .as_ref()
            .and_then(|keys| keys.sign(&target, expiry, Scheme::Hmac).ok())
            .unwrap_or(target);
        format!("{}{signed}", self.base)
    }

    /// A run's status.
    #[must_use]
    pub fn status(&self, run: &RunId) -> String {
        self.link(format!("/runs/{run}"))
    }

    /// An output of a run.
    #[must_use]
    pub fn output(&self, run: &RunId, output: &OutputName) -> String {
        self.link(format!("/runs/{run}/{output}"))
    }

    /// An output of whatever run of an instance was the last.
    #[must_use]
    pub fn latest(&self, instance: &InstanceId, output: &OutputName) -> String {
        self.link(format!("/output/{instance}/{output}"))
    }

    /// A page of the history, good for as long as the one before it (`expires`, unix seconds).
    #[must_use]
    pub fn page(&self, before: &RunId, limit: usize, expires: Option<u64>) -> String {
        let target = format!("/runs?before={before}&limit={limit}");
        self.link_until(target, expires.map_or(Expiry::Never, Expiry::At))
    }
}
