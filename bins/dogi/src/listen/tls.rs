//! HTTPS: a certificate that is read again when its file changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Where the certificate and its key are, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first; may hold the key as well.
    pub cert: PathBuf,
    /// The private key, when it is a file of its own.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    fn key_path(&self) -> &Path {
        self.key.as_deref().unwrap_or(&self.cert)
    }

    /// Reads both (blocking).
    fn load(&self) -> Result<CertifiedKey, TlsError> {
        let certificates = read(&self.cert)?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&certificates)
            .collect::<Result<_, _>>()
            .map_err(|source| TlsError::Pem {
                path: self.cert.clone(),
                source,
            })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate {
                path: self.cert.clone(),
            });
        }
        let path = self.key_path().to_path_buf();
        let key = PrivateKeyDer::from_pem_slice(&read(&path)?).map_err(|source| match source {
            pem::Error::NoItemsFound => TlsError::NoKey { path: path.clone() },
            source => TlsError::Pem {
                path: path.clone(),
                source,
            },
        })?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|source| TlsError::Unusable { path, source })
    }

    /// What changes when a file does: cheap, and follows links as `load` does.
    fn stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        [self.cert.as_path(), self.key_path()]
            .into_iter()
            .map(|path| {
                let meta = std::fs::metadata(path).ok()?;
                Some((meta.modified().ok()?, meta.len()))
            })
            .collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_path_buf(),
        source,
    })
}

/// Why HTTPS can't be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not PEM.
    #[error("{} is not valid PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{} holds no certificate (expected `-----BEGIN CERTIFICATE-----`)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file.
    #[error("{} holds no private key (expected `-----BEGIN PRIVATE KEY-----`; a key in a file of its own is --key)", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of no known kind, or another certificate's.
    #[error("the key in {} cannot be used with the certificate", path.display())]
    Unusable {
        /// The file of the key.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The TLS library refuses its own defaults.
    #[error("cannot set up TLS")]
    SetUp(#[source] rustls::Error),
}

/// The certificate in use: readers take the newest, one task replaces it.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.0.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// A TLS configuration (h2 and http/1.1 by ALPN) and the task that keeps its certificate fresh.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
    stamp: Vec<Option<(SystemTime, u64)>>,
}

impl Tls {
    /// Reads the files (blocking).
    ///
    /// # Errors
    /// When a file can't be read or is no certificate or key, saying which and what is missing.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = files.stamp();
        let current = Arc::new(Current(RwLock::new(Arc::new(files.load()?))));
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::SetUp)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            files,
            current,
            config: Arc::new(config),
            stamp,
        })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Looks at the files until `stop`, and takes a new certificate into use. A bad file is
    /// reported and the old certificate stays.
    pub(super) async fn watch(mut self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(INTERVAL))
            .await
            .is_some()
        {
            let task = tokio::task::spawn_blocking(move || {
                self.refresh();
                self
            });
            match task.await {
                Ok(back) => self = back,
                Err(_) => return,
            }
        }
    }

    fn refresh(&mut self) {
        let stamp = self.files.stamp();
        if stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        match self.files.load() {
            Ok(key) => {
                let mut current = self
                    .current
                    .0
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(key);
                tracing::info!(cert = %self.files.cert.display(), "took a new certificate into use");
            }
            Err(error) => {
                tracing::warn!(error = %crate::chain(&error), "kept the old certificate");
            }
        }
    }
}
