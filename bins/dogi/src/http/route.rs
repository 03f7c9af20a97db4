//! Which path is what: one table, and nothing else looks at paths.

use dogi_hooks::forge::Forge;
use dogi_job::RunId;
use dogi_url::{InstanceId, OutputName};
use http::Method;

use super::problem::Problem;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Home,
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
    /// `/metrics`
    Metrics,
    /// `/outputs`
    Outputs,
    /// `/collect`
    Collect,
    /// `/jobs`
    Jobs,
    /// `/runs`
    Runs,
    /// `/output/{instance}/{output}`
    Output(InstanceId, OutputName),
    /// `/runs/{run}`
    RunStatus(RunId),
    /// `/runs/{run}/{output}`
    RunOutput(RunId, OutputName),
    /// `/runs/{run}/graph.svg`
    RunGraph(RunId),
    /// `/runs/{run}/files/{path}`
    RunFile(RunId, String),
    /// `/runs/{run}/rerun`
    Rerun(RunId),
    /// `/runs/{run}/abort`
    AbortRun(RunId),
    /// `/hooks/{id}`, decoded
    Hook(String),
    /// `/deliveries`
    Deliveries,
    /// `/deliveries/{id}/replay`
    Replay(String),
    /// `/webhooks/{forge}`, and `POST /`, where the forge is found out
    Webhook(Option<Forge>),
    /// `/{https|http|ssh|git|file}/…`
    Run,
}

type Make = fn(&[&str]) -> Result<Route, Problem>;

struct Row {
    methods: &'static [Method],
    /// `*` is any one segment, `**` at the end at least one.
    path: &'static [&'static str],
    make: Make,
}

const READ: &[Method] = &[Method::GET, Method::HEAD];
const READ_OR_POST: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
const POST: &[Method] = &[Method::POST];

/// The first row that fits counts.
const ROUTES: &[Row] = &[
    Row {
        methods: READ_OR_POST,
        path: &[""],
        make: |_| Ok(Route::Home),
    },
    Row {
        methods: READ,
        path: &["healthz"],
        make: |_| Ok(Route::Health),
    },
    Row {
        methods: READ,
        path: &["readyz"],
        make: |_| Ok(Route::Ready),
    },
    Row {
        methods: READ,
        path: &["metrics"],
        make: |_| Ok(Route::Metrics),
    },
    Row {
        methods: READ,
        path: &["outputs"],
        make: |_| Ok(Route::Outputs),
    },
    Row {
        methods: READ,
        path: &["collect"],
        make: |_| Ok(Route::Collect),
    },
    Row {
        methods: READ,
        path: &["jobs"],
        make: |_| Ok(Route::Jobs),
    },
    Row {
        methods: READ,
        path: &["runs"],
        make: |_| Ok(Route::Runs),
    },
    Row {
        methods: READ,
        path: &["deliveries"],
        make: |_| Ok(Route::Deliveries),
    },
    Row {
        methods: POST,
        path: &["deliveries", "*", "replay"],
        make: |path| Ok(Route::Replay(path[1].to_owned())),
    },
    Row {
        methods: POST,
        path: &["webhooks", "github"],
        make: |_| Ok(Route::Webhook(Some(Forge::GitHub))),
    },
    Row {
        methods: POST,
        path: &["webhooks", "gitea"],
        make: |_| Ok(Route::Webhook(Some(Forge::Gitea))),
    },
    Row {
        methods: POST,
        path: &["webhooks", "gitlab"],
        make: |_| Ok(Route::Webhook(Some(Forge::GitLab))),
    },
    Row {
        methods: READ,
        path: &["output", "*", "*"],
        make: |path| Ok(Route::Output(part(path[1])?, part(path[2])?)),
    },
    Row {
        methods: READ,
        path: &["runs", "*"],
        make: |path| Ok(Route::RunStatus(part(path[1])?)),
    },
    Row {
        methods: POST,
        path: &["runs", "*", "rerun"],
        make: |path| Ok(Route::Rerun(part(path[1])?)),
    },
    Row {
        methods: POST,
        path: &["runs", "*", "abort"],
        make: |path| Ok(Route::AbortRun(part(path[1])?)),
    },
    Row {
        methods: READ,
        path: &["runs", "*", "files", "**"],
        make: |path| Ok(Route::RunFile(part(path[1])?, path[3..].join("/"))),
    },
    Row {
        methods: READ,
        path: &["runs", "*", "graph.svg"],
        make: |path| Ok(Route::RunGraph(part(path[1])?)),
    },
    Row {
        methods: READ,
        path: &["runs", "*", "*"],
        make: |path| Ok(Route::RunOutput(part(path[1])?, part(path[2])?)),
    },
    Row {
        methods: READ_OR_POST,
        path: &["https", "**"],
        make: |_| Ok(Route::Run),
    },
    Row {
        methods: READ_OR_POST,
        path: &["http", "**"],
        make: |_| Ok(Route::Run),
    },
    Row {
        methods: READ_OR_POST,
        path: &["ssh", "**"],
        make: |_| Ok(Route::Run),
    },
    Row {
        methods: READ_OR_POST,
        path: &["git", "**"],
        make: |_| Ok(Route::Run),
    },
    Row {
        methods: READ_OR_POST,
        path: &["file", "**"],
        make: |_| Ok(Route::Run),
    },
];

