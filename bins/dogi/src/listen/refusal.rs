//! Words for what hyper refuses by itself.
//!
//! A request that is no HTTP never reaches a handler: hyper answers it with a status line and an
//! empty body. Whoever sent a URL of 10 MB deserves to be told what the limit is.

use super::serve::MAX_HEADERS;

/// What hyper's own refusals have in common: no content. A handler's answers may have none either;
/// they are not looked at.
const EMPTY: &[u8] = b"content-length: 0\r\n";

/// The answer to send in the place of these bytes, if they are a refusal of hyper's.
pub(super) fn explained(bytes: &[u8]) -> Option<Vec<u8>> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let (title, detail) = match status {
        b"400" => (
            "Bad Request",
            "the request is not HTTP/1.1 or HTTP/2 as their RFCs have it".to_owned(),
        ),
        b"414" => (
            "URI Too Long",
            "the URL is longer than 65534 bytes; parameters can also be sent as the body of a POST"
                .to_owned(),
        ),
        b"431" => (
            "Request Header Fields Too Large",
            format!(
                "the URL and the header fields are together longer than {MAX_HEADERS} bytes; parameters can also be sent as the body of a POST"
            ),
        ),
        _ => return None,
    };
    let own = bytes.ends_with(b"\r\n\r\n") && contains(bytes, EMPTY);
    own.then(|| answer(&String::from_utf8_lossy(status), title, &detail).into_bytes())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A whole answer as RFC 9457 has it, after which the connection closes.
pub(super) fn answer(status: &str, title: &str, detail: &str) -> String {
    let body = format!("{{\"title\":\"{title}\",\"status\":{status},\"detail\":\"{detail}\"}}\n");
    let retry = if status == "503" {
        "retry-after: 5\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n{retry}\
         cache-control: no-store\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
