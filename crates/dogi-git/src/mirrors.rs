//! All mirrors below one directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions, Proxies};
use dogi_url::{RepoUrl, Revision};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::checkout::{Checkout, Made};
use crate::credentials::{Credentials, NoCredentials};
use crate::error::CheckoutError;
use crate::kept::Sizes;
use crate::limits::Limits;
use crate::mirror::{Directory, Lease, Obtain, Turns};
use crate::net::{Access, Budget, Link, Net};

/// ssh keys by `host` or `host:port`.
pub type SshKeys = HashMap<String, PathBuf>;

/// Where the keys of ssh servers are remembered, and whether new ones are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts {
    /// In the format of OpenSSH. Made when it does not exist. The machine's own
    /// `/etc/ssh/ssh_known_hosts` counts, too.
    pub file: PathBuf,
    /// What happens at first contact.
    pub mode: HostKeys,
}

/// What happens when an ssh server is met for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostKeys {
    /// Its key is remembered; another key is refused from then on.
    #[default]
    AcceptNew,
    /// It is refused unless its key is known already.
    Strict,
}

/// Tells how many bytes may be written to the disk of the mirrors now. Asked often, by threads that
/// can't wait.
pub type Room = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How mirrors are kept, and what they may reach.
pub struct MirrorOptions {
    /// What may be connected to.
    pub guard: Guard,
    /// Who dogi is to servers that want to know.
    pub credentials: Arc<dyn Credentials>,
    /// The keys of ssh servers.
    pub known_hosts: KnownHosts,
    /// The keys that dogi shows to ssh servers; where none is given, the user's default ones.
    pub ssh_keys: SshKeys,
    /// The program `ssh`.
    pub ssh_program: PathBuf,
    /// Proxies for http and https.
    pub proxies: Proxies,
    /// How much a checkout may take.
    pub limits: Limits,
    /// How much room the disk has; a clone that takes more ends as on a full disk.
    pub room: Room,
    /// Whether `git://` is allowed.
    pub allow_git: bool,
    /// Whether `file://` is allowed.
    pub allow_file: bool,
}

impl MirrorOptions {
    /// The defaults: no credentials, no proxies, new ssh hosts are remembered in `known_hosts`,
    /// neither `git://` nor `file://`.
    #[must_use]
    pub fn new(policy: Arc<EgressPolicy>, known_hosts: PathBuf) -> MirrorOptions {
        MirrorOptions {
            guard: Guard::new(policy),
            credentials: Arc::new(NoCredentials),
            known_hosts: KnownHosts {
                file: known_hosts,
                mode: HostKeys::default(),
            },
            ssh_keys: HashMap::new(),
            ssh_program: PathBuf::from("ssh"),
            proxies: Proxies::default(),
            limits: Limits::default(),
            room: Arc::new(|| u64::MAX),
            allow_git: false,
            allow_file: false,
        }
    }
}

impl std::fmt::Debug for MirrorOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorOptions")
            .field("guard", &self.guard)
            .field("known_hosts", &self.known_hosts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bare mirrors of repositories, shared by all jobs. Cheap to clone.
///
/// Any number of tasks and processes may use one directory at the same time.
#[derive(Clone)]
pub struct Mirrors {
    pub(crate) shared: Arc<Shared>,
    /// As whom servers are asked for submodules.
    submodules: Access,
}

pub(crate) struct Shared {
    pub(crate) root: PathBuf,
    net: Net,
    /// The same without credentials.
    anonymous: Net,
    limits: Limits,
    room: Room,
    pub(crate) turns: Turns,
    pub(crate) sizes: Sizes,
}

impl Shared {
    fn net(&self, access: Access) -> &Net {
        match access {
            Access::Known => &self.net,
            Access::Anonymous => &self.anonymous,
        }
    }
}

/// A callback for lines that are fit for people: `Cloning https://… (main → 1a2b3c4)`.
pub type Progress<'a> = dyn Fn(&str) + Send + Sync + 'a;

impl Mirrors {
    /// The mirrors below `root`, which is made if it does not exist.
    ///
    /// # Errors
    /// [`CheckoutError::Io`] when the directory can't be made or TLS can't be set up.
    pub fn new(root: PathBuf, options: MirrorOptions) -> Result<Mirrors, CheckoutError> {
        let limits = options.limits.clone();
        std::fs::create_dir_all(&root).map_err(CheckoutError::io("make the mirrors' directory"))?;
        make_parent(&options.known_hosts.file);
        let http_options = HttpOptions {
            proxies: options.proxies,
            connect_timeout: limits.connect,
            redirects: 0,
            ..HttpOptions::default()
        };
        let tls = |error: &dyn std::error::Error| {
            let source = std::io::Error::other(crate::net::chain(error));
            CheckoutError::Io {
                doing: "set up HTTP".to_owned(),
                source,
            }
        };
        let http = Http::new(options.guard.clone(), http_options).map_err(|error| tls(&error))?;
        let client = http.client_builder().build().map_err(|error| tls(&error))?;
        let net = Net {
            guard: options.guard,
            client,
            credentials: options.credentials,
            known_hosts: options.known_hosts,
            ssh_keys: options.ssh_keys,
            ssh_program: options.ssh_program,
            access: Access::Known,
            allow_git: options.allow_git,
            allow_file: options.allow_file,
        };
        Ok(Mirrors {
            shared: Arc::new(Shared {
                root,
                anonymous: net.anonymous(),
                net,
                limits,
                room: options.room,
                turns: Turns::default(),
                sizes: Sizes::default(),
            }),
            submodules: Access::Known,
        })
    }

    /// Makes a commit available, with its submodules: the one that `revision` names, or the tip
    /// of the default branch.
    ///
    /// A name is looked for as `git clone --branch` does: a branch, then a tag, then a full name
    /// such as `refs/pull/1/head`, then a commit. The server is asked what it has once; only what
    /// is missing is fetched, one commit deep. A full commit id that is here already needs no
    /// connection at all.
    ///
    /// # Errors
    /// [`CheckoutError`]; nothing is left running, locked or half-made then.
    ///
    /// # Cancel safety
    /// When `cancel` is cancelled this returns [`CheckoutError::Cancelled`] once all work has
    /// stopped, at once whatever it waits for. When the future is dropped the work stops as soon,
    /// but nobody waits for it.
    pub async fn checkout(
        &self,
        repo: &RepoUrl,
        revision: Option<&Revision>,
        cancel: &CancellationToken,
        progress: &Progress<'_>,
    ) -> Result<Checkout, CheckoutError> {
        let run = self.run(cancel, progress);
        let revision = revision.map(|revision| revision.as_str().to_owned());
        run.checkout(repo.clone(), revision, 0).await
    }

    /// The same mirrors, for commits of somebody who may not see all that dogi may, such as that of a
    /// pull request from a fork. The repository itself is fetched as always. Its submodules, whose
    /// URLs that commit names, are fetched by nobody in particular: without credentials and keys, and
    /// into mirrors that never saw any. That goes for one at the URL of the repository itself, too: a
    /// mirror may hold commits that its server gives nobody any more. A submodule that can't be had so
    /// is a [`CheckoutError::StrangersSubmodule`].
    #[must_use]
    pub fn for_strangers(&self) -> Mirrors {
        Mirrors {
            shared: self.shared.clone(),
            submodules: Access::Anonymous,
        }
    }

    pub(crate) fn run<'a>(
        &'a self,
        cancel: &CancellationToken,
        progress: &'a Progress<'a>,
    ) -> Run<'a> {
        let budget = Budget::new(&self.shared.limits, &self.shared.room);
        let count = std::sync::atomic::AtomicUsize::new(0);
        Run {
            mirrors: self,
            cancel: cancel.clone(),
            budget,
            progress,
            count,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    pub(crate) fn root(&self) -> &Path {
        &self.shared.root
    }
}

impl std::fmt::Debug for Mirrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirrors")
            .field("root", &self.shared.root)
            .field("submodules", &self.submodules)
            .finish_non_exhaustive()
    }
}