/// What follows is the id of a hook, slashes included; which methods it has is its own business.
const HOOKS: &str = "/hooks/";

fn hook(id: &str) -> Result<Route, Problem> {
    let decoded = percent_encoding::percent_decode_str(id).decode_utf8();
    match decoded {
        Ok(id) => Ok(Route::Hook(id.into_owned())),
        // No hook has such a name.
        Err(_) => Ok(Route::Hook(id.to_owned())),
    }
}

/// A part of a path that names something: what can't be its name names nothing.
fn part<T: std::str::FromStr>(text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| Problem::not_found(error.to_string()))
}

impl Row {
    fn fits(&self, path: &[&str]) -> bool {
        match self.path {
            [fixed @ .., "**"] => path.len() > fixed.len() && same(fixed, path),
            fixed => path.len() == fixed.len() && same(fixed, path),
        }
    }
}

fn same(pattern: &[&str], path: &[&str]) -> bool {
    pattern
        .iter()
        .zip(path)
        .all(|(pattern, part)| *pattern == "*" || pattern == part)
}

impl Route {
    /// What the path (as sent, beginning with `/`) and the method mean.
    ///
    /// # Errors
    /// 404 where there is nothing; 405 with the methods that there are.
    pub fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        if let Some(id) = path.strip_prefix(HOOKS) {
            return hook(id);
        }
        if path == "/" && method == Method::POST {
            return Ok(Self::Webhook(None));
        }
        let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let row = ROUTES.iter().find(|row| row.fits(&parts));
        match row {
            None => Err(Problem::not_found(
                "there is no such route; a run URL begins with /https/, /http/ or /ssh/",
            )),
            Some(row) if !row.methods.contains(method) => {
                Err(Problem::method_not_allowed(method, row.methods))
            }
            Some(row) => (row.make)(&parts),
        }
    }

    /// Whether everybody may ask.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(
            self,
            Self::Home
                | Self::Health
                | Self::Ready
                | Self::Metrics
                | Self::Hook(_)
                | Self::Webhook(_)
        )
    }

    /// What is counted where a request is about nothing that there is.
    pub const NONE: &'static str = "none";

    /// All that [`Route::pattern`] may say, and [`Route::NONE`].
    pub const PATTERNS: [&'static str; 24] = [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/outputs",
        "/collect",
        "/jobs",
        "/runs",
        "/output/{instance}/{output}",
        "/runs/{run}",
        "/runs/{run}/{output}",
        "/runs/{run}/graph.svg",
        "/runs/{run}/files/{path}",
        "/runs/{run}/rerun",
        "/runs/{run}/abort",
        "/hooks/{id}",
        "/deliveries",
        "/deliveries/{id}/replay",
        "/webhooks/github",
        "/webhooks/gitea",
        "/webhooks/gitlab",
        "POST /",
        "/{scheme}/{repository}",
        Self::NONE,
    ];

    /// The route without what is particular to one request, for logs and metrics.
    #[must_use]
    pub fn pattern(&self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Outputs => "/outputs",
            Self::Collect => "/collect",
            Self::Jobs => "/jobs",
            Self::Runs => "/runs",
            Self::Output(..) => "/output/{instance}/{output}",
            Self::RunStatus(_) => "/runs/{run}",
            Self::RunOutput(..) => "/runs/{run}/{output}",
            Self::RunGraph(_) => "/runs/{run}/graph.svg",
            Self::RunFile(..) => "/runs/{run}/files/{path}",
            Self::Rerun(_) => "/runs/{run}/rerun",
            Self::AbortRun(_) => "/runs/{run}/abort",
            Self::Hook(_) => "/hooks/{id}",
            Self::Deliveries => "/deliveries",
            Self::Replay(_) => "/deliveries/{id}/replay",
            Self::Webhook(Some(Forge::GitHub)) => "/webhooks/github",
            Self::Webhook(Some(Forge::Gitea | Forge::Forgejo)) => "/webhooks/gitea",
            Self::Webhook(Some(Forge::GitLab)) => "/webhooks/gitlab",
            Self::Webhook(None) => "POST /",
            Self::Run => "/{scheme}/{repository}",
        }
    }
}
