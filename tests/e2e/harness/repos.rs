//! Repositories to run, on a git server.

use dogi_testkit::{docker::Context, git::HttpServer, repo::Repo};

/// A smart HTTP server with repositories.
#[derive(Debug)]
pub(crate) struct Repos {
    pub(crate) server: HttpServer,
    repos: Vec<Repo>,
}

impl Repos {
    pub(crate) async fn start() -> Self {
        let server = HttpServer::builder()
            .start()
            .await
            .expect("git http-backend runs");
        Self {
            server,
            repos: Vec::new(),
        }
    }

    /// Adds a repository with busybox, `bash` and these lines of Dockerfile. Returns its run URL's
    /// path.
    pub(crate) fn add(&mut self, name: &str, more_dockerfile: &str) -> String {
        self.add_files(name, more_dockerfile, &[])
    }

    /// As `add`, with more files.
    pub(crate) fn add_files(
        &mut self,
        name: &str,
        more_dockerfile: &str,
        files: &[(&str, &str)],
    ) -> String {
        let mut context = Context::bash(more_dockerfile).expect("busybox is installed");
        for (path, content) in files {
            context = context.file(path, *content);
        }
        self.add_repo(name, context.repo().expect("git works"))
    }

    /// Adds a repository that is there already.
    pub(crate) fn add_repo(&mut self, name: &str, repo: Repo) -> String {
        self.server.add(name, &repo).expect("the server takes it");
        self.repos.push(repo);
        self.path(name)
    }

    /// One of the repositories, in the order of their adding.
    pub(crate) fn repo(&self, index: usize) -> &Repo {
        &self.repos[index]
    }

    /// The path of a run URL for a repository.
    pub(crate) fn path(&self, name: &str) -> String {
        let url = self.server.url(name);
        format!("/{}", url.replacen("://", "/", 1))
    }
}

/// One repository on a server of its own.
impl Repos {
    pub(crate) async fn one(more_dockerfile: &str) -> (Self, String) {
        let mut repos = Self::start().await;
        let path = repos.add("demo.git", more_dockerfile);
        (repos, path)
    }
}
