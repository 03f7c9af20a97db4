//! Hooks that start a job: from their parameters to a request like that of a run URL.

use dogi_hooks::incoming::{Action, Dogi, Hook, Job, Mistake, Output, Parameter, Source};
use dogi_url::{
    Action as RunAction, RawTarget, RepoError, RepoUrl, RequestError, RunRequest, SignatureError,
    TargetError, Unverified,
};

/// Of a value that a request will give: only the name of its parameter is looked at.
const UNKNOWN_YET: &str = "1";

/// Parameters that are no job's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// There is no repository, or its URL is none.
    #[error("repo: {0}")]
    Repo(#[from] RepoError),
    /// They fit in no URL.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// One of them is unknown or has a bad value, or they don't go together.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// They hold what belongs to signatures.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It starts nothing.
    #[error("action: expected run or restart: a hook starts a job")]
    Action,
}

/// The request that a job's parameters make.
///
/// # Errors
/// See [`JobError`].
pub(crate) fn request(job: &Job) -> Result<RunRequest, JobError> {
    let pairs = job.parameters.iter();
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
    of_pairs(pairs)
}

fn of_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<RunRequest, JobError> {
    let (repos, mut params): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| *name == "repo");
    let repo = repos.first().map_or("", |(_, url)| url);
    let repo = RepoUrl::from_clone_url(repo)?;
    if !params.iter().any(|(name, _)| *name == "action") {
        params.push(("action", "run"));
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish();
    let target = format!("{}?{query}", repo.run_path());
    // The operator's own file says what is run: there is no signature to verify.
    let verified = Unverified::new(RawTarget::split(&target)?).danger_accept_unsigned()?;
    let request = RunRequest::parse(&verified, None)?;
    match request.action {
        RunAction::Run | RunAction::Restart => Ok(request),
        RunAction::Peek | RunAction::Abort => Err(JobError::Action),
    }
}

/// What is wrong with the job of a hook, as far as it can be known without a request.
pub(crate) fn check(hook: &Hook) -> Vec<Mistake> {
    match hook.action() {
        Action::Dogi(dogi) => check_job(hook, dogi),
        Action::Execute(_) => Vec::new(),
    }
}

fn check_job(hook: &Hook, dogi: &Dogi) -> Vec<Mistake> {
    let problem = |line: u64, name: &str, message: String| {
        let key = hook.key(&format!("dogi.{name}"));
        Mistake::new(hook.file(), line, key.trim_end_matches('.'), message)
    };
    let one_by_one: Vec<Mistake> = dogi
        .parameters
        .iter()
        .filter_map(|parameter| {
            let message = match without_meaning(hook, &parameter.name) {
                Some(reason) => reason.to_owned(),
                None => alone(parameter).err()?.to_string(),
            };
            Some(problem(parameter.line, &parameter.name, message))
        })
        .collect();
    if !one_by_one.is_empty() {
        return one_by_one;
    }
    let literal = dogi.parameters.iter().map(|parameter| literal(parameter));
    let Some(pairs) = literal.collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    match of_pairs(pairs.into_iter()) {
        Ok(_) => Vec::new(),
        Err(error) => vec![problem(hook.line(), "", error.to_string())],
    }
}

/// Why a parameter of run URLs has no meaning for a hook.
fn without_meaning(hook: &Hook, parameter: &str) -> Option<&'static str> {
    let shows = hook.response().output != Output::Background;
    match parameter {
        "attach" => Some("a job of a hook does not end with the connection"),
        "output_type" => Some(
            "has no meaning here: stream-command-output and include-command-output-in-response \
             say when the answer comes",
        ),
        "output" | "on_fail" if !shows => Some(
            "has no meaning for an answer that does not show the job: expected \
             stream-command-output or include-command-output-in-response beside it",
        ),
        _ => None,
    }
}

fn literal(parameter: &Parameter) -> Option<(&str, &str)> {
    match &parameter.value.source {
        Source::Literal(text) => Some((&parameter.name, text)),
        _ => None,
    }
}

/// Whether there is such a parameter, and it may have this value.
fn alone(parameter: &Parameter) -> Result<(), JobError> {
    let any_repo = ("repo", "https://example.com/o/r.git");
    let known = literal(parameter);
    let (name, value) = known.unwrap_or((&parameter.name, UNKNOWN_YET));
    match (name, known) {
        ("repo", None) => Ok(()),
        ("repo", Some(repo)) => of_pairs([repo].into_iter()).map(drop),
        (_, Some(literal)) => of_pairs([any_repo, literal].into_iter()).map(drop),
        (_, None) => match of_pairs([any_repo, (name, value)].into_iter()) {
            Err(JobError::Request(error @ RequestError::Unknown { .. })) => Err(error.into()),
            _ => Ok(()),
        },
    }
}
