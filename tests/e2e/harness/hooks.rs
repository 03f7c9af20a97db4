//! A server with a file of hooks.

use std::path::{Path, PathBuf};

use dogi_testkit::wait;
use serde_json::Value;
use tempfile::TempDir;

use super::{Dogi, http::Answer};

/// Where no Docker engine is, which hooks don't need.
pub(crate) const NO_DOCKER: (&str, &str) = ("DOCKER_HOST", "unix:///nonexistent/docker.sock");

/// The operator's.
const TOKEN: &str = "of-the-operator";

/// A server that serves the hooks of one file, and a directory for what their commands write.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) dogi: Dogi,
    pub(crate) folder: TempDir,
}

impl Hooks {
    /// A server without Docker. `{TMP}` in the hooks is the directory.
    pub(crate) async fn start(hooks: &str) -> Self {
        let variables = [
            NO_DOCKER,
            ("BYPASS_SIGNATURES", "true"),
            ("DOGI_TOKEN", TOKEN),
        ];
        Self::with(hooks, &variables).await
    }

    pub(crate) async fn with(hooks: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("hooks.yaml");
        std::fs::write(&file, fill(hooks, folder.path())).expect("a file");
        let file = file.to_str().expect("UTF-8").to_owned();
        let mut all = variables.to_vec();
        all.push(("HOOKS", &file));
        let dogi = Dogi::with(&all).await;
        Self { dogi, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of hooks beside the first, or over it.
    pub(crate) fn write(&self, name: &str, hooks: &str) {
        std::fs::write(self.path(name), fill(hooks, self.folder.path())).expect("a file");
    }

    pub(crate) async fn get(&self, hook: &str) -> Answer {
        self.dogi.get(&format!("/hooks/{hook}")).await
    }

    pub(crate) async fn post(&self, hook: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.dogi.request("POST", &format!("/hooks/{hook}"));
        let request = request.header("content-type", "application/json");
        self.dogi.ask(request.body(body)).await
    }

    /// Waits until a hook answers with this text.
    pub(crate) async fn answers(&self, hook: &str, text: &str) {
        let what = format!("the hook {hook} to answer {text:?}");
        wait::until(&what, || async {
            (self.get(hook).await.text() == text).then_some(())
        })
        .await
        .expect("it does");
    }

    /// Waits until a run is over.
    pub(crate) async fn over(&self, run: &str) -> Value {
        let what = format!("the run {run} to end");
        let over = || async {
            let status = self.dogi.get(&format!("/runs/{run}")).await.json();
            (!status["finished_at"].is_null()).then_some(status)
        };
        wait::until(&what, over).await.expect("it ends")
    }

    /// What was delivered lately, the newest first.
    pub(crate) async fn deliveries(&self) -> Vec<Value> {
        let list = self.dogi.get("/deliveries").await.json();
        list["deliveries"].as_array().expect("a list").clone()
    }

    /// Runs a run again, as the operator.
    pub(crate) async fn rerun(&self, run: &str) -> Answer {
        let request = self.dogi.request("POST", &format!("/runs/{run}/rerun"));
        self.dogi.ask(request.bearer_auth(TOKEN)).await
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn fill(hooks: &str, folder: &Path) -> String {
    hooks.replace("{TMP}", folder.to_str().expect("UTF-8"))
}
