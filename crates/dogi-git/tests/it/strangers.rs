//! Submodules of commits whose author may not see all that dogi may.

use std::collections::HashMap;
use std::sync::Arc;

use dogi_git::{Checkout, CheckoutError, Credential, Removal};
use dogi_testkit::git::{HttpServer, SshServer};
use dogi_testkit::repo::Repo;
use tokio_util::sync::CancellationToken;

use crate::support::Setup;

const TOKEN: &str = "s3cr3t-t0ken";

/// A server with a secret, and one that everybody may read from; the operator has a token for both.
struct World {
    private: HttpServer,
    public: HttpServer,
    setup: Setup,
    repos: Vec<Repo>,
}

impl World {
    async fn new() -> World {
        let inner = Repo::with_files(&[("i", "1")]).unwrap();
        let private = HttpServer::builder().repo("o/inner.git", &inner);
        let private = private.token(TOKEN).start().await.unwrap();
        let public = HttpServer::builder().repo("o/inner.git", &inner);
        let public = public.start().await.unwrap();
        let credential = || Credential {
            over_http: true,
            ..Credential::token(TOKEN)
        };
        let servers = [&private, &public];
        let known: HashMap<_, _> = servers
            .map(|server| (server.address().to_string(), credential()))
            .into();
        World {
            private,
            public,
            setup: Setup::with(|options| options.credentials = Arc::new(known)),
            repos: vec![inner],
        }
    }

    /// A private repository whose submodule at `lib/x` is `url`; its URL.
    fn outer(&mut self, name: &str, url: &str) -> String {
        let outer = Repo::with_files(&[("o", "1")]).unwrap();
        let commit = match url {
            "./" => outer.head(),
            _ => self.repos[0].head(),
        };
        outer.submodule("lib/x", url, &commit.unwrap()).unwrap();
        outer.commit("Outer").unwrap();
        self.private.add(name, &outer).unwrap();
        self.repos.push(outer);
        self.private.url(name)
    }
}

async fn by_stranger(setup: &Setup, url: &str) -> Result<Checkout, CheckoutError> {
    let (repo, cancel) = (url.parse().unwrap(), CancellationToken::new());
    let mirrors = setup.mirrors.for_strangers();
    mirrors.checkout(&repo, None, &cancel, &|_| {}).await
}

fn authorized(server: &HttpServer, path: &str) -> usize {
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| {
            request.target.contains(path) && request.headers.contains_key("authorization")
        })
        .count()
}

fn mirrored(setup: &Setup) -> Vec<String> {
    let mut urls: Vec<_> = setup.mirrors.list().unwrap();
    urls.sort_by(|a, b| a.url.cmp(&b.url));
    urls.into_iter().map(|mirror| mirror.url).collect()
}

