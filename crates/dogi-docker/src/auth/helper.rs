//! Credential helpers: the programs `docker-credential-NAME`.
//!
//! Protocol: the command (`get`, `list`) is the only argument, the registry comes by standard input, the
//! answer is JSON on standard output. The name comes from the operator's own configuration; nothing that
//! a repo says gets near it, and the registry is never an argument.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{AuthError, Credentials};

/// A helper that asks somebody who is not there must not hold a build up.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_ANSWER: u64 = 1024 * 1024;
/// Text that helpers answer with when they have nothing for a registry.
const NOT_FOUND: &str = "credentials not found";

pub(super) struct Helper {
    /// Name for messages.
    name: String,
    /// Name or path to run.
    program: PathBuf,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Helper {
    /// Looked for in `directory`, or where the system looks for programs.
    pub(super) fn new(name: &str, directory: Option<&Path>) -> Result<Helper, AuthError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(fine) {
            return Err(AuthError::BadHelper {
                name: name.to_owned(),
            });
        }
        let name = format!("docker-credential-{name}");
        let program = directory.map_or_else(|| PathBuf::from(&name), |dir| dir.join(&name));
        Ok(Helper { name, program })
    }

    pub(super) async fn get(&self, registry: &str) -> Result<Option<Credentials>, AuthError> {
        let Some(json) = self.run("get", registry).await? else {
            return Ok(None);
        };
        let answer: Answer = serde_json::from_slice(&json)
            .map_err(|_| self.failed(registry, "its answer is not the JSON expected"))?;
        Ok(match answer {
            Answer { secret, .. } if secret.is_empty() => None,
            // By convention a user of this name means that the secret is an identity token.
            Answer { user, secret } if user == "<token>" => {
                Some(Credentials::IdentityToken(secret))
            }
            Answer { user, secret } => Some(Credentials::Password {
                user,
                password: secret,
            }),
        })
    }

    pub(super) async fn list(&self) -> Result<Vec<String>, AuthError> {
        let Some(json) = self.run("list", "").await? else {
            return Ok(Vec::new());
        };
        let answer: BTreeMap<String, String> = serde_json::from_slice(&json)
            .map_err(|_| self.failed("", "its answer is not the JSON expected"))?;
        Ok(answer.into_keys().collect())
    }

    /// The helper's answer; `None` when it has nothing for the registry.
    async fn run(&self, command: &str, input: &str) -> Result<Option<Vec<u8>>, AuthError> {
        let failed = |reason: String| self.failed(input, &reason);
        let mut child = Command::new(&self.program)
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|err| failed(format!("can't be run: {err}")))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let talk = async {
            if let Some(mut stdin) = stdin {
                // A helper that does not read is judged by its answer.
                let _ = stdin.write_all(format!("{input}\n").as_bytes()).await;
            }
            let mut answer = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(MAX_ANSWER).read_to_end(&mut answer).await?;
            }
            Ok::<_, std::io::Error>((child.wait().await?, answer))
        };
        let (status, answer) = tokio::time::timeout(PATIENCE, talk)
            .await
            .map_err(|_| failed(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|err| failed(err.to_string()))?;
        if status.success() {
            return Ok(Some(answer));
        }
        // Failures are told on standard output too; the text is for people and holds no secret.
        let text = String::from_utf8_lossy(&answer);
        if text.contains(NOT_FOUND) {
            return Ok(None);
        }
        let text: String = text.trim().chars().take(200).collect();
        Err(failed(format!("it failed ({status}): {text}")))
    }

    fn failed(&self, registry: &str, reason: &str) -> AuthError {
        AuthError::Helper {
            program: self.name.clone(),
            registry: registry.to_owned(),
            reason: reason.to_owned(),
        }
    }
}
