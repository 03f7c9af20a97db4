//! `POST /webhooks/{forge}` and `POST /`: deliveries of forges. They verify for themselves, over the body as
//! it was sent, before anything of it is read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dogi_engine::RunHandle;
use dogi_hooks::forge::{Delivery, Forge, Proof, Verified, VerifyError};
use dogi_hooks::incoming::Received;
use dogi_job::State as RunState;
use dogi_url::OutputName;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{Body, full};
use super::problem::Problem;
use super::show::{RUN, describe};
use super::{Call, State, forwarded, input, run};
use crate::hooks::BodyPermit;
use crate::webhooks::{
    self, BookError, Judged, Outcome, PlanError, Promised, Record, Request, StartError, Told,
    Unstarted, WebhookService,
};

/// Forges wait for an answer for 10 s (GitHub, GitLab) or 5 s (Gitea, Forgejo): what takes longer is answered
/// without the runs that it starts.
const TO_PLAN: Duration = Duration::from_secs(4);

/// Answers a delivery; `forge`: it came to the path of that one.
pub(super) async fn answer(
    state: &Arc<State>,
    call: &mut Call,
    forge: Option<Forge>,
) -> Result<Response<Body>, Problem> {
    let Some(service) = state.webhooks.clone() else {
        return Err(Problem::not_found("this server takes no webhooks"));
    };
    let wait = waits(call.parts.uri.query().unwrap_or_default())?;
    let mut permit = BodyPermit::default();
    let received = receive(state, call, &mut permit).await?;
    let (told, verified) = told(&service, received, forge)?;
    let name = verified.forge().map(|forge| forge.as_str().to_owned());
    let judged = service.judge(&told.event, proven(&verified));
    let repo = match judged.map_err(plan_problem)? {
        Judged::Something { repo, .. } => repo,
        Judged::Unstarted(why) => {
            let record = webhooks::record(&told, None, name);
            return unstarted(state, &service, &told, (record, why));
        }
    };
    let key = verified.id().map(|id| {
        let forge = name.as_deref().unwrap_or_default();
        format!("{forge} {}", id.as_str())
    });
    let record = webhooks::record(&told, key, name);
    let record = Record {
        repo: Some(repo.match_key()),
        ..record
    };
    let taken = take(state, &service, record, told, (permit, wait)).await;
    let outcome = taken
        .as_ref()
        .map_or("refused", |record| record.outcome.name());
    state.metrics.hooks().delivered(outcome);
    let record = taken?;
    match wait {
        true => waited(state, &record).await,
        false => Ok(accepted(state, &record)),
    }
}

/// Answers a delivery that starts nothing.
fn unstarted(
    state: &State,
    service: &WebhookService,
    told: &Told,
    (record, why): (Record, Unstarted),
) -> Result<Response<Body>, Problem> {
    let (answer, outcome) = match why {
        Unstarted::Nothing { reason } => {
            (Ok(nothing(told, &reason)), Outcome::NotTriggered { reason })
        }
        Unstarted::Forbidden { reason } => (
            Err(Problem::forbidden(reason.as_str())),
            Outcome::Refused { reason },
        ),
    };
    state.metrics.hooks().delivered(outcome.name());
    service.book.note(record, outcome);
    answer
}

/// For who waits for the outcome itself.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Who has proven to be the sender by a secret of its own. compose-ci's token is for everybody.
fn proven(verified: &Verified) -> Option<Forge> {
    let own = verified.proof() != Proof::QueryToken;
    verified.forge().filter(|_| own)
}

/// `?wait=true`. Of the rest of a query nothing is known here: a token is looked for when it is verified.
fn waits(query: &str) -> Result<bool, Problem> {
    let mut waits =
        url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "wait");
    match (waits.next(), waits.next()) {
        (None, _) => Ok(false),
        (Some((_, value)), None) => match &*value {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(Problem::bad_request(format!(
                "wait={other:?}: expected true or false"
            ))),
        },
        (Some(_), Some(_)) => Err(Problem::bad_request("wait stands more than once")),
    }
}

async fn receive(
    state: &Arc<State>,
    call: &mut Call,
    permit: &mut BodyPermit,
) -> Result<Received, Problem> {
    let body = match call.body.take() {
        None => Bytes::new(),
        Some(body) => {
            let room = |more| state.hooks.room.take(permit, more);
            input::read_within(body, state.hooks.max_body, &call.activity, room).await?
        }
    };
    let peer = call.activity.peer();
    Ok(Received {
        method: call.parts.method.clone(),
        headers: call.parts.headers.clone(),
        query: call.parts.uri.query().unwrap_or_default().to_owned(),
        peer,
        client: forwarded::client(peer.ip(), &call.parts.headers, &state.trusted_proxies),
        body,
        at: crate::unix_now(),
    })
}

