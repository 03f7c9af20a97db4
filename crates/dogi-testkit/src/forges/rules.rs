//! What each forge wants of a request, and what it says otherwise.

use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::{Answer, Kind, Shared, Told};

pub(super) fn check(
    forge: &Shared,
    request: &Parts,
    body: &[u8],
    before: &[Told],
) -> Result<Told, Answer> {
    who_asks(forge, request)?;
    let (repo, commit) = place(forge, request).ok_or_else(|| not_found(forge.kind))?;
    if !forge.repos.contains(&repo) {
        return Err(not_found(forge.kind));
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|_| Answer::message(400, "Problems parsing JSON"))?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let told = Told {
        repo,
        commit,
        state: text("state").unwrap_or_default(),
        context: text("context").unwrap_or_else(|| "default".to_owned()),
        description: text("description").unwrap_or_default(),
        target_url: text("target_url"),
    };
    content(forge.kind, &told)?;
    if forge.kind == Kind::GitLab {
        transition(&told, before)?;
    }
    Ok(told)
}

fn who_asks(forge: &Shared, request: &Parts) -> Result<(), Answer> {
    let header = |name: &str| request.headers.get(name)?.to_str().ok();
    let token = &forge.token;
    let (given, wanted) = match forge.kind {
        Kind::GitHub => (header("authorization"), format!("Bearer {token}")),
        Kind::Gitea => (header("authorization"), format!("token {token}")),
        Kind::GitLab => (header("private-token"), token.clone()),
    };
    if header("user-agent").is_none() && forge.kind == Kind::GitHub {
        let message = "Request forbidden by administrative rules. Please send a User-Agent header";
        return Err(Answer::message(403, message));
    }
    if header("content-type") != Some("application/json") {
        return Err(Answer::message(415, "send application/json"));
    }
    if given == Some(&wanted) {
        return Ok(());
    }
    // A forge that repeats what it was sent, as some proxies do.
    let said = given.unwrap_or("nothing");
    Err(Answer::message(401, &format!("Bad credentials: {said}")))
}

/// The repository and the commit that the path names.
fn place(forge: &Shared, request: &Parts) -> Option<(String, String)> {
    if request.method != "POST" {
        return None;
    }
    let path = request.uri.path().strip_prefix(forge.kind.base())?;
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let (repo, commit) = match (forge.kind, &parts[..]) {
        (Kind::GitLab, ["projects", project, "statuses", commit]) => {
            (project.replace("%2F", "/"), commit)
        }
        (Kind::GitHub | Kind::Gitea, ["repos", owner, name, "statuses", commit]) => {
            (format!("{owner}/{name}"), commit)
        }
        _ => return None,
    };
    let whole = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| (repo, (*commit).to_owned()))
}

fn not_found(kind: Kind) -> Answer {
    Answer::message(
        404,
        match kind {
            Kind::GitLab => "404 Project Not Found",
            Kind::GitHub | Kind::Gitea => "Not Found",
        },
    )
}

fn content(kind: Kind, told: &Told) -> Result<(), Answer> {
    let (states, longest): (&[&str], usize) = match kind {
        Kind::GitHub => (&["error", "failure", "pending", "success"], 140),
        Kind::Gitea => (&["error", "failure", "pending", "success", "warning"], 255),
        Kind::GitLab => (
            &[
                "pending", "running", "success", "failed", "canceled", "skipped",
            ],
            255,
        ),
    };
    if !states.contains(&told.state.as_str()) {
        return Err(match kind {
            Kind::GitLab => Answer::new(400, json!({"error": "state does not have a valid value"})),
            Kind::GitHub | Kind::Gitea => unprocessable("state is not included in the list"),
        });
    }
    if told.description.chars().count() > longest {
        let problem = format!("description is too long (maximum is {longest} characters)");
        return Err(match kind {
            Kind::GitLab => Answer::message(400, &problem),
            Kind::GitHub | Kind::Gitea => unprocessable(&problem),
        });
    }
    Ok(())
}

fn unprocessable(problem: &str) -> Answer {
    let errors = json!([{"resource": "Status", "code": "custom", "message": problem}]);
    Answer::new(
        422,
        json!({"message": "Validation Failed", "errors": errors}),
    )
}

/// GitLab's statuses have no step from a state to itself, and none back to `pending`; a finished one
/// is followed by a new one.
fn transition(told: &Told, before: &[Told]) -> Result<(), Answer> {
    let same = |other: &&Told| {
        (&other.repo, &other.commit, &other.context) == (&told.repo, &told.commit, &told.context)
    };
    let last = before.iter().rev().find(same).map(|last| &*last.state);
    match (last, told.state.as_str()) {
        (Some(from @ ("pending" | "running")), "pending") => {
            let message = format!(
                "Cannot transition status via :enqueue from :{from} (Reason(s): Status cannot \
                 transition via \"enqueue\")"
            );
            Err(Answer::message(400, &message))
        }
        _ => Ok(()),
    }
}
