//! `GET /metrics`.

use std::collections::BTreeMap;

use http::header::ACCEPT;
use http::{HeaderMap, Response};

use super::State;
use super::accept::quality;
use super::body::{Body, full};
use super::show::describe;
use crate::metrics::{Format, Moment};

/// All metrics, in the format that the scraper prefers.
pub(super) async fn answer(state: &State, headers: &HeaderMap) -> Response<Body> {
    let format = format(headers);
    let text = state.metrics.expose(&moment(state).await, format);
    let mut response = Response::new(full(text));
    describe(&mut response, format.content_type());
    response
}

/// OpenMetrics where it is preferred; who says nothing gets what everything reads.
fn format(headers: &HeaderMap) -> Format {
    let values = headers.get_all(ACCEPT).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut best = (Format::Plain, 0);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            Some("application/openmetrics-text") => Format::OpenMetrics,
            Some("text/plain") => Format::Plain,
            _ => continue,
        };
        if let Some(quality) = quality(parts).filter(|quality| *quality > best.1) {
            best = (format, quality);
        }
    }
    best.0
}

async fn moment(state: &State) -> Moment {
    let found = state.readiness.look(&state.engine).await;
    let mut jobs = BTreeMap::new();
    for run in state.engine.jobs() {
        *jobs.entry(run.status().state).or_default() += 1;
    }
    let connections = &state.connections;
    Moment {
        jobs,
        admission: state.engine.counts(),
        admission_limits: state.admission_limits,
        connections: (
            connections.open(),
            connections.accepted(),
            connections.refused(),
        ),
        up: (found.docker.is_none(), found.database.is_none()),
        disk: state.engine.disk(),
    }
}