/// Verifies, then reads.
fn told(
    service: &WebhookService,
    received: Received,
    forge: Option<Forge>,
) -> Result<(Told, Verified), Problem> {
    let delivery = Delivery {
        headers: &received.headers,
        query: &received.query,
        body: received.body.clone(),
    };
    let verified = delivery
        .verify(&service.secrets, received.at)
        .map_err(verify_problem)?;
    if let Some(wanted) = forge
        && !verified.forge().is_some_and(|forge| is_at(forge, wanted))
    {
        let sent = verified.forge().map_or("nobody known", Forge::as_str);
        let detail = format!("sent by {sent}: expected a delivery of {wanted} here");
        return Err(Problem::bad_request(detail));
    }
    let malformed = |error| Problem::bad_request(crate::chain(&error));
    let event = verified.event().map_err(malformed)?;
    let payload = verified.payload().map_err(malformed)?.into_owned();
    let payload = match payload == received.body {
        true => received.body.clone(),
        false => Bytes::from(payload),
    };
    let told = Told {
        event,
        event_name: webhooks::event_name(verified.event_name()),
        request: Request::new(&received, &verified, payload),
    };
    Ok((told, verified))
}

/// Forgejo sends to Gitea's path.
fn is_at(forge: Forge, wanted: Forge) -> bool {
    forge == wanted || (forge, wanted) == (Forge::Forgejo, Forge::Gitea)
}

fn verify_problem(error: VerifyError) -> Problem {
    let text = crate::chain(&error);
    match error.is_unauthentic() {
        true => Problem::new(StatusCode::UNAUTHORIZED, text),
        false => Problem::bad_request(text),
    }
}

fn plan_problem(error: PlanError) -> Problem {
    Problem::bad_request(error.to_string())
}

fn book_problem(error: &BookError) -> Problem {
    tracing::error!(error = %crate::chain(error), "a delivery can't be taken");
    match error.is_full() {
        true => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "the disk of the server is full",
        ),
        false => Problem::unavailable("the delivery can't be put on record now"),
    }
}

fn start_problem(error: StartError) -> Problem {
    match error {
        StartError::Plan(error) => plan_problem(error),
        StartError::Submit(error) => error.into(),
        StartError::Book(error) => book_problem(&error),
    }
}