/// ssh makes a file of known hosts, but no directory for it: without one, it would take any key
/// for that of a first contact, every time.
fn make_parent(known_hosts: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    let Some(parent) = known_hosts.parent() else {
        return;
    };
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent);
    if let Err(error) = made {
        tracing::warn!(file = %known_hosts.display(), %error, "ssh hosts can't be remembered");
    }
}

/// One checkout, with the limits that its submodules share.
pub(crate) struct Run<'a> {
    pub(crate) mirrors: &'a Mirrors,
    pub(crate) cancel: CancellationToken,
    budget: Arc<Budget>,
    progress: &'a Progress<'a>,
    pub(crate) count: std::sync::atomic::AtomicUsize,
}

impl Run<'_> {
    /// Why there is no submodule at `path`. Where a server hides it, or would ask who is there, it
    /// is told that nobody was named.
    pub(crate) fn submodule_failed(&self, path: String, source: CheckoutError) -> CheckoutError {
        let hidden = matches!(
            source,
            CheckoutError::Unauthorized { .. } | CheckoutError::NotFound { .. }
        );
        let source = Box::new(source);
        match self.mirrors.submodules {
            Access::Anonymous if hidden => CheckoutError::StrangersSubmodule { path, source },
            _ => CheckoutError::Submodule { path, source },
        }
    }

    pub(crate) fn tell(&self, line: &str) {
        (self.progress)(line);
    }

    pub(crate) async fn checkout(
        &self,
        repo: RepoUrl,
        revision: Option<String>,
        depth: usize,
    ) -> Result<Checkout, CheckoutError> {
        let access = match depth {
            0 => Access::Known,
            _ => self.mirrors.submodules,
        };
        let made = self.obtain(repo, revision, access).await?;
        Checkout::make(self, made, depth, None).await
    }

    /// Gets the commit into its mirror, on a thread that may block.
    async fn obtain(
        &self,
        repo: RepoUrl,
        revision: Option<String>,
        access: Access,
    ) -> Result<Made, CheckoutError> {
        let shared = self.mirrors.shared.clone();
        shared.net(access).permit(&repo)?;
        // Dropped with this future; the caller's own token is not cancelled by it.
        let cancel = self.cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        let (lines, mut told) = mpsc::unbounded_channel();
        let limits = shared.limits.clone();
        let link = Arc::new(Link::new(cancel, self.budget.clone(), limits, lines));
        let watch = tokio::spawn(link.clone().watch());
        let mut work = tokio::task::spawn_blocking(move || {
            let directory = Directory::of(&shared.root, repo.as_str(), access);
            let lease = Lease::take(&directory).map_err(CheckoutError::io("lock a mirror"))?;
            let obtained = Obtain {
                net: shared.net(access),
                turns: &shared.turns,
                directory: &directory,
                lease: &lease,
                repo: &repo,
                revision: revision.as_deref(),
                link: &link,
            }
            .run()?;
            Made::read(Some(repo), obtained, Some((lease, directory)))
        });
        let done = loop {
            tokio::select! {
                biased;
                Some(line) = told.recv() => (self.progress)(&line),
                done = &mut work => break done,
            }
        };
        watch.abort();
        while let Ok(line) = told.try_recv() {
            (self.progress)(&line);
        }
        done.unwrap_or_else(|panic| match panic.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(CheckoutError::Cancelled),
        })
    }
}
