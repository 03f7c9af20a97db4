//! Getting one commit into a mirror: one look at what the server has, and a fetch only for what
//! is missing.

use std::sync::Arc;

use dogi_url::RepoUrl;
use gix::ObjectId;
use gix::objs::{FindExt, Kind};
use gix::protocol::handshake::Ref;

use super::fetch::{Broken, Session, Wanted};
use super::lock::{Turn, Turns};
use super::refs::{self, Look, Resolved};
use super::{Directory, Lease, open_isolated};
use crate::error::CheckoutError;
use crate::net::{Access, Fault, Link, Net, size};

const NO_TURN: &str = "another checkout of the same repository did not end";

/// A commit that is complete in the mirror.
#[derive(Debug)]
pub(crate) struct Obtained {
    pub(crate) commit: ObjectId,
    /// The annotated tag that led to it, which is in the mirror too.
    pub(crate) tag: Option<ObjectId>,
    /// The full name of the branch or tag, or the commit's id.
    pub(crate) name: String,
    pub(crate) objects: gix::ThreadSafeRepository,
}

/// One attempt, on a thread that may block.
pub(crate) struct Obtain<'a> {
    pub(crate) net: &'a Net,
    pub(crate) turns: &'a Turns,
    pub(crate) directory: &'a Directory,
    pub(crate) lease: &'a Lease,
    pub(crate) repo: &'a RepoUrl,
    pub(crate) revision: Option<&'a str>,
    pub(crate) link: &'a Arc<Link>,
}

