//! How the end of a run is told to people.

use crate::{CallbackExchange, Spec, StopCause};

/// Exit code of a program that was killed: 128 and the number of SIGKILL.
const KILLED: i64 = 137;

/// Docker is not always told that the kernel ended a program for want of memory: where there is a
/// limit, a kill that nobody asked for is most likely that, and is told so.
pub(crate) fn failed_with(code: i64, spec: &Spec) -> String {
    let failed = format!("Execution failed with code {code}");
    match spec.limits.memory {
        Some(limit) if code == KILLED => format!(
            "{failed}: it was killed, most likely out of memory, for its limit is {limit} bytes"
        ),
        _ => failed,
    }
}

pub(crate) fn describe_stop(cause: &StopCause) -> String {
    match cause {
        StopCause::Abort => "Killed by abort".to_owned(),
        StopCause::Disconnect => "Killed because the attached client went away".to_owned(),
        StopCause::Superseded | StopCause::Replaced => "Killed by subsequent restart".to_owned(),
        StopCause::TimedOut { limit_ms } => {
            format!(
                "Timed out: the limit of {} was reached",
                human_seconds(*limit_ms)
            )
        }
        StopCause::Lost { reason } => format!("Lost: {reason}"),
    }
}

fn human_seconds(millis: u64) -> String {
    match (millis / 1000, millis % 1000) {
        (seconds, 0) => format!("{seconds}s"),
        (0, millis) => format!("{millis}ms"),
        (seconds, millis) => format!("{seconds}.{millis:03}s"),
    }
}

pub(crate) fn describe_refusal(exchange: &CallbackExchange) -> String {
    let url = &exchange.request.url;
    match (&exchange.response, &exchange.error) {
        (Some(response), _) => {
            format!(
                "Callback to {url} was answered with {}; 2xx was expected",
                response.status
            )
        }
        (None, Some(error)) => format!("Callback to {url} failed: {error}"),
        (None, None) => format!("Callback to {url} failed"),
    }
}
