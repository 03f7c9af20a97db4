use bytes::Bytes;
use http::HeaderMap;
use ring::digest;

use super::body::Encoding;
use super::headers::{filled, single};
use super::signature::{FORGEJO, Form, GITEA, HUB_SHA1, HUB_SHA256};
use super::{BadValue, DeliveryId, Forge, Proof, Secrets, Verified, VerifyError, Word};
use crate::incoming::{Secret, Value, form_fields};
use crate::{MessageId, SigningKey};

/// How far the clocks of sender and receiver may be apart, in seconds, as Standard Webhooks has it.
const TOLERANCE: u64 = 300;

const QUERY_TOKEN: &str = "the parameter `token` of the query";

/// A request that says to come from a forge: nothing of it is believed yet.
#[derive(Debug, Clone)]
pub struct Delivery<'r> {
    /// All its headers.
    pub headers: &'r HeaderMap,
    /// Its query as sent, without `?`; empty where there is none.
    pub query: &'r str,
    /// The whole body as sent.
    pub body: Bytes,
}

impl Delivery<'_> {
    /// Proves who sent this, at `now` (seconds of Unix time), before anything of the body is read.
    ///
    /// A `token` in the query decides alone, where [query tokens](Secrets::query_tokens) are set.
    /// Otherwise, by forge:
    ///
    /// - GitHub: `X-Hub-Signature-256`, and only where that is absent `X-Hub-Signature`.
    /// - Gitea: `X-Gitea-Signature`; Forgejo: `X-Forgejo-Signature`.
    /// - GitLab: `webhook-signature` where it is there and a signing key is set, at most 300 s away
    ///   from `now`; else `X-Gitlab-Token` against the tokens, if there are any.
    ///
    /// # Errors
    /// See [`VerifyError`]; among them that no secret is set, which is never taken for permission.
    pub fn verify(self, secrets: &Secrets, now: u64) -> Result<Verified, VerifyError> {
        let forge = Forge::detect(self.headers)?;
        let proof = match (self.query_token(secrets)?, forge) {
            (Some(proof), _) => proof,
            (None, Some(forge)) => self.prove(forge, secrets, now)?,
            (None, None) => return Err(self.nobody(secrets)),
        };
        let event = forge.map(|forge| self.event(forge)).transpose()?;
        let id = match forge {
            Some(forge) => Some(self.id(forge, proof)?),
            None => None,
        };
        let encoding = Encoding::of(self.headers, &self.body);
        let origin = forge.zip(event);
        Ok(Verified::new(origin, id, proof, encoding, self.body))
    }

    fn nobody(&self, secrets: &Secrets) -> VerifyError {
        match secrets.query_tokens.is_empty() {
            true => VerifyError::NoForge,
            false => VerifyError::Missing {
                expected: QUERY_TOKEN,
            },
        }
    }

    fn query_token(&self, secrets: &Secrets) -> Result<Option<Proof>, VerifyError> {
        if secrets.query_tokens.is_empty() {
            return Ok(None);
        }
        let mut tokens = form_fields(self.query.as_bytes())
            .flatten()
            .filter(|(name, _)| name == b"token");
        let Some((_, Value::Text(given))) = tokens.next() else {
            return Ok(None);
        };
        if tokens.next().is_some() {
            let place = QUERY_TOKEN.to_owned();
            return Err(VerifyError::Repeated { place });
        }
        match is_one_of(&given, &secrets.query_tokens) {
            true => Ok(Some(Proof::QueryToken)),
            false => Err(VerifyError::WrongToken { place: QUERY_TOKEN }),
        }
    }

    fn prove(&self, forge: Forge, secrets: &Secrets, now: u64) -> Result<Proof, VerifyError> {
        let (own, are_set) = match forge {
            Forge::GitHub => (&secrets.github, !secrets.github.is_empty()),
            Forge::Gitea | Forge::Forgejo => (&secrets.gitea, !secrets.gitea.is_empty()),
            Forge::GitLab => (
                &secrets.gitlab_tokens,
                !(secrets.gitlab_tokens.is_empty() && secrets.gitlab_keys.is_empty()),
            ),
        };
        if !are_set {
            return Err(match secrets.query_tokens.is_empty() {
                true => VerifyError::NoSecret { forge },
                false => self.nobody(secrets),
            });
        }
        match forge {
            Forge::GitHub if self.headers.contains_key(HUB_SHA256.header) => {
                self.signed(HUB_SHA256, "a header X-Hub-Signature-256", own)
            }
            Forge::GitHub => self.signed(HUB_SHA1, "a header X-Hub-Signature-256", own),
            Forge::Gitea => self.signed(GITEA, "a header X-Gitea-Signature", own),
            Forge::Forgejo => self.signed(FORGEJO, "a header X-Forgejo-Signature", own),
            Forge::GitLab => self.gitlab(secrets, now),
        }
    }

    fn signed(
        &self,
        form: Form,
        expected: &'static str,
        secrets: &[Secret],
    ) -> Result<Proof, VerifyError> {
        let header = form.header;
        let given = filled(self.headers, header)?;
        let given = given.ok_or(VerifyError::Missing { expected })?;
        match form.is_right(given, secrets, &self.body) {
            true => Ok(Proof::Signature),
            false => Err(VerifyError::WrongSignature { header }),
        }
    }

    /// Source: <https://docs.gitlab.com/user/project/integrations/webhooks/>.
    fn gitlab(&self, secrets: &Secrets, now: u64) -> Result<Proof, VerifyError> {
        let signatures = filled(self.headers, "webhook-signature")?;
        if let Some(signatures) = signatures.filter(|_| !secrets.gitlab_keys.is_empty()) {
            return self.standard(signatures, secrets, now);
        }
        if secrets.gitlab_tokens.is_empty() {
            return Err(VerifyError::Missing {
                expected: "the headers webhook-id, webhook-timestamp and webhook-signature",
            });
        }
        let token = filled(self.headers, "x-gitlab-token")?.ok_or(VerifyError::Missing {
            expected: "a header X-Gitlab-Token",
        })?;
        match is_one_of(token.as_bytes(), &secrets.gitlab_tokens) {
            true => Ok(Proof::Token),
            false => Err(VerifyError::WrongToken {
                place: "the header `x-gitlab-token`",
            }),
        }
    }

    fn standard(
        &self,
        signatures: &str,
        secrets: &Secrets,
        now: u64,
    ) -> Result<Proof, VerifyError> {
        let missing = |expected| VerifyError::Missing { expected };
        let id = filled(self.headers, "webhook-id")?.ok_or(missing("a header webhook-id"))?;
        let id: MessageId = id.parse().map_err(|_| VerifyError::Header {
            header: "webhook-id",
            source: BadValue::text(id, "an id", "1 to 128 letters, digits, `-` and `_`"),
        })?;
        let signed = filled(self.headers, "webhook-timestamp")?
            .ok_or(missing("a header webhook-timestamp"))?;
        let signed = timestamp(signed).ok_or_else(|| VerifyError::Header {
            header: "webhook-timestamp",
            source: BadValue::text(signed, "a time", "seconds of Unix time"),
        })?;
        if signed.abs_diff(now) > TOLERANCE {
            let tolerance = TOLERANCE;
            return Err(VerifyError::Stale {
                signed,
                now,
                tolerance,
            });
        }
        let made = |key: &SigningKey| key.made(signatures, &id, signed, &self.body);
        match secrets.gitlab_keys.iter().any(made) {
            true => Ok(Proof::StandardSignature),
            false => Err(VerifyError::WrongSignature {
                header: "webhook-signature",
            }),
        }
    }

    fn event(&self, forge: Forge) -> Result<Word, VerifyError> {
        let header = forge.event_header();
        // It is there: the forge was found by it.
        let text = single(self.headers, header)?.unwrap_or_default();
        Word::new(text).map_err(|source| VerifyError::Header { header, source })
    }

    /// What the forge calls this delivery, the same when it sends it again.
    fn id(&self, forge: Forge, proof: Proof) -> Result<DeliveryId, VerifyError> {
        let headers: &[&'static str] = match forge {
            Forge::GitHub => &["x-github-delivery"],
            Forge::Gitea => &["x-gitea-delivery"],
            Forge::Forgejo => &["x-forgejo-delivery", "x-gitea-delivery"],
            Forge::GitLab if proof == Proof::StandardSignature => &["webhook-id"],
            Forge::GitLab => &["idempotency-key"],
        };
        for header in headers.iter().copied() {
            if let Some(text) = filled(self.headers, header)? {
                return DeliveryId::new(text)
                    .map_err(|source| VerifyError::Header { header, source });
            }
        }
        // An older GitLab has only `X-Gitlab-Event-UUID`, which hooks that follow from each other
        // share: what is delivered again has the same body.
        Ok(DeliveryId::of_body(&digest::digest(
            &digest::SHA256,
            &self.body,
        )))
    }
}

fn is_one_of(given: &[u8], secrets: &[Secret]) -> bool {
    secrets.iter().any(|secret| secret.is(given))
}

/// Digits only, and none before the first that counts: what is signed is the text.
fn timestamp(text: &str) -> Option<u64> {
    let seconds: u64 = text.parse().ok()?;
    (seconds.to_string() == text).then_some(seconds)
}
