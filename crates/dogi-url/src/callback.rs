//! Where a run reports to.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::text::text_type;
use crate::{CallbackOn, InvalidValue};

text_type! {
    /// An absolute `http` or `https` URL without `user:password` and without fragment, in the
    /// canonical form of the URL standard.
    ///
    /// Credentials are refused because the URL is shown in statuses and logs. Whether it may be
    /// reached is decided when it is called, not here.
    CallbackUrl, callback_url
}

/// The callback that a request asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallbackParams {
    /// Where to POST the result.
    pub url: CallbackUrl,
    /// After which ends of the run.
    pub on: CallbackOn,
}

impl CallbackUrl {
    /// As a parsed URL.
    pub fn to_url(&self) -> Url {
        Url::parse(&self.0).expect("the text was checked by the same parser when it was made")
    }
}

fn callback_url(text: String) -> Result<String, InvalidValue> {
    let allowed = "an absolute http or https URL without user, password and fragment";
    // A URL that may hold a password is not repeated.
    let fail = |shown: &str, reason: String| {
        Err(InvalidValue::new("a callback URL", shown, reason, allowed))
    };
    let shown = if text.contains('@') {
        "***"
    } else {
        text.as_str()
    };
    if let Some(c) = text.chars().find(|c| c.is_control() || *c == ' ') {
        return fail(shown, format!("it holds {c:?}"));
    }
    let url = match Url::parse(&text) {
        Ok(url) => url,
        Err(source) => return fail(shown, source.to_string()),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return fail(shown, format!("its scheme is {:?}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fail(
            "***",
            "it holds credentials, which belong into CB_HEADERS".to_owned(),
        );
    }
    if url.fragment().is_some() {
        return fail(shown, "it has a fragment, which is never sent".to_owned());
    }
    if url.as_str().len() > 8192 {
        return fail(
            shown,
            format!("it has {} bytes, the limit is 8192", url.as_str().len()),
        );
    }
    Ok(url.into())
}
