use std::fmt::Display;

use dogi_job::RunId;
use ring::digest;

/// The id of a promise: the same for every try, and after every restart of the server.
pub(crate) fn delivery_id(run: &RunId, kind: &str, target: &str, state: impl Display) -> String {
    let text = format!("{run}\n{kind}\n{target}\n{state}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    format!("msg_{}", hex::encode(&hash.as_ref()[..16]))
}
