//! Commit statuses: what is sent to which forge, and what its answer means.

mod answers;
#[cfg(feature = "deliver")]
mod deliver;
mod requests;
mod texts;

use dogi_hooks::{
    forge::{Forge, FullName},
    incoming::Secret,
    status::{CommitState, CommitStatus, Description, StatusApi, StatusContext},
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// No forge may repeat it into a log.
const TOKEN: &str = "s3same-t0ken";

fn status(repo: &str, state: CommitState) -> CommitStatus {
    CommitStatus {
        repo: FullName::new(repo).unwrap(),
        commit: COMMIT.parse().unwrap(),
        state,
        context: StatusContext::new("dogi/tests").unwrap(),
        description: Description::new("Passed in 4 s"),
        target_url: Some(
            "https://ci.example/runs/17?output=log&sig=ab"
                .parse()
                .unwrap(),
        ),
    }
}

fn api(forge: Forge, base: &str) -> StatusApi {
    StatusApi::new(forge, base.parse().unwrap(), Secret::new(TOKEN)).unwrap()
}
