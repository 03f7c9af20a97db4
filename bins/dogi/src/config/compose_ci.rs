//! compose-ci: one repository, tested by its compose project, without a `dogi.yaml`.

use dogi_hooks::forge::FullName;
use dogi_hooks::rules::{On, RepoPattern, Rule};
use dogi_url::{ImageRef, RepoPath};
use url::Url;

use super::file::Registry;
use super::parse;
use super::secret::Secret;
use super::sources::Sources;

/// How the repository that `GITHUB_REPO` names is tested. It is on `GITHUB_URL`, and deliveries
/// about it carry `GITHUB_TOKEN` in their query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeCi {
    /// The repository.
    pub repo: FullName,
    /// `GITHUB_TOKEN`: what deliveries carry.
    pub token: Secret,
    /// The compose file.
    pub file: RepoPath,
    /// The command that tests the project, to be split as a shell would; `None`: its service
    /// `tests`.
    pub hook: Option<String>,
    /// The image in whose container the command runs, with the engine's socket; `None`: it runs
    /// on this machine.
    pub build_image: Option<ImageRef>,
    /// Whether the project is taken down in the end.
    pub garbage_collect: bool,
    /// What the command gets as `DOCKER_REGISTRY`: `host[:port][/path]`.
    pub registry: Option<String>,
    /// Where the project's images come from and go to, by host.
    pub login: Option<(String, Registry)>,
}

impl ComposeCi {
    /// The rule that its deliveries meet: pushes to branches of that repository of GitHub, at
    /// `github`, and what somebody sends by hand. It stands on no line.
    ///
    /// # Panics
    /// Never: a name and a host have no character that means something in a pattern, and a URL
    /// without a host is refused as a setting.
    #[must_use]
    pub fn rule(&self, github: &Url) -> Rule {
        let host = github.host_str().unwrap_or_default();
        let port = github.port().map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        // The brackets of an IPv6 address are none of a pattern.
        let host = host.replace('[', "\\[").replace(']', "\\]");
        let key = format!("{host}{port}/{}", self.repo);
        Rule {
            line: 0,
            pattern: RepoPattern::new(&key).expect("it has no character of a pattern"),
            on: On::default(),
        }
    }
}

/// What only a repository gives a meaning. Other programs know some of these variables too: they
/// are not looked at without one.
const WITH_REPO: [&str; 7] = [
    "HOOK",
    "BUILD_IMAGE",
    "GARBAGE_COLLECT",
    "COMPOSE_FILE",
    "DOCKER_REGISTRY",
    "REGISTRY_USER",
    "REGISTRY_PASS",
];

/// Whether there is one, right or wrong.
pub(super) fn is_set(sources: &mut Sources) -> bool {
    sources.text("GITHUB_TOKEN").is_some() && sources.text("GITHUB_REPO").is_some()
}

/// Reads the settings; `None`: there is no such repository, or `repos` say what to do.
pub(super) fn read(
    sources: &mut Sources,
    token: Option<&Secret>,
    warnings: &mut Vec<String>,
) -> Option<ComposeCi> {
    if sources.text("GITHUB_REPO").is_none() {
        let unused: Vec<&str> = WITH_REPO
            .into_iter()
            .filter(|name| sources.text(name).is_some())
            .collect();
        if unused.contains(&"HOOK") {
            warnings.push("HOOK has no effect without GITHUB_REPO".to_owned());
        }
        return None;
    }
    let repo = sources.optional("GITHUB_REPO", |text| {
        FullName::new(text).map_err(|_| String::new())
    });
    let hook = sources.optional("HOOK", |text| match text.trim() {
        "" => Err(String::new()),
        text => Ok(text.to_owned()),
    });
    let build_image = sources.optional("BUILD_IMAGE", parse::image);
    let garbage_collect = sources.with_default("GARBAGE_COLLECT", parse::switch);
    let file = sources.with_default("COMPOSE_FILE", parse::repo_path);
    let registry = sources.optional("DOCKER_REGISTRY", |text| {
        parse::registry(text).map(|host| (text.to_owned(), host))
    });
    let login = login(sources);
    if sources.text("GITHUB_TOKEN").is_none() {
        let message = "a repository without a token that deliveries have to carry: set \
                       GITHUB_TOKEN too";
        sources.problem("GITHUB_REPO", message);
    }
    if !sources.file.repos.is_empty() {
        warnings.push(
            "GITHUB_REPO has no effect: `repos` in dogi.yaml say what deliveries start".to_owned(),
        );
        return None;
    }
    let host = registry.as_ref().map_or("docker.io", |(_, host)| host);
    Some(ComposeCi {
        repo: repo?,
        token: token?.clone(),
        file,
        hook,
        build_image,
        garbage_collect,
        login: login.map(|login| (host.to_owned(), login)),
        registry: registry.map(|(text, _)| text),
    })
}

fn login(sources: &mut Sources) -> Option<Registry> {
    let user = sources.optional("REGISTRY_USER", |text| Ok(text.to_owned()));
    let password = sources.optional("REGISTRY_PASS", |text| Ok(Secret::new(text)));
    match (user, password) {
        (Some(user), Some(password)) => Some(Registry { user, password }),
        (Some(_), None) => {
            sources.problem(
                "REGISTRY_USER",
                "a user without a password: set REGISTRY_PASS too",
            );
            None
        }
        (None, Some(_)) => {
            sources.problem(
                "REGISTRY_PASS",
                "a password without a user: set REGISTRY_USER too",
            );
            None
        }
        (None, None) => None,
    }
}