/// What is said of `lib/x`.
fn assert_hidden(error: &CheckoutError, part: &str) {
    let CheckoutError::StrangersSubmodule { path, source } = error else {
        panic!("{error:?}");
    };
    assert_eq!(path, "lib/x");
    assert_eq!(
        error.to_string(),
        "submodule \"lib/x\" can't be fetched without credentials, and pull requests from forks \
         get none"
    );
    assert!(source.to_string().contains(part), "{source}");
    assert!(!format!("{error:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_private_one_is_not_had_with_the_credentials_of_the_host() {
    let mut world = World::new().await;
    let relative = world.outer("o/relative.git", "../inner.git");
    let absolute = world.outer("o/absolute.git", &world.private.url("o/inner.git"));
    // It is no other thing once the submodule is in a mirror, for somebody else.
    for mirrored in [false, true] {
        for url in [&relative, &absolute] {
            if mirrored {
                let checkout = world.setup.checkout(url, None).await.unwrap();
                assert_eq!(checkout.read_file("lib/x/i").await.unwrap().unwrap(), b"1");
            }
            world.private.forget_requests();
            let error = by_stranger(&world.setup, url).await.unwrap_err();
            assert_hidden(&error, "(401)");
            // The repository itself is fetched as always.
            assert_ne!(authorized(&world.private, "o/"), 0, "{url}");
            assert_eq!(authorized(&world.private, "inner"), 0, "{url}");
        }
    }
}

#[tokio::test]
async fn one_that_everybody_may_read_comes_from_a_mirror_of_its_own() {
    let mut world = World::new().await;
    let inner = world.public.url("o/inner.git");
    let outer = world.outer("o/outer.git", &inner);
    world.setup.checkout(&outer, None).await.unwrap();
    let fetched = world.public.fetches();
    for _ in 0..2 {
        let checkout = by_stranger(&world.setup, &outer).await.unwrap();
        assert_eq!(checkout.read_file("lib/x/i").await.unwrap().unwrap(), b"1");
    }
    assert_eq!(world.public.fetches(), fetched + 1);
    assert_eq!(authorized(&world.public, ""), 0);

    // It is kept, used and given up as every other.
    let theirs = format!("{inner} (without credentials)");
    let mut all = vec![inner, outer.clone(), theirs.clone()];
    all.sort();
    assert_eq!(mirrored(&world.setup), all);
    let mirrors = &world.setup.mirrors;
    let find = || {
        let mut all = mirrors.list().unwrap().into_iter();
        all.find(|mirror| mirror.url == theirs).unwrap()
    };
    let checkout = by_stranger(&world.setup, &outer).await.unwrap();
    assert!(find().in_use);
    assert_eq!(mirrors.remove(&find().name).unwrap(), Removal::InUse);
    drop(checkout);
    assert!(!find().in_use);
    let bytes = find().bytes;
    assert_eq!(
        mirrors.remove(&find().name).unwrap(),
        Removal::Removed { bytes }
    );
    assert_eq!(mirrored(&world.setup).len(), 2);
    assert_eq!(mirrors.sweep(true).unwrap(), []);
}

#[tokio::test]
async fn what_a_public_one_has_inside_is_nobodys_either() {
    let mut world = World::new().await;
    let secret = world.private.url("o/inner.git");
    let middle = Repo::with_files(&[("m", "1")]).unwrap();
    let commit = world.repos[0].head().unwrap();
    middle.submodule("lib/x", &secret, &commit).unwrap();
    middle.commit("Middle").unwrap();
    world.public.add("o/middle.git", &middle).unwrap();
    let outer = Repo::new().unwrap();
    let middle_url = world.public.url("o/middle.git");
    outer
        .submodule("middle", &middle_url, &middle.head().unwrap())
        .unwrap();
    outer.commit("Outer").unwrap();
    world.private.add("o/outer.git", &outer).unwrap();
    world.repos.extend([middle, outer]);

    let url = world.private.url("o/outer.git");
    world.setup.checkout(&url, None).await.unwrap();
    let error = by_stranger(&world.setup, &url).await.unwrap_err();
    assert_eq!(error.to_string(), "submodule \"middle\"");
    let CheckoutError::Submodule { source, .. } = error else {
        unreachable!()
    };
    assert_hidden(&source, "(401)");
}

#[tokio::test]
async fn therepository_itself_is_no_exception() {
    let mut world = World::new().await;
    let url = world.outer("o/outer.git", "./");
    let checkout = world.setup.checkout(&url, None).await.unwrap();
    assert_eq!(checkout.read_file("lib/x/o").await.unwrap().unwrap(), b"1");
    let error = by_stranger(&world.setup, &url).await.unwrap_err();
    assert_hidden(&error, "(401)");
}

#[tokio::test]
async fn neither_by_a_key_nor_from_this_machine() {
    let inner = Repo::with_files(&[("i", "1")]).unwrap();
    let commit = inner.head().unwrap();
    let server = SshServer::builder()
        .repo("o/inner.git", &inner)
        .start()
        .await
        .unwrap();
    let setup = Setup::with(|options| {
        let (host, key) = (server.address().to_string(), server.user_key());
        options.ssh_keys.insert(host, key);
    });
    for (url, part) in [
        (
            server.url("o/inner.git"),
            "ssh lets nobody in without a key",
        ),
        (inner.file_url(), "a directory of this machine"),
    ] {
        let outer = Repo::with_files(&[("o", "1")]).unwrap();
        outer.submodule("lib/x", &url, &commit).unwrap();
        outer.commit("Outer").unwrap();
        let outer_url = outer.file_url();
        let error = by_stranger(&setup, &outer_url).await.unwrap_err();
        assert_hidden(&error, part);
        assert!(server.commands().is_empty());
    }
}
