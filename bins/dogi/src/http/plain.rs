//! Routes that say something about the server itself.

use http::Response;
use serde_json::json;

use super::State;
use super::body::{Body, full};
use super::problem::Problem;
use super::readiness::Fault;
use super::show::describe;

const HOME: &str = "\
dogi runs git repositories over HTTP.

  GET /https/github.com/OWNER/REPO.git?action=run      build and run, and follow the log
      &output=log|status|file_NAME                     what to show
      &output_type=stream|wait|async                   when
      &file_NAME=/path/in/the/container                a file to follow
      &env_NAME=VALUE &cmd=… &bashc=… &ref=… &id=…     how to run
      &sig=…                                           where URLs have to be signed: dogi sign URL

  GET /jobs          running and waiting          GET /runs           history
  GET /outputs       outputs by instance          GET /collect?output=NAME
  GET /deliveries    what was sent to hooks       ANY /hooks/{id}     a hook of --hooks FILE
  POST /webhooks/github|gitea|gitlab, POST /       a push runs the repository (docs/webhooks.md)
  GET /healthz       alive                        GET /readyz         Docker and the database answer
  GET /metrics       for Prometheus
";

/// `GET /`.
pub(super) fn home() -> Response<Body> {
    let mut response = Response::new(full(HOME));
    describe(&mut response, "text/plain; charset=utf-8");
    response
}

/// `GET /healthz`: this program answers.
pub(super) fn health() -> Response<Body> {
    let mut response = Response::new(full("ok\n"));
    describe(&mut response, "text/plain; charset=utf-8");
    response
}

/// `GET /readyz`: the Docker engine and the database answer too; else which of them does not.
pub(super) async fn ready(state: &State) -> Result<Response<Body>, Problem> {
    let found = state.readiness.look(&state.engine).await;
    let parts = [("docker", &found.docker), ("database", &found.database)];
    let said = |fault: &Fault| fault.as_deref().unwrap_or("ok").to_owned();
    if !found.is_ready() {
        let faults: Vec<&str> = parts
            .iter()
            .filter_map(|(_, fault)| fault.as_deref())
            .collect();
        let problem = Problem::unavailable(faults.join("; ")).with("ready", false);
        let told =
            |problem: Problem, (name, fault): (&str, &Fault)| problem.with(name, said(fault));
        return Err(parts.into_iter().fold(problem, told));
    }
    let (running, queued) = state.engine.counts();
    let json = json!({
        "ready": true,
        "docker": said(&found.docker),
        "database": said(&found.database),
        "running": running,
        "queued": queued,
    });
    let mut response = Response::new(full(format!("{json}\n")));
    describe(&mut response, "application/json");
    Ok(response)
}
