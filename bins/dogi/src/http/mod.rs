//! HTTP: from a request to the engine and back. Only this module knows status codes and JSON
//! answers.
//!
//! A request takes a straight line: [`Route::find`] says what it is about, the gate says whether
//! its sender may, one function per route answers, and every refusal on the way is a [`Problem`].

mod accept;
mod auth;
mod body;
mod deliveries;
mod forwarded;
mod graph;
mod history;
mod hook;
mod idempotency;
mod input;
mod links;
mod logged;
mod metrics;
mod output;
mod params;
mod plain;
mod problem;
mod range;
mod readiness;
mod route;
mod run;
mod show;
mod status;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dogi_egress::EgressPolicy;
use dogi_engine::Engine;
use dogi_url::{InstanceId, Namespace, RawTarget};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use ipnet::IpNet;
use tracing::Instrument as _;

use crate::Metrics;
use crate::config::RepoPatterns;
use crate::hooks::HookService;
use crate::listen::{Activity, Connections, Handler};
use crate::webhooks::WebhookService;

pub use accept::framing;
pub use auth::Gate;
pub use body::{Body, BodyError};
pub use forwarded::{UNKNOWN, client};
pub use idempotency::{Claim, Claims};
pub use links::Links;
pub use logged::logged;
pub use problem::Problem;
pub use range::{Part, part};
pub use readiness::Readiness;
pub use route::Route;
pub(crate) use status::{json as status_json, moment, payload};

/// How long the Docker engine may take to say that it is there.
const READY: Duration = Duration::from_secs(5);

/// What answers need.
#[derive(Debug)]
pub struct State {
    /// Runs the jobs.
    pub engine: Engine,
    /// Part of every instance id.
    pub namespace: Namespace,
    /// Who may ask.
    pub gate: Gate,
    /// URLs that are handed out.
    pub links: Links,
    /// What repositories and callbacks may reach.
    pub egress: Arc<EgressPolicy>,
    /// What run URLs may run.
    pub url_repos: Option<RepoPatterns>,
    /// `git://` repositories are allowed.
    pub allow_git: bool,
    /// `file://` repositories are allowed.
    pub allow_file: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Keys of requests that started something.
    pub claims: Claims,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether Docker and the database answer.
    pub readiness: Readiness,
    /// Generic webhooks.
    pub(crate) hooks: Arc<HookService>,
    /// Webhooks of forges; `None`: there are none.
    pub(crate) webhooks: Option<Arc<WebhookService>>,
    /// Of the listener.
    pub connections: Connections,
    /// How many runs may be under way, and how many may wait.
    pub admission_limits: (usize, usize),
}

impl State {
    fn is_alive(&self, instance: &InstanceId) -> bool {
        let alive = |run: dogi_engine::RunHandle| !run.status().state.is_final();
        self.engine.peek(instance).is_some_and(alive)
    }

    async fn engine_answers(&self) -> Result<(), Problem> {
        match tokio::time::timeout(READY, self.engine.ready()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Problem::unavailable(error.to_string())),
            Err(_) => Err(Problem::unavailable(
                "the Docker engine does not answer in time",
            )),
        }
    }
}

/// One request on its way.
#[derive(Debug)]
struct Call {
    parts: Parts,
    body: Option<Incoming>,
    activity: Arc<Activity>,
    /// Once it is known.
    route: Option<Route>,
}

/// Answers requests. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Http(Arc<State>);

impl Http {
    /// With what answers need.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self(Arc::new(state))
    }

    async fn respond(&self, call: &mut Call) -> Result<Response<Body>, Problem> {
        let target = call
            .parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let target = target.to_owned();
        let raw = RawTarget::split(&target)?;
        let route = Route::find(&call.parts.method, raw.path())?;
        tracing::Span::current().record("route", route.pattern());
        call.route = Some(route.clone());
        let state = &*self.0;
        if route.is_public() {
            return match route {
                Route::Ready => plain::ready(state).await,
                Route::Health => Ok(plain::health()),
                Route::Metrics => Ok(metrics::answer(state, &call.parts.headers).await),
                Route::Hook(id) => hook::answer(&self.0, call, &id).await,
                Route::Webhook(forge) => webhook::answer(&self.0, call, forge).await,
                _ => Ok(plain::home()),
            };
        }
        let verified = state.gate.admit(raw, &call.parts.headers)?;
        match &route {
            Route::Run => run::answer(state, call, verified).await,
            Route::Output(instance, name) => {
                history::latest(state, call, instance, name, &verified).await
            }
            Route::Outputs => history::outputs(state, &verified),
            Route::Collect => history::collect(state, &verified),
            Route::Jobs => history::jobs(state, &verified).await,
            Route::Runs => history::runs(state, &verified),
            Route::RunStatus(run) => history::run_status(state, run, &verified),
            Route::RunOutput(run, name) => {
                history::run_output(state, call, run, name, &verified).await
            }
            Route::RunGraph(run) => graph::svg(state, run, &verified),
            Route::RunFile(run, path) => history::run_file(state, run, path).await,
            Route::Rerun(run) => history::rerun(state, call, run, &verified).await,
            Route::AbortRun(run) => history::abort(state, run, &verified).await,
            Route::Deliveries => deliveries::list(state, &verified),
            Route::Replay(id) => deliveries::replay(&self.0, id, &verified).await,
            Route::Home
            | Route::Health
            | Route::Ready
            | Route::Metrics
            | Route::Hook(_)
            | Route::Webhook(_) => Ok(plain::home()),
        }
    }
}

impl Handler for Http {
    type Body = Body;
    type Error = BodyError;

    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let Some(activity) = parts.extensions.get::<Arc<Activity>>().cloned() else {
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of dogi")
                .into_response();
        };
        // The query stays out of logs: it holds signatures and, in env_NAME, what else.
        let span = tracing::info_span!(
            "request",
            id = %uuid::Uuid::now_v7().simple(),
            method = %parts.method,
            route = tracing::field::Empty,
            path = %logged(parts.uri.path()),
            client = %forwarded::client(activity.peer().ip(), &parts.headers, &self.0.trusted_proxies),
        );
        let is_head = parts.method == Method::HEAD;
        let mut call = Call {
            parts,
            body: Some(body),
            activity,
            route: None,
        };
        let mut response = Box::pin(self.respond(&mut call))
            .instrument(span.clone())
            .await
            .unwrap_or_else(Problem::into_response);
        if is_head {
            *response.body_mut() = body::empty();
        }
        let took = began.elapsed();
        let metrics = self.0.metrics.http();
        metrics.answered(call.route.as_ref(), response.status(), took);
        span.in_scope(|| tell(call.route.as_ref(), &response, took));
        response.map(|body| body::counted(body, metrics.sent()))
    }
}

/// The line that the log has for a request; probes, that come every few seconds, are no news.
fn tell(route: Option<&Route>, response: &Response<Body>, took: Duration) {
    let status = response.status();
    let run = show::run_of(response);
    let probe = matches!(route, Some(Route::Health | Route::Ready | Route::Metrics));
    if probe && status.is_success() {
        tracing::debug!(status = status.as_u16(), ?took, "answered");
    } else {
        tracing::info!(status = status.as_u16(), ?took, run, "answered");
    }
}
