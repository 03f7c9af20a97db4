//! What a name means.

use dogi_git::CheckoutError;
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;

use crate::support::Setup;

struct World {
    server: HttpServer,
    repo: Repo,
    first: String,
    second: String,
    side: String,
}

impl World {
    async fn new() -> World {
        let repo = Repo::new().unwrap();
        repo.write("f", "1").unwrap();
        let first = repo.commit("First").unwrap();
        repo.tag("light").unwrap();
        repo.annotated_tag("v1", "The first").unwrap();
        repo.tag("both").unwrap();
        repo.write("f", "2").unwrap();
        let second = repo.commit("Second").unwrap();
        repo.branch("feature/x").unwrap();
        repo.write("f", "3").unwrap();
        let side = repo.commit("Side").unwrap();
        repo.git(&["branch", "both"]).unwrap();
        repo.git(&["update-ref", "refs/pull/7/head", &side])
            .unwrap();
        repo.git(&["tag", "-a", "-m", "tag of a tag", "nested", "v1"])
            .unwrap();
        repo.git(&["tag", "tree", "HEAD^{tree}"]).unwrap();
        repo.switch("main").unwrap();
        let server = HttpServer::builder()
            .repo("o/r.git", &repo)
            .start()
            .await
            .unwrap();
        World {
            server,
            repo,
            first,
            second,
            side,
        }
    }
}

#[tokio::test]
async fn names() {
    let world = World::new().await;
    let url = world.server.url("o/r.git");
    let (first, second, side) = (&world.first, &world.second, &world.side);
    let setup = Setup::new();
    for (name, commit, found) in [
        (None, second, "refs/heads/main"),
        (Some("main"), second, "refs/heads/main"),
        (Some("heads/main"), second, "refs/heads/main"),
        (Some("refs/heads/main"), second, "refs/heads/main"),
        (Some("feature/x"), side, "refs/heads/feature/x"),
        (Some("light"), first, "refs/tags/light"),
        (Some("v1"), first, "refs/tags/v1"),
        (Some("tags/v1"), first, "refs/tags/v1"),
        (Some("refs/tags/v1"), first, "refs/tags/v1"),
        (Some("nested"), first, "refs/tags/nested"),
        // As with `git clone --branch`.
        (Some("both"), side, "refs/heads/both"),
        (Some("tags/both"), first, "refs/tags/both"),
        (Some("refs/pull/7/head"), side, "refs/pull/7/head"),
        (Some("pull/7/head"), side, "refs/pull/7/head"),
        (Some(first), first, first),
        (Some(second), second, second),
        (Some(&first[..7]), first, first),
        (Some(&side.to_uppercase()[..10]), side, side),
    ] {
        let checkout = setup.checkout(&url, name).await;
        let checkout = checkout.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        assert_eq!(checkout.commit().as_str(), commit, "{name:?}");
        assert_eq!(checkout.revision_found(), found, "{name:?}");
    }
}

#[tokio::test]
async fn names_that_mean_nothing() {
    let world = World::new().await;
    let url = world.server.url("o/r.git");
    let setup = Setup::new();
    for (name, hint) in [
        ("nothing", "it has the branches both, feature/x, main"),
        ("abcdef0", "give all 40 digits"),
        ("0123456789012345678901234567890123456789", ""),
        ("refs/heads/nothing", ""),
        ("feature", ""),
    ] {
        let error = setup.checkout(&url, Some(name)).await.unwrap_err();
        assert!(
            matches!(error, CheckoutError::NoRevision { .. }),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(hint), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
    let error = setup.checkout(&url, Some("tree")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("\"tree\" is no commit, but a tree"),
        "{error}"
    );
}

#[tokio::test]
async fn an_empty_repository_says_so() {
    let repo = Repo::new().unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    let error = Setup::new().checkout(&url, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{url} is empty: it has no commit on its default branch")
    );
}

#[tokio::test]
async fn a_detached_head_is_a_commit() {
    let world = World::new().await;
    world.repo.switch(&world.first).unwrap();
    let checkout = Setup::new()
        .checkout(&world.server.url("o/r.git"), None)
        .await
        .unwrap();
    assert_eq!(checkout.commit().as_str(), world.first);
    assert_eq!(checkout.revision_found(), world.first);
}

#[tokio::test]
async fn a_missing_repository_says_so() {
    let world = World::new().await;
    let url = world.server.url("o/none.git");
    let error = Setup::new().checkout(&url, None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::NotFound { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("{url}: the server knows no such repository (404)")
    );
}
