//! `GET /runs/{run}/graph.svg`: the nodes of a run's container graph as a picture.

use dogi_graph::NodeView;
use dogi_job::{NodeStatus, RunId, RunStatus};
use dogi_url::{OutputName, Verified};
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, Response};

use super::body::{Body, full};
use super::params::params;
use super::problem::Problem;
use super::show::{describe, name_run};
use super::{Links, State};

/// The picture has its colours in a style sheet of its own, and needs nothing else.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

/// The picture as the run stands now.
pub(super) fn svg(
    state: &State,
    id: &RunId,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    let run = state.engine.run(id);
    let run = run.ok_or_else(|| Problem::not_found(format!("there is no run {id}")))?;
    let status = run.status();
    let Some(nodes) = &status.nodes else {
        let detail = match run.spec().graph() {
            Some(_) => format!("the container graph of the run {id} was not read, or not yet"),
            None => format!("the run {id} is none of a container graph: it has no `pipeline`"),
        };
        return Err(Problem::not_found(detail).with("run", id.as_str()));
    };
    let mut response = Response::new(full(draw(&status, nodes, &state.links)));
    describe(&mut response, "image/svg+xml");
    name_run(state, &mut response, &run);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

fn draw(status: &RunStatus, nodes: &[NodeStatus], links: &Links) -> String {
    let texts: Vec<(Option<String>, Option<String>)> = nodes
        .iter()
        .map(|node| {
            let log = OutputName::Node(node.name.clone());
            let href = node.has_log.then(|| links.output(&status.run, &log));
            (href, took(node))
        })
        .collect();
    let views: Vec<NodeView<'_>> = nodes
        .iter()
        .zip(&texts)
        .map(|(node, (href, note))| NodeView {
            name: node.name.as_str(),
            state: node.state.as_str(),
            after: node.after.iter().map(|name| name.as_str()).collect(),
            href: href.as_deref(),
            note: note.as_deref(),
        })
        .collect();
    dogi_graph::svg(&views)
}

fn took(node: &NodeStatus) -> Option<String> {
    let (from, to) = node.started_at.zip(node.finished_at)?;
    Some(format!("{:.1} s", to.saturating_since(from).as_secs_f64()))
}
