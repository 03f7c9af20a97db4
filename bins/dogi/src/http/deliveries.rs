//! `GET /deliveries`: what was sent to hooks lately, and what came of it.

use std::sync::Arc;

use dogi_url::Verified;
use http::Response;
use serde_json::{Value, json};

use super::body::{Body, full};
use super::history::page_limit;
use super::params::params;
use super::problem::Problem;
use super::show::describe;
use super::status::moment;
use super::{State, webhook};
use crate::hooks::{Delivery, Outcome};
use crate::http::Links;
use crate::webhooks::{self, Record};

/// The newest first, in pages (`before`, `limit`).
pub(super) fn list(state: &State, verified: &Verified<'_>) -> Result<Response<Body>, Problem> {
    let given = params(verified, &["before", "limit"])?;
    let limit = page_limit(&given)?;
    let before = given.get("before").map(String::as_str);
    let of_hooks = state.hooks.deliveries.page(before, limit);
    let of_hooks = of_hooks
        .iter()
        .map(|delivery| (delivery.id.clone(), shown(delivery, &state.links)));
    let service = state.webhooks.iter();
    let of_forges = service.flat_map(|service| service.book.page(before, limit));
    let of_forges = of_forges.map(|record| (record.id.clone(), webhook::shown(state, &record)));
    // Ids of both are made by the time.
    let mut all: Vec<(String, Value)> = of_hooks.chain(of_forges).collect();
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    let shown: Vec<Value> = all
        .into_iter()
        .take(limit)
        .map(|(_, shown)| shown)
        .collect();
    let mut response = Response::new(full(format!("{}\n", json!({"deliveries": shown}))));
    describe(&mut response, "application/json");
    Ok(response)
}

/// `POST /deliveries/{id}/replay`: what was sent, taken once more as if it came now.
pub(super) async fn replay(
    state: &Arc<State>,
    id: &str,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    let found = state.webhooks.as_ref().and_then(|service| {
        let record = service.book.get(id)?;
        Some((service.clone(), record))
    });
    let Some((service, old)) = found else {
        let of_hook = state.hooks.deliveries.page(None, usize::MAX);
        return Err(match of_hook.iter().any(|delivery| delivery.id == id) {
            true => Problem::new(
                http::StatusCode::CONFLICT,
                "requests to /hooks/ are not kept: only deliveries of forges can be taken again",
            ),
            false => Problem::not_found(format!("there is no delivery {id}")),
        });
    };
    let told = service.told(id).await.map_err(|reason| {
        let detail = format!("the delivery {id} can't be taken again: {reason}");
        Problem::new(http::StatusCode::GONE, detail)
    })?;
    let record = Record {
        repo: old.repo.clone(),
        replay_of: Some(id.to_owned()),
        ..webhooks::record(&told, None, old.forge.clone())
    };
    let record = webhook::take(state, &service, record, told, Default::default()).await?;
    Ok(webhook::accepted(state, &record))
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