impl Obtain<'_> {
    pub(crate) fn run(&self) -> Result<Obtained, CheckoutError> {
        let full = self.revision.and_then(full_id);
        let bare = |commit: ObjectId| Resolved {
            name: commit.to_string(),
            tag: None,
            commit,
        };
        if let Some(here) = full.and_then(|commit| self.here(&bare(commit))) {
            return Ok(here);
        }
        let mut session = self.session()?;
        let resolved = match full {
            Some(commit) => bare(commit),
            None => self.resolve(&mut session)?,
        };
        match self.here(&resolved) {
            Some(here) => Ok(here),
            None => self.fetch(session, &resolved),
        }
    }

    /// The commit, if it is in the mirror. A mirror that only claims to have it is given up.
    fn here(&self, resolved: &Resolved) -> Option<Obtained> {
        // A tag object comes along only when it is asked for by name.
        let tag = resolved.tag.is_none_or(|tag| self.directory.has(&tag));
        if !tag || !self.directory.has(&resolved.commit) {
            return None;
        }
        let opened = open_isolated(&self.directory.path()).ok();
        let opened = opened.filter(|objects| is_readable(objects, &resolved.commit));
        let Some(objects) = opened else {
            self.directory.mark_damaged();
            return None;
        };
        self.directory.touch();
        let Resolved { name, tag, commit } = resolved.clone();
        Some(Obtained {
            commit,
            tag,
            name,
            objects,
        })
    }

    fn session(&self) -> Result<Session<'_>, CheckoutError> {
        Session::open(self.net, self.repo, self.link).map_err(|broken| self.error(broken))
    }

    fn resolve(&self, session: &mut Session<'_>) -> Result<Resolved, CheckoutError> {
        let seen = self.refs(session, refs::prefixes(self.revision))?;
        let revision = self.revision.unwrap_or("HEAD");
        match refs::look(self.revision, &seen) {
            Look::Found(found) => Ok(found),
            Look::Unborn => Err(CheckoutError::Empty { url: self.url() }),
            Look::Missing => {
                let all = self.refs(session, vec!["refs/heads/".into()])?;
                Err(self.missing(refs::hint(&all)))
            }
            Look::Digits => {
                let all = self.refs(session, vec!["refs/heads/".into(), "refs/tags/".into()])?;
                refs::abbreviated(revision, &all).map_err(|commits| match commits.len() {
                    0 => self.missing(
                        "; an abbreviated commit is found only at the tip of a branch or tag: \
                         give all 40 digits"
                            .to_owned(),
                    ),
                    several => self.missing(format!(
                        "; {several} branches and tags end in commits that begin like this: give \
                         all 40 digits"
                    )),
                })
            }
        }
    }

    fn refs(
        &self,
        session: &mut Session<'_>,
        prefixes: Vec<gix::bstr::BString>,
    ) -> Result<Vec<Ref>, CheckoutError> {
        session.refs(prefixes).map_err(|broken| self.error(broken))
    }

    fn fetch(&self, session: Session<'_>, resolved: &Resolved) -> Result<Obtained, CheckoutError> {
        let turn = self.link.wait(
            self.link.limits.timeout,
            NO_TURN,
            Turn::wait(self.turns, self.directory),
        );
        let _turn = turn.map_err(|error| self.failed("lock the mirror", error))?;
        self.directory
            .prepare(&self.label(), self.lease)
            .map_err(|error| self.failed("prepare the mirror", error))?;
        // Whoever had the turn before may have fetched the same.
        if let Some(here) = self.here(resolved) {
            return Ok(here);
        }
        self.tell_begin(resolved);
        let wanted = resolved.tag.unwrap_or(resolved.commit);
        let (mut session, haves) = (session, self.directory.haves());
        if self.is_bare_id(resolved)
            && !session.gives_any_commit()
            && !self.is_tip(&mut session, &wanted)?
        {
            self.fetch_everything(session, &haves)?;
        } else {
            let wanted = Wanted {
                ids: &[wanted],
                haves: &haves,
                whole: false,
            };
            session
                .fetch(self.directory, wanted)
                .map_err(|broken| self.error(broken))?;
        }
        // What was interrupted may look like a success.
        if let Some(fault) = self.link.take_fault() {
            return Err(self.faulted(fault));
        }
        self.keep(resolved)?;
        let received = self.link.received();
        self.link.tell(format!("Received {}", size(received)));
        let unreadable = || std::io::Error::other("what was fetched can't be read");
        self.here(resolved)
            .ok_or_else(|| self.failed("open the mirror", unreadable()))
    }

    /// Whether the commit was asked for by its id, so that it may be the tip of nothing.
    fn is_bare_id(&self, resolved: &Resolved) -> bool {
        self.revision.and_then(full_id) == Some(resolved.commit)
    }

    fn is_tip(&self, session: &mut Session<'_>, id: &ObjectId) -> Result<bool, CheckoutError> {
        let seen = self.refs(session, Vec::new())?;
        Ok(refs::tips(&seen).contains(id))
    }

    /// An old server gives nothing but the tips of its refs: the commit may lie below one.
    fn fetch_everything(
        &self,
        mut session: Session<'_>,
        haves: &[ObjectId],
    ) -> Result<(), CheckoutError> {
        let tips = refs::tips(&self.refs(&mut session, Vec::new())?);
        if tips.is_empty() {
            return Err(CheckoutError::Empty { url: self.url() });
        }
        self.link
            .tell("The server gives no single commits: fetching all branches".to_owned());
        let wanted = Wanted {
            ids: &tips,
            haves,
            whole: true,
        };
        session
            .fetch(self.directory, wanted)
            .map_err(|broken| self.error(broken))
    }

    /// Notes that the commit is here, if it is one.
    fn keep(&self, resolved: &Resolved) -> Result<(), CheckoutError> {
        let objects = open_isolated(&self.directory.path())
            .map_err(|error| self.failed("open the mirror", std::io::Error::other(error)))?;
        let objects = objects.to_thread_local().objects;
        let mut buffer = Vec::new();
        let Ok(object) = objects.find(&resolved.commit, &mut buffer) else {
            return Err(self.missing(String::new()));
        };
        if object.kind != Kind::Commit {
            return Err(CheckoutError::NotACommit {
                url: self.url(),
                revision: self.revision.unwrap_or("HEAD").to_owned(),
                kind: object.kind.to_string(),
            });
        }
        for id in resolved.tag.iter().chain([&resolved.commit]) {
            self.directory
                .keep(id)
                .map_err(|error| self.failed("write to the mirror", error))?;
        }
        Ok(())
    }

    fn tell_begin(&self, resolved: &Resolved) {
        let commit = resolved.commit.to_hex_with_len(7);
        let name = resolved
            .name
            .strip_prefix("refs/heads/")
            .unwrap_or(&resolved.name);
        let name = name.strip_prefix("refs/tags/").unwrap_or(name);
        let what = match full_id(name) {
            Some(_) => commit.to_string(),
            None => format!("{name} → {commit}"),
        };
        self.link.tell(format!("Cloning {} ({what})", self.repo));
    }

    fn missing(&self, hint: String) -> CheckoutError {
        let revision = self.revision.unwrap_or("HEAD").to_owned();
        CheckoutError::NoRevision {
            url: self.url(),
            revision,
            hint,
        }
    }

    /// Whose mirror it is, for people.
    fn label(&self) -> String {
        match self.net.access {
            Access::Known => self.repo.as_str().to_owned(),
            Access::Anonymous => format!("{} (without credentials)", self.repo.as_str()),
        }
    }

    fn url(&self) -> String {
        self.repo.to_string()
    }

    /// The link's reason, where it has one: then the I/O error is but its echo.
    fn failed(&self, doing: &str, source: std::io::Error) -> CheckoutError {
        match self.link.take_fault() {
            Some(fault) => self.faulted(fault),
            None => CheckoutError::io(format!("{doing} of {}", self.repo))(source),
        }
    }

    fn error(&self, broken: Broken) -> CheckoutError {
        if let Some(fault) = self.link.take_fault() {
            return self.faulted(fault);
        }
        match broken {
            Broken::Io(source) => self.failed("write to the mirror", source),
            Broken::Git(error) if says(&error, "not our ref") => self.missing(String::new()),
            Broken::Git(error) if says(&error, "No space left") => {
                let full = std::io::Error::new(std::io::ErrorKind::StorageFull, error);
                self.failed("write to the mirror", full)
            }
            Broken::Git(error) => CheckoutError::Protocol {
                url: self.url(),
                source: Box::new(error),
            },
            Broken::Failed => CheckoutError::Connection {
                url: self.url(),
                reason: "the connection failed".to_owned(),
                source: None,
            },
        }
    }

    fn faulted(&self, fault: Fault) -> CheckoutError {
        let url = self.url();
        let limits = &self.link.limits;
        match fault {
            Fault::Cancelled => CheckoutError::Cancelled,
            Fault::Deadline => CheckoutError::Timeout {
                url,
                what: "the clone did not end",
                limit: limits.timeout,
            },
            Fault::Stalled { what, limit } => CheckoutError::Timeout { url, what, limit },
            Fault::TooLarge => CheckoutError::TooLarge {
                url,
                limit: limits.max_bytes,
            },
            Fault::NoRoom => {
                let doing = format!("write to the mirror of {url}");
                CheckoutError::io(doing)(std::io::ErrorKind::StorageFull.into())
            }
            Fault::Denied(reason) => CheckoutError::Denied { url, reason },
            Fault::NotFound(reason) => CheckoutError::NotFound { url, reason },
            Fault::Unauthorized(reason) => CheckoutError::Unauthorized { url, reason },
            Fault::HostKey(reason) => CheckoutError::HostKey { url, reason },
            Fault::Connection { reason, source } => CheckoutError::Connection {
                url,
                reason,
                source,
            },
        }
    }
}

/// Whether the commit and its tree can be read; what lies below is seen when it is needed.
fn is_readable(objects: &gix::ThreadSafeRepository, commit: &ObjectId) -> bool {
    let objects = objects.to_thread_local().objects;
    let mut buffer = Vec::new();
    let tree = objects
        .find_commit(commit, &mut buffer)
        .map(|commit| commit.tree());
    tree.is_ok_and(|tree| objects.find_tree(&tree, &mut buffer).is_ok())
}

fn full_id(revision: &str) -> Option<ObjectId> {
    (revision.len() == 40)
        .then(|| ObjectId::from_hex(revision.as_bytes()).ok())
        .flatten()
}

fn says(error: &gix::Error, text: &str) -> bool {
    crate::net::chain(error).contains(text) || format!("{error:?}").contains(text)
}
