//! What the tests share: mirrors that may reach loopback, tars and directories as maps.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use dogi_egress::EgressPolicy;
use dogi_git::{Checkout, CheckoutError, Context, ContextOptions, MirrorOptions, Mirrors};
use dogi_testkit::repo::Repo;
use dogi_url::{RepoUrl, Revision};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Mirrors in a directory of their own.
pub(crate) struct Setup {
    pub(crate) mirrors: Mirrors,
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
    pub(crate) dir: TempDir,
}

impl Setup {
    pub(crate) fn new() -> Setup {
        Setup::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut MirrorOptions)) -> Setup {
        let dir = tempfile::tempdir().unwrap();
        let policy = EgressPolicy::parse("loopback").unwrap();
        let mut options = MirrorOptions::new(Arc::new(policy), dir.path().join("known_hosts"));
        options.allow_git = true;
        options.allow_file = true;
        change(&mut options);
        let mirrors = Mirrors::new(dir.path().join("mirrors"), options).unwrap();
        Setup {
            mirrors,
            lines: Arc::default(),
            dir,
        }
    }

    pub(crate) async fn checkout(
        &self,
        url: &str,
        revision: Option<&str>,
    ) -> Result<Checkout, CheckoutError> {
        let cancel = CancellationToken::new();
        self.checkout_until(url, revision, &cancel).await
    }

    pub(crate) async fn checkout_until(
        &self,
        url: &str,
        revision: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<Checkout, CheckoutError> {
        let repo: RepoUrl = url.parse().unwrap();
        let revision = revision.map(|name| Revision::new(name).unwrap());
        let lines = self.lines.clone();
        let note = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        self.mirrors
            .checkout(&repo, revision.as_ref(), cancel, &note)
            .await
    }

    pub(crate) fn lines(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// The directories of mirrors.
    pub(crate) fn mirror_dirs(&self) -> Vec<std::path::PathBuf> {
        let all = fs::read_dir(self.dir.path().join("mirrors")).unwrap();
        all.map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }
}

/// A repo on this machine as a checkout by `file://`.
pub(crate) async fn checked_out(repo: &Repo) -> (Setup, Checkout) {
    let setup = Setup::new();
    let checkout = setup.checkout(&repo.file_url(), None).await.unwrap();
    (setup, checkout)
}

/// No Dockerfile is looked for.
pub(crate) fn plain() -> ContextOptions {
    let mut options = ContextOptions::default();
    options.build = false;
    options
}

pub(crate) async fn context(checkout: &Checkout, options: ContextOptions) -> Context {
    checkout
        .context(options, &CancellationToken::new())
        .await
        .unwrap()
}

pub(crate) fn tar_of(context: &Context) -> Vec<u8> {
    let mut tar = Vec::new();
    context
        .write_tar(&mut tar, &CancellationToken::new())
        .unwrap();
    tar
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Dir,
    File { mode: u32, content: Vec<u8> },
    Link(Vec<u8>),
}

pub(crate) type Files = BTreeMap<Vec<u8>, Node>;

/// A tar as a map; a path that comes twice is an error.
pub(crate) fn unpack(tar: &[u8]) -> Files {
    let mut files = Files::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path_bytes().into_owned();
        let node = match entry.header().entry_type() {
            tar::EntryType::Directory => Node::Dir,
            tar::EntryType::Symlink => Node::Link(entry.link_name_bytes().unwrap().into_owned()),
            tar::EntryType::Regular => {
                let mode = entry.header().mode().unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                Node::File { mode, content }
            }
            other => panic!("{other:?} at {path:?}"),
        };
        assert!(
            files.insert(path.clone(), node).is_none(),
            "{path:?} comes twice"
        );
    }
    files
}

/// A directory as a map, less every `.git`; modes as git keeps them.
pub(crate) fn on_disk(root: &Path) -> Files {
    use std::os::unix::ffi::OsStrExt;
    let mut files = Files::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".git" {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).unwrap();
            let node = if metadata.is_symlink() {
                Node::Link(
                    fs::read_link(&path)
                        .unwrap()
                        .as_os_str()
                        .as_bytes()
                        .to_vec(),
                )
            } else if metadata.is_dir() {
                ahead.push(path.clone());
                Node::Dir
            } else {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                let mode = if executable { 0o755 } else { 0o644 };
                Node::File {
                    mode,
                    content: fs::read(&path).unwrap(),
                }
            };
            let name = path
                .strip_prefix(root)
                .unwrap()
                .as_os_str()
                .as_bytes()
                .to_vec();
            files.insert(name, node);
        }
    }
    files
}

/// Only the paths, as text.
pub(crate) fn names(files: &Files) -> Vec<String> {
    files
        .keys()
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect()
}

/// What `git clone --recurse-submodules` makes of it.
pub(crate) async fn cloned(url: &str, revision: Option<&str>) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("clone");
    let to_text = to.to_str().unwrap();
    let mut args = vec!["-c", "protocol.file.allow=always", "clone", "--quiet"];
    args.push("--recurse-submodules");
    args.extend(revision.iter().flat_map(|name| ["--branch", name]));
    args.extend([url, to_text]);
    Repo::git_async(None, &args).await.unwrap();
    on_disk(&to)
}

/// Says where two trees differ, in a form that fits on a screen.
pub(crate) fn assert_same(ours: &Files, theirs: &Files) {
    for (path, node) in theirs {
        let path_text = String::from_utf8_lossy(path);
        match ours.get(path) {
            None => panic!("{path_text:?} is missing; it is {node:?}"),
            Some(ours) => assert_eq!(ours, node, "at {path_text:?}"),
        }
    }
    for path in ours.keys() {
        assert!(
            theirs.contains_key(path),
            "{:?} is too many",
            String::from_utf8_lossy(path)
        );
    }
}
