//! What is read of payloads. Every value may be missing or null, and there may be more.

use serde::Deserialize;

use crate::forge::commits::Commits;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::forge) struct Repo {
    pub(in crate::forge) id: Option<u64>,
    pub(in crate::forge) full_name: Option<String>,
    pub(in crate::forge) clone_url: Option<String>,
    pub(in crate::forge) ssh_url: Option<String>,
    pub(in crate::forge) html_url: Option<String>,
    pub(in crate::forge) default_branch: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::forge) struct User {
    pub(in crate::forge) login: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Anything {
    pub(super) repository: Option<Repo>,
    pub(super) sender: Option<User>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Push {
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) forced: Option<bool>,
    pub(super) commits: Option<Commits>,
    pub(super) head_commit: Option<HeadCommit>,
    /// GitHub's.
    pub(super) compare: Option<String>,
    /// Gitea's.
    pub(super) compare_url: Option<String>,
    pub(super) repository: Option<Repo>,
    pub(super) sender: Option<User>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct HeadCommit {
    pub(super) id: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PullRequestEvent {
    pub(super) action: Option<String>,
    pub(super) number: Option<u64>,
    pub(super) pull_request: Option<PullRequest>,
    pub(super) repository: Option<Repo>,
    pub(super) sender: Option<User>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PullRequest {
    pub(super) number: Option<u64>,
    pub(super) title: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) head: Option<End>,
    pub(super) base: Option<End>,
    /// Forgejo's: 1 for a pull request without a branch of its own.
    pub(super) flow: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct End {
    pub(super) label: Option<String>,
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) sha: Option<String>,
    pub(super) repo: Option<Repo>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Create {
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) ref_type: Option<String>,
    /// Gitea's.
    pub(super) sha: Option<String>,
    pub(super) repository: Option<Repo>,
    pub(super) sender: Option<User>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Release {
    pub(super) action: Option<String>,
    pub(super) release: Option<Released>,
    pub(super) repository: Option<Repo>,
    pub(super) sender: Option<User>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Released {
    pub(super) tag_name: Option<String>,
    pub(super) name: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) draft: Option<bool>,
    pub(super) prerelease: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Dispatch {
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) repository: Option<Repo>,
    pub(super) sender: Option<User>,
}
