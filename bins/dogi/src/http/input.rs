//! Bodies of requests: small, and in time.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::problem::Problem;
use crate::listen::Activity;

/// Between two frames.
const FRAME: Duration = Duration::from_secs(10);
/// The whole body.
const WHOLE: Duration = Duration::from_secs(60);

/// Room that is made at once for a body that announces its length.
const BEGIN: usize = 256 << 10;

/// Reads a body of at most `limit` bytes. Cancel safe in that a dropped read ends the request.
///
/// # Errors
/// 413 for a longer one, 408 for one that does not come in time, 400 for one that breaks off.
pub(super) async fn read(
    body: Incoming,
    limit: usize,
    activity: &Arc<Activity>,
) -> Result<Bytes, Problem> {
    read_within(body, limit, activity, |_| true).await
}

/// The same, where memory for each part of it has to be had first from `room`.
///
/// # Errors
/// As [`read`], and 503 where there is no room.
pub(super) async fn read_within(
    mut body: Incoming,
    limit: usize,
    activity: &Arc<Activity>,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is longer than {limit} bytes, which is the limit");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(too_large());
    }
    // A client that closes its half before the end of its body has broken off.
    let _guard = activity.watch_eof();
    let deadline = tokio::time::Instant::now() + WHOLE;
    // What is announced has not come yet: of a long one only the beginning is made room for.
    let begin = usize::try_from(announced).map_or(BEGIN, |size| size.min(BEGIN));
    let mut bytes = BytesMut::with_capacity(begin);
    loop {
        let until = deadline.min(tokio::time::Instant::now() + FRAME);
        let frame = tokio::time::timeout_at(until, body.frame())
            .await
            .map_err(|_| {
                let detail = format!("the body did not come in time; {} bytes did", bytes.len());
                Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
            })?;
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Err(error)) => {
                return Err(Problem::bad_request(format!("the body broke off: {error}")));
            }
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                if bytes.len() + data.len() > limit {
                    return Err(too_large());
                }
                if !room(data.len()) {
                    let detail = "too many large bodies are on their way at once";
                    return Err(Problem::unavailable(detail));
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}
