//! What is read of payloads. Every value may be missing or null, and there may be more.

use serde::Deserialize;

use crate::forge::commits::Commits;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Project {
    pub(super) path_with_namespace: Option<String>,
    pub(super) git_http_url: Option<String>,
    pub(super) git_ssh_url: Option<String>,
    pub(super) web_url: Option<String>,
    pub(super) default_branch: Option<String>,
}

/// A push of a branch or tag.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Hook {
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) checkout_sha: Option<String>,
    pub(super) user_name: Option<String>,
    pub(super) user_username: Option<String>,
    pub(super) project: Option<Project>,
    pub(super) commits: Option<Commits>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MergeRequest {
    pub(super) user: Option<User>,
    pub(super) project: Option<Project>,
    pub(super) object_attributes: Option<Attributes>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct User {
    pub(super) username: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Attributes {
    pub(super) iid: Option<u64>,
    pub(super) action: Option<String>,
    pub(super) title: Option<String>,
    pub(super) url: Option<String>,
    pub(super) oldrev: Option<String>,
    pub(super) source_branch: Option<String>,
    pub(super) target_branch: Option<String>,
    pub(super) source_project_id: Option<u64>,
    pub(super) target_project_id: Option<u64>,
    pub(super) source: Option<Project>,
    pub(super) last_commit: Option<Commit>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Commit {
    pub(super) id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Release {
    pub(super) action: Option<String>,
    pub(super) name: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) url: Option<String>,
    pub(super) commit: Option<Commit>,
    pub(super) project: Option<Project>,
}
