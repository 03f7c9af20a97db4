//! Who may ask: a signature in the URL, or the operator's token.

use dogi_url::{Keys, RawTarget, Unverified, Verified};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::hmac;

use super::problem::Problem;
use crate::config::{Access, Secret};

/// Decides who may ask.
#[derive(Debug)]
pub struct Gate {
    bypass: bool,
    keys: Option<Keys>,
    token: Option<Token>,
}

/// A token that can be compared in constant time.
struct Token {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Token {
    fn new(secret: &Secret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let tag = hmac::sign(&key, secret.expose().as_bytes());
        Self { key, tag }
    }

    /// Compares the digests: how long it takes says nothing about the token.
    fn is(&self, given: &str) -> bool {
        hmac::verify(&self.key, given.as_bytes(), self.tag.as_ref()).is_ok()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Gate {
    /// From the settings.
    #[must_use]
    pub fn new(access: &Access) -> Self {
        Self {
            bypass: access.bypass,
            keys: access.keys.clone(),
            token: access.token.as_ref().map(Token::new),
        }
    }

    /// The secrets, where URLs have to be signed to be opened.
    #[must_use]
    pub fn signing_keys(&self) -> Option<&Keys> {
        self.keys.as_ref().filter(|_| !self.bypass)
    }

    /// Whether whoever asks has been told apart from everybody else who can connect: by a signature,
    /// which [`Gate::admit`] has verified, or by the operator's token.
    #[must_use]
    pub fn knows(&self, headers: &HeaderMap) -> bool {
        let token = self.token.as_ref().zip(bearer(headers));
        !self.bypass || token.is_some_and(|(token, given)| token.is(given))
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// 401 saying what is missing, 400 where the URL itself is malformed.
    pub fn admit<'a>(
        &self,
        target: RawTarget<'a>,
        headers: &HeaderMap,
    ) -> Result<Verified<'a>, Problem> {
        let unverified = Unverified::new(target);
        if let (Some(token), Some(given)) = (&self.token, bearer(headers)) {
            return match token.is(given) {
                true => Ok(unverified.danger_accept_unsigned()?),
                false => Err(Problem::unauthorized(
                    "the bearer token is not the operator's",
                )),
            };
        }
        if self.bypass {
            return Ok(unverified.danger_accept_unsigned()?);
        }
        let Some(keys) = &self.keys else {
            return Err(Problem::unauthorized(
                "no URL is accepted without the operator's token (DOGI_TOKEN, as Authorization: \
                 Bearer): the operator has set neither SIGNATURES_SECRET nor \
                 BYPASS_SIGNATURES=true",
            ));
        };
        Ok(unverified.verify(keys, crate::unix_now())?)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
