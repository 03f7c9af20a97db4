//! A server that takes webhooks, a git server with a repository, and a forge that is told.

use dogi_testkit::{
    forges::{Forge, Kind},
    repo::Repo,
    wait,
};
use ring::hmac;
use serde_json::{Value, json};

use super::{Dogi, Repos, http::Answer};

/// What deliveries are signed with.
pub(crate) const SECRET: &str = "of the webhook";
/// What statuses are told with.
pub(crate) const TOKEN: &str = "of-the-forge";
/// The one repository.
pub(crate) const NAME: &str = "acme/app";

/// All of it.
pub(crate) struct Webhooks {
    pub(crate) dogi: Dogi,
    pub(crate) repos: Repos,
    pub(crate) forge: Forge,
    pub(crate) commit: String,
    _config: tempfile::TempDir,
}

impl Webhooks {
    /// With what stands in `dogi.yaml` behind the match of the repository's rule.
    pub(crate) async fn start(kind: Kind, repo: Repo, rule: &str) -> Self {
        Self::with(kind, repo, rule, &[]).await
    }

    pub(crate) async fn with(
        kind: Kind,
        repo: Repo,
        rule: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let commit = repo.head().expect("a commit");
        let mut repos = Repos::start().await;
        repos.add_repo(&format!("{NAME}.git"), repo);
        let forge = Forge::start(kind, TOKEN, &[NAME]).await.expect("a forge");
        let host = host(&repos);
        let config = tempfile::tempdir().expect("a directory");
        let file = config.path().join("dogi.yaml");
        let word = match kind {
            Kind::GitHub => "github",
            Kind::Gitea => "gitea",
            Kind::GitLab => "gitlab",
        };
        let text = format!(
            "webhooks:\n  github: {{secret: {SECRET}}}\n  gitea: {{secret: {SECRET}}}\n  \
             gitlab: {{token: {SECRET}}}\nforges:\n  \"{host}\": {{kind: {word}, api: \"{}\", \
             token: {TOKEN}}}\nrepos:\n  - match: \"{host}/{NAME}\"\n{rule}\n",
            forge.api()
        );
        std::fs::write(&file, text).expect("a file");
        let mut all = vec![
            ("BYPASS_SIGNATURES", "true"),
            ("CONFIG", file.to_str().expect("UTF-8")),
            ("ADVERTISED_URL", "https://ci.example"),
            ("EGRESS_ALLOW", "loopback,private"),
        ];
        all.extend(variables);
        Self {
            dogi: Dogi::with(&all).await,
            repos,
            forge,
            commit,
            _config: config,
        }
    }

    /// The payload of GitHub's push of the commit to a branch.
    pub(crate) fn push(&self, branch: &str) -> Value {
        self.push_of(branch, &self.commit)
    }

    pub(crate) fn push_of(&self, branch: &str, commit: &str) -> Value {
        let url = self.repos.server.url(&format!("{NAME}.git"));
        json!({
            "ref": format!("refs/heads/{branch}"),
            "before": "0000000000000000000000000000000000000000",
            "after": commit,
            "created": true, "deleted": false, "forced": false,
            "commits": [{"id": commit, "message": "mend it\n\nall of it", "added": [],
                "removed": [], "modified": ["README"]}],
            "head_commit": {"id": commit, "message": "mend it", "timestamp": "2026-11-27T00:00:00Z"},
            "repository": {"full_name": NAME, "name": "app", "clone_url": url,
                "default_branch": "main"},
            "sender": {"login": "somebody"},
        })
    }

    /// Sends it as GitHub does.
    pub(crate) async fn github(&self, event: &str, id: &str, payload: &Value) -> Answer {
        self.github_to("/webhooks/github", event, id, payload).await
    }

    pub(crate) async fn github_to(
        &self,
        target: &str,
        event: &str,
        id: &str,
        payload: &Value,
    ) -> Answer {
        let body = payload.to_string();
        let signature = format!("sha256={}", sign(&body));
        let request = self.dogi.request("POST", target);
        let request = request
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", signature);
        self.dogi.ask(request.body(body)).await
    }

    /// What was started, also where the repository had to be looked at for so long that the answer did not
    /// wait for it.
    pub(crate) async fn started(&self, answer: &Answer) -> Value {
        assert_eq!(answer.status, 202, "{}", answer.text());
        let answer = answer.json();
        let known = || async {
            let list = self.dogi.get("/deliveries").await.json();
            let deliveries = list["deliveries"].as_array().into_iter().flatten();
            let mut known = deliveries.filter(|delivery| delivery["id"] == answer["id"]);
            known
                .find(|delivery| delivery["outcome"] != "taken")
                .cloned()
        };
        wait::within(std::time::Duration::from_secs(60), "what is started", known)
            .await
            .unwrap_or_else(|error| panic!("{error}: {answer:#}"))
    }

    /// The log of a run that is over.
    pub(crate) async fn log(&self, run: &str) -> String {
        self.dogi.get(&format!("/runs/{run}/log")).await.text()
    }

    /// The status of a run when it is over.
    pub(crate) async fn ended(&self, run: &str) -> Value {
        let ended = || async {
            let status = self.dogi.get(&format!("/runs/{run}")).await.json();
            status["finished_at"].is_string().then_some(status)
        };
        wait::within(std::time::Duration::from_secs(90), "the run's end", ended)
            .await
            .expect("it ends")
    }

    /// State and context of what the forge was told, when it was told so many things.
    pub(crate) async fn told(&self, count: usize) -> Vec<(String, String)> {
        let told = self.forge.wait_for(count).await.expect("it is told");
        let told = told.into_iter();
        told.map(|told| (told.state, told.context)).collect()
    }
}

/// `host:port` of the clone URL.
fn host(repos: &Repos) -> String {
    let url = repos.server.url("x");
    let rest = url.split("://").nth(1).unwrap_or_default();
    rest.split('/').next().unwrap_or_default().to_owned()
}

pub(crate) fn sign(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let made = hmac::sign(&key, body.as_bytes());
    made.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