/// Takes a delivery, unless it was taken before, and begins what it starts. What was begun goes on when the
/// client goes away.
pub(super) async fn take(
    state: &Arc<State>,
    service: &Arc<WebhookService>,
    record: Record,
    told: Told,
    (permit, wait): (BodyPermit, bool),
) -> Result<Record, Problem> {
    let patience = if wait { FOR_EVER } else { TO_PLAN };
    let turn = match &record.key {
        None => None,
        // A copy of it is under way, and takes its time.
        Some(key) => match tokio::time::timeout(patience, service.book.turn(key)).await {
            Ok(turn) => Some(turn),
            Err(_) => {
                let known = service.book.find_key(key);
                return known.ok_or_else(|| Problem::unavailable("a copy of it is being taken"));
            }
        },
    };
    let known = record.key.as_deref();
    let known = known.and_then(|key| service.book.find_key(key));
    let record = match known {
        // Nobody works on it, or it would not be our turn.
        Some(known) if known.outcome == Outcome::Taken => known,
        Some(known) => return Ok(known),
        None => record,
    };
    let (engine, id) = (state.engine.clone(), record.id.clone());
    let promised = Promised::default();
    let taking = {
        let (service, record, id) = (Arc::clone(service), record.clone(), id.clone());
        let promised = promised.clone();
        run::in_a_task(async move {
            let taken = service.book.take(record, &told.request).await;
            taken.map_err(|error| book_problem(&error))?;
            // What is written by now is on the disk itself with this.
            let safe = engine.store_ready().await;
            safe.map_err(|_| Problem::unavailable("the delivery can't be put on record now"))?;
            // What follows goes on when the client goes away; other copies wait for it.
            Ok(tokio::spawn(async move {
                let started = service.start(&engine, &id, &told, &promised).await;
                drop((turn, permit));
                started
            }))
        })
    };
    let mut starting = taking.await?;
    let started = match tokio::time::timeout(patience, &mut starting).await {
        Ok(started) => started,
        // It goes on.
        Err(_) if promised.make() => return Ok(service.book.get(&id).unwrap_or(record)),
        // It has failed, and is being put on record.
        Err(_) => starting.await,
    };
    match started {
        Ok(started) => started.map_err(start_problem)?,
        Err(_) => {
            let detail = "a fault of dogi ended the delivery";
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
    };
    Ok(service.book.get(&id).unwrap_or(record))
}

/// All is well, and there is nothing to do.
fn nothing(told: &Told, reason: &str) -> Response<Body> {
    json_answer(
        StatusCode::OK,
        &json!({"event": told.event_name, "started": false, "reason": reason}),
    )
}

/// 202 with what was started.
pub(super) fn accepted(state: &State, record: &Record) -> Response<Body> {
    if let Outcome::NotTriggered { .. } = &record.outcome {
        return json_answer(StatusCode::OK, &shown(state, record));
    }
    let mut answer = json_answer(StatusCode::ACCEPTED, &shown(state, record));
    if let Outcome::Started { runs } = &record.outcome
        && let Some(first) = runs.first()
    {
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::try_from(first.run.as_str()) {
            headers.insert(RUN, id);
        }
        if let Ok(location) = HeaderValue::try_from(state.links.status(&first.run)) {
            headers.insert(LOCATION, location);
        }
    }
    answer
}

fn json_answer(status: StatusCode, json: &Value) -> Response<Body> {
    let mut answer = Response::new(full(format!("{json}\n")));
    *answer.status_mut() = status;
    describe(&mut answer, "application/json");
    answer
}

/// A delivery as answers and lists show it.
pub(super) fn shown(state: &State, record: &Record) -> Value {
    let mut json = json!({
        "id": record.id,
        "at": super::moment(record.at),
        "forge": record.forge,
        "event": record.event,
        "delivery": record.key.as_deref().and_then(|key| key.split_once(' ')).map(|(_, id)| id),
        "repo": record.repo,
        "client": record.client,
        "replay_of": record.replay_of,
    });
    json["outcome"] = record.outcome.name().into();
    json["reason"] = record.outcome.reason().into();
    if let Outcome::Started { runs } = &record.outcome {
        let links = &state.links;
        let shown = runs.iter().map(|started| {
            json!({
                "run": started.run,
                "context": started.context,
                "run_url": links.status(&started.run),
                "log_url": links.output(&started.run, &OutputName::Log),
            })
        });
        json["runs"] = shown.collect();
        if let Some(first) = runs.first() {
            json["run"] = first.run.as_str().into();
            json["run_url"] = links.status(&first.run).into();
            json["log_url"] = links.output(&first.run, &OutputName::Log).into();
        }
    }
    json
}

/// Waits for what was started, and answers with what it printed: 200 if all of it succeeded, else 500.
async fn waited(state: &State, record: &Record) -> Result<Response<Body>, Problem> {
    let Outcome::Started { runs } = &record.outcome else {
        return Ok(accepted(state, record));
    };
    let mut good = true;
    let mut printed = Vec::new();
    for started in runs {
        let Some(run) = state.engine.run(&started.run) else {
            continue;
        };
        good &= run.finished().await.state == RunState::Succeeded;
        if runs.len() > 1 {
            printed.extend_from_slice(format!("==> {} <==\n", started.context).as_bytes());
        }
        printed.extend(log_of(&run).await);
    }
    let mut answer = Response::new(full(printed));
    if !good {
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    describe(&mut answer, "text/plain; charset=utf-8");
    if let Some(first) = runs.first()
        && let Ok(id) = HeaderValue::try_from(first.run.as_str())
    {
        answer.headers_mut().insert(RUN, id);
    }
    Ok(answer)
}

/// The end of what a run printed: an answer is no place for all of a long log.
async fn log_of(run: &RunHandle) -> Vec<u8> {
    const MOST: u64 = 1 << 20;
    let Some(log) = run.output(&OutputName::Log) else {
        return Vec::new();
    };
    let end = log.position().offset;
    let mut follower = log.range(end.saturating_sub(MOST)..end);
    let mut text = Vec::new();
    while let Ok(Some(piece)) = follower.next().await {
        if let dogi_stream::Piece::Data { bytes, .. } = piece {
            text.extend_from_slice(&bytes);
        }
    }
    text
}
