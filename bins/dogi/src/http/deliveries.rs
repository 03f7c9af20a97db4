//! `GET /deliveries`: what was sent to hooks lately, and what came of it.

use dogi_url::Verified;
use http::Response;
use serde_json::{Value, json};

use super::State;
use super::body::{Body, full};
use super::history::page_limit;
use super::params::params;
use super::problem::Problem;
use super::show::describe;
use super::status::moment;
use crate::hooks::{Delivery, Outcome};
use crate::http::Links;

/// The newest first, in pages (`before`, `limit`).
pub(super) fn list(state: &State, verified: &Verified<'_>) -> Result<Response<Body>, Problem> {
    let given = params(verified, &["before", "limit"])?;
    let limit = page_limit(&given)?;
    let before = given.get("before").map(String::as_str);
    let page = state.hooks.deliveries.page(before, limit);
    let shown: Vec<Value> = page
        .iter()
        .map(|delivery| shown(delivery, &state.links))
        .collect();
    let mut response = Response::new(full(format!("{}\n", json!({"deliveries": shown}))));
    describe(&mut response, "application/json");
    Ok(response)
}

fn shown(delivery: &Delivery, links: &Links) -> Value {
    let mut json = json!({
        "id": delivery.id,
        "at": moment(delivery.at),
        "hook": delivery.hook,
        "method": delivery.method,
        "client": delivery.client,
        "status": delivery.status,
        "took_ms": u64::try_from(delivery.took.as_millis()).unwrap_or(u64::MAX),
        "outcome": delivery.outcome.name(),
        "reason": delivery.outcome.reason(),
    });
    match &delivery.outcome {
        Outcome::Started { run } => {
            json["run"] = run.as_str().into();
            json["run_url"] = links.status(run).into();
        }
        Outcome::Ran { exit_code, .. } => json["exit_code"] = (*exit_code).into(),
        Outcome::NotTriggered { .. } | Outcome::Refused { .. } => {}
    }
    json
}
