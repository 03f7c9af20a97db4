//! Runs of container graphs.

pub(crate) mod fakes;
mod outputs;
mod places;

use dogi_engine::{Engine, RunHandle};
use dogi_job::Submit;

use crate::fakes::spec;

/// Submits a run of all nodes, of an instance of its own.
async fn submit(engine: &Engine, id: &str) -> RunHandle {
    let spec = spec(&format!("action=run&pipeline=*&id={id}"));
    let submitted = engine.submit(spec, Submit::Run).await;
    submitted.expect("it is taken").run
}
