//! Throw-away certificates for servers of tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{Result, error::Context, proc};

/// A self-signed certificate and its key, valid for two days, as files in PEM that go with the value.
/// It signs nothing but itself: trust it as a root to reach its server.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dogi_testkit::certificate::Certificate;
/// let certificate = Certificate::new(&["DNS:localhost", "IP:127.0.0.1"])?;
/// assert!(certificate.pem()?.starts_with("-----BEGIN CERTIFICATE-----"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Certificate {
    dir: TempDir,
}

impl Certificate {
    /// Makes one for these names, each as openssl has them: `DNS:localhost`, `IP:127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When `openssl` is missing or refuses a name.
    pub fn new(names: &[&str]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("certificate-").tempdir();
        let made = Self {
            dir: dir.doing("make a directory")?,
        };
        let mut command = Command::new("openssl");
        command
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args([
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-subj",
                "/CN=test",
            ])
            .arg("-addext")
            .arg(format!("subjectAltName={}", names.join(",")))
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(made.key_file())
            .arg("-out")
            .arg(made.file());
        proc::run(&mut command, "openssl")?;
        Ok(made)
    }

    /// The file with the certificate.
    pub fn file(&self) -> PathBuf {
        self.at("cert.pem")
    }

    /// The file with the key.
    pub fn key_file(&self) -> PathBuf {
        self.at("key.pem")
    }

    /// The certificate.
    ///
    /// # Errors
    ///
    /// When its file is gone.
    pub fn pem(&self) -> Result<String> {
        fs::read_to_string(self.file()).doing("read a certificate")
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }
}
