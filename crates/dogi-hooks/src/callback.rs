use bytes::Bytes;
use url::Url;

use crate::{CallbackHeaders, Data, MessageId};

/// One message to one receiver, sent as often as it takes.
#[derive(Debug, Clone)]
pub struct Callback {
    url: Url,
    id: MessageId,
    headers: CallbackHeaders,
    body: Bytes,
}

/// A URL to which nothing can be posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It does not parse.
    #[error("`{}` is no URL, such as https://app.example/done", .url.escape_debug())]
    NotAUrl {
        /// The text.
        url: String,
        /// What the parser says.
        #[source]
        source: url::ParseError,
    },
    /// It is not of HTTP.
    #[error("`{}` is of {scheme}: callbacks go to http and https", .url.escape_debug())]
    Scheme {
        /// The text.
        url: String,
        /// Its scheme.
        scheme: String,
    },
}

impl Callback {
    /// A message of JSON to be posted to `url`, which is of http or https.
    ///
    /// # Errors
    ///
    /// [`CallbackError`] when nothing can be posted there.
    pub fn new(url: &str, id: MessageId, body: impl Into<Bytes>) -> Result<Self, CallbackError> {
        let not_a_url = |source| CallbackError::NotAUrl {
            url: url.to_owned(),
            source,
        };
        let parsed = Url::parse(url).map_err(not_a_url)?;
        if !matches!(parsed.scheme(), "http" | "https") {
            let scheme = parsed.scheme().to_owned();
            return Err(CallbackError::Scheme {
                url: url.to_owned(),
                scheme,
            });
        }
        Ok(Self {
            url: parsed,
            id,
            headers: CallbackHeaders::default(),
            body: body.into(),
        })
    }

    /// Sends these header fields with it.
    #[must_use]
    pub fn with_headers(mut self, headers: CallbackHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where it goes, for people: a password in it is hidden.
    pub fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        if url.password().is_some() {
            // It only fails for URLs without a host, and these have one.
            let _ = url.set_password(Some("***"));
        }
        url.into()
    }

    /// What it is called, the same at every attempt.
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// The header fields that the operator adds.
    pub fn headers(&self) -> &CallbackHeaders {
        &self.headers
    }

    /// What is posted.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What is posted, for showing.
    pub fn data(&self) -> Data {
        Data::new(&self.body)
    }
}
