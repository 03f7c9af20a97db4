use http::HeaderMap;

use super::VerifyError;

/// The value of a header that may stand once: whoever stands between might look at the other.
pub(super) fn single<'h>(
    headers: &'h HeaderMap,
    header: &'static str,
) -> Result<Option<&'h str>, VerifyError> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let place = format!("the header `{header}`");
        return Err(VerifyError::Repeated { place });
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| VerifyError::Unreadable { header })
}

/// The same; an empty one is none. (Gitea without a secret sends an empty signature.)
pub(super) fn filled<'h>(
    headers: &'h HeaderMap,
    header: &'static str,
) -> Result<Option<&'h str>, VerifyError> {
    Ok(single(headers, header)?.filter(|text| !text.is_empty()))
}
