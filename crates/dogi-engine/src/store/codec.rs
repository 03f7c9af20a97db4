//! How records are written down: a kind, the version of how that kind is written, and JSON.
//!
//! What was written by any version of this crate is read by every later one. So the JSON of a kind
//! never changes: what has to change gets the next version number, and the reader of the old one
//! stays. `tests/golden/records` has an example of each.

use dogi_job::{Event, SourceRef, Spec};
use serde_json::Value;

use crate::ports::Record;

const SUBMITTED: &str = "submitted";
/// Of every kind, but for what stands below.
const VERSION: u32 = 1;
/// Of the submission of a command on the machine itself, which the first versions did not have.
const COMMAND_VERSION: u32 = 2;
/// Of the submission of a run that has what only runs of webhooks have.
const EVENT_VERSION: u32 = 3;
/// Of the submission of a run of a container graph, or of an image that a stranger named.
const GRAPH_VERSION: u32 = 4;
/// The field that names the kind in the JSON of an event.
const TAG: &str = "event";

/// A record as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What kind of record it is.
    pub kind: String,
    /// The version of how this kind is written.
    pub version: u32,
    /// JSON.
    pub body: Vec<u8>,
}

/// A record can't be written down or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A later version of the program wrote it.
    #[error(
        "a record of kind {kind:?}, version {version}, was written by a later version of dogi; this one knows versions up to {VERSION}, or {GRAPH_VERSION} for submissions"
    )]
    Unknown {
        /// Its kind.
        kind: String,
        /// The version of how it is written.
        version: u32,
    },
    /// The JSON is not what this kind has.
    #[error("a record of kind {kind:?}, version {version}, is damaged")]
    Damaged {
        /// Its kind.
        kind: String,
        /// The version of how it is written.
        version: u32,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// It has no form in JSON.
    #[error("a record can't be written as JSON")]
    Unwritable(#[source] serde_json::Error),
}

/// Writes a record down, in the newest version.
///
/// # Errors
/// When it has no form in JSON: a path that is no Unicode.
pub fn encode(record: &Record) -> Result<Written, CodecError> {
    let mut version = VERSION;
    let (kind, body) = match record {
        Record::Submitted(submission) => {
            version = version_of(&submission.spec);
            (SUBMITTED.to_owned(), serde_json::to_vec(submission))
        }
        Record::Event(event) => {
            let mut body = serde_json::to_value(event).map_err(CodecError::Unwritable)?;
            let kind = take_kind(&mut body);
            (kind, serde_json::to_vec(&body))
        }
    };
    Ok(Written {
        kind,
        version,
        body: body.map_err(CodecError::Unwritable)?,
    })
}

/// Reads what any version up to this one wrote.
///
/// # Errors
/// See [`CodecError`].
pub fn decode(kind: &str, version: u32, body: &[u8]) -> Result<Record, CodecError> {
    let unknown = || CodecError::Unknown {
        kind: kind.to_owned(),
        version,
    };
    let damaged = |source| CodecError::Damaged {
        kind: kind.to_owned(),
        version,
        source,
    };
    let newest = if kind == SUBMITTED {
        GRAPH_VERSION
    } else {
        VERSION
    };
    if !(VERSION..=newest).contains(&version) {
        return Err(unknown());
    }
    if kind == SUBMITTED {
        let submission = serde_json::from_slice(body).map_err(damaged)?;
        return Ok(Record::Submitted(submission));
    }
    if !Event::KINDS.contains(&kind) {
        return Err(unknown());
    }
    let mut value: Value = serde_json::from_slice(body).map_err(damaged)?;
    if let Value::Object(fields) = &mut value {
        fields.insert(TAG.to_owned(), Value::from(kind));
    }
    let event = serde_json::from_value(value).map_err(damaged)?;
    Ok(Record::Event(event))
}

/// The first that knows all of it: a version that did not would leave something out.
fn version_of(spec: &Spec) -> u32 {
    let Spec {
        workspace,
        event_path,
        keep,
        stranger,
        reports,
        secrets,
        outside,
        public_image,
        ..
    } = spec;
    if spec.graph().is_some() || !outside.is_empty() || *public_image {
        return GRAPH_VERSION;
    }
    let plain = workspace.is_none()
        && event_path.is_none()
        && !keep
        && !stranger
        && reports.is_empty()
        && secrets.is_empty()
        && !matches!(spec.source, SourceRef::Refused { .. });
    match (plain && spec.local().is_none(), spec.host_command()) {
        (false, _) => EVENT_VERSION,
        (true, Some(_)) => COMMAND_VERSION,
        (true, None) => VERSION,
    }
}

/// The kind stands beside the JSON, not in it.
fn take_kind(body: &mut Value) -> String {
    match body {
        Value::Object(fields) => match fields.remove(TAG) {
            Some(Value::String(kind)) => kind,
            _ => unreachable!("every event is tagged with its kind"),
        },
        _ => unreachable!("every event is an object"),
    }
}
