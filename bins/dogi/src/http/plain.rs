//! Routes that say something about the server itself.

use http::Response;
use serde_json::json;

use super::State;
use super::body::{Body, full};
use super::problem::Problem;
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
  GET /healthz       alive                        GET /readyz         the Docker engine answers
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

/// `GET /readyz`: the Docker engine answers too.
pub(super) async fn ready(state: &State) -> Result<Response<Body>, Problem> {
    state.engine_answers().await?;
    let (running, queued) = state.engine.counts();
    let json = json!({"ready": true, "running": running, "queued": queued});
    let mut response = Response::new(full(format!("{json}\n")));
    describe(&mut response, "application/json");
    Ok(response)
}
