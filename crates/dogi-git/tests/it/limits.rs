//! Time-outs, the size limit and cancelling, at every point where a checkout may wait.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dogi_git::{Checkout, CheckoutError};
use dogi_testkit::git::{Fault, HttpServer, SshServer};
use dogi_testkit::repo::Repo;
use dogi_testkit::silent;
use tokio_util::sync::CancellationToken;

use crate::support::Setup;

/// Longer than anything here takes, shorter than the limits that must not be what ends it.
const SOON: Duration = Duration::from_secs(10);

fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(size).collect()
}

async fn big() -> (Repo, HttpServer, String) {
    let repo = Repo::new().unwrap();
    for (n, part) in noise(2_000_000).chunks(100_000).enumerate() {
        repo.write(&format!("noise{n}"), part).unwrap();
    }
    repo.commit("Big").unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    (repo, server, url)
}

/// Cancels once `ready`, and sees to it that the checkout ends soon, with nothing left behind.
async fn cancelled_when(setup: &Setup, url: &str, ready: impl Future<Output = ()>) {
    let cancel = CancellationToken::new();
    let checkout = setup.checkout_until(url, None, &cancel);
    tokio::pin!(checkout);
    tokio::select! {
        done = &mut checkout => panic!("it ended before: {done:?}"),
        () = ready => {}
    }
    let began = Instant::now();
    cancel.cancel();
    let error = checkout.await.unwrap_err();
    assert!(matches!(error, CheckoutError::Cancelled), "{error:?}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    nothing_left(setup);
}

/// No lock and no half-written file.
fn nothing_left(setup: &Setup) {
    for mirror in setup.mirror_dirs() {
        let packs = std::fs::read_dir(mirror.join("objects/pack")).unwrap();
        let packs: Vec<_> = packs.map(|entry| entry.unwrap().file_name()).collect();
        assert!(packs.is_empty(), "{packs:?}");
        assert!(!mirror.join("shallow.lock").exists());
    }
}

async fn recovers(setup: &Setup, url: &str) -> Checkout {
    tokio::time::timeout(SOON * 3, setup.checkout(url, None))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn cancel_while_waiting_for_the_first_headers() {
    let server = silent::Server::start().await.unwrap();
    let setup = Setup::new();
    let connected = async { server.wait_for_connections(1).await.unwrap() };
    cancelled_when(&setup, &server.url("/o/r.git"), connected).await;
}

#[tokio::test]
async fn cancel_while_waiting_for_the_refs() {
    let (_repo, server, url) = big().await;
    let setup = Setup::new();
    let ready = async {
        server.wait_for_requests(1).await.unwrap();
        server.set_fault(Fault::Hang);
        server.wait_for_requests(2).await.unwrap();
    };
    // The first answer may come before the fault is set: then the second request goes through,
    // and the third hangs. All of them are waits for headers.
    cancelled_when(&setup, &url, ready).await;
    server.set_fault(Fault::None);
    recovers(&setup, &url).await;
}

#[tokio::test]
async fn cancel_in_the_middle_of_the_objects() {
    let (_repo, server, url) = big().await;
    server.set_fault(Fault::StallAfter(700_000));
    let setup = Setup::new();
    // The refs are shorter than that; the objects are not.
    let ready = async {
        server.wait_for_requests(3).await.unwrap();
        dogi_testkit::wait::until("a pack that grows", || async {
            let mirrors = setup.mirror_dirs();
            let packs = std::fs::read_dir(mirrors.first()?.join("objects/pack")).ok()?;
            let sizes = packs.flatten().filter_map(|entry| entry.metadata().ok());
            sizes
                .map(|metadata| metadata.len())
                .any(|size| size > 100_000)
                .then_some(())
        })
        .await
        .unwrap();
    };
    cancelled_when(&setup, &url, ready).await;
    server.set_fault(Fault::None);
    recovers(&setup, &url).await;
}

#[tokio::test]
async fn cancel_while_ssh_and_git_say_nothing() {
    let server = silent::Server::start().await.unwrap();
    let setup = Setup::new();
    for (index, scheme) in ["ssh://git@", "git://"].into_iter().enumerate() {
        let url = format!("{scheme}{}/o/r.git", server.address());
        let connected = async { server.wait_for_connections(index + 1).await.unwrap() };
        cancelled_when(&setup, &url, connected).await;
    }
}

#[tokio::test]
async fn cancel_while_another_has_the_turn() {
    let (_repo, server, url) = big().await;
    let setup = Setup::new();
    server.set_fault(Fault::StallAfter(700_000));
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    let one = setup.checkout_until(&url, None, &first);
    let two = setup.checkout_until(&url, None, &second);
    tokio::pin!(one, two);
    let both_asked = async {
        // Hello and refs of both, objects of one: the other has to wait.
        server.wait_for_requests(5).await.unwrap();
        dogi_testkit::wait::until("one fetch", || async {
            (server.fetches() == 1).then_some(())
        })
        .await
        .unwrap();
    };
    tokio::select! {
        _ = &mut one => panic!("ended"),
        _ = &mut two => panic!("ended"),
        () = both_asked => {}
    }
    let began = Instant::now();
    first.cancel();
    second.cancel();
    let (one, two) = tokio::join!(one, two);
    assert!(matches!(one.unwrap_err(), CheckoutError::Cancelled));
    assert!(matches!(two.unwrap_err(), CheckoutError::Cancelled));
    assert!(began.elapsed() < SOON);
    server.set_fault(Fault::None);
    recovers(&setup, &url).await;
}

#[tokio::test]
async fn cancelled_before_it_began() {
    let (_repo, server, url) = big().await;
    let setup = Setup::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = setup.checkout_until(&url, None, &cancel).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Cancelled));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn dropping_the_future_stops_the_work() {
    let (_repo, server, url) = big().await;
    server.set_fault(Fault::StallAfter(700_000));
    let setup = Setup::new();
    {
        let checkout = setup.checkout(&url, None);
        tokio::pin!(checkout);
        tokio::select! {
            _ = &mut checkout => panic!("ended"),
            done = server.wait_for_requests(3) => done.unwrap(),
        }
    }
    server.set_fault(Fault::None);
    // The turn is given back by itself.
    recovers(&setup, &url).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = silent::Server::start().await.unwrap();
    let setup = Setup::with(|options| options.limits.stall = Duration::from_millis(300));
    for (url, what) in [
        (server.url("/o/r.git"), "the server did not answer"),
        (
            format!("git://{}/o/r.git", server.address()),
            "the server sent nothing",
        ),
        (
            format!("ssh://git@{}/o/r.git", server.address()),
            "the server sent nothing",
        ),
    ] {
        let began = Instant::now();
        let error = setup.checkout(&url, None).await.unwrap_err();
        assert!(matches!(error, CheckoutError::Timeout { .. }), "{error:?}");
        assert!(
            error.to_string().ends_with(&format!("{what} within 0.3 s")),
            "{error}"
        );
        assert!(began.elapsed() < SOON);
    }
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let (_repo, server, url) = big().await;
    server.set_fault(Fault::StallAfter(700_000));
    let setup = Setup::with(|options| options.limits.stall = Duration::from_millis(500));
    let error = setup.checkout(&url, None).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the server sent nothing within 0.5 s"),
        "{error}"
    );
    nothing_left(&setup);
}

#[tokio::test]
async fn the_whole_has_a_limit_too() {
    let (_repo, server, url) = big().await;
    server.set_fault(Fault::StallAfter(700_000));
    let setup = Setup::with(|options| options.limits.timeout = Duration::from_secs(1));
    let error = setup.checkout(&url, None).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the clone did not end within 1 s"),
        "{error}"
    );
    nothing_left(&setup);
}

#[tokio::test]
async fn too_many_bytes_are_refused() {
    let (repo, _server, url) = big().await;
    let setup = Setup::with(|options| options.limits.max_bytes = 1_000_000);
    for url in [url, repo.file_url()] {
        let error = setup.checkout(&url, None).await.unwrap_err();
        assert!(
            matches!(
                error,
                CheckoutError::TooLarge {
                    limit: 1_000_000,
                    ..
                }
            ),
            "{error:?}"
        );
    }
    nothing_left(&setup);
    let ssh = SshServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let setup = Setup::with(|options| {
        options.limits.max_bytes = 1_000_000;
        let key = (ssh.address().ip().to_string(), ssh.user_key());
        options.ssh_keys.extend([key]);
    });
    let error = setup.checkout(&ssh.url("o/r.git"), None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_clone_that_the_disk_has_no_room_for_ends_and_leaves_nothing() {
    let (repo, _server, url) = big().await;
    let left = Arc::new(AtomicU64::new(1_000_000));
    let copy = left.clone();
    let setup = Setup::with(move |options| {
        options.room = Arc::new(move || copy.load(Ordering::Relaxed));
    });
    for url in [&url, &repo.file_url()] {
        let error = setup.checkout(url, None).await.unwrap_err();
        let CheckoutError::Io { source, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    }
    nothing_left(&setup);
    left.store(100_000_000, Ordering::Relaxed);
    setup.checkout(&url, None).await.unwrap();
}

#[tokio::test]
async fn a_clone_ends_when_others_fill_the_disk_meanwhile() {
    let (_repo, _server, url) = big().await;
    let looks = Arc::new(AtomicU64::new(0));
    let setup = Setup::with(move |options| {
        options.room = Arc::new(move || match looks.fetch_add(1, Ordering::Relaxed) {
            0 => 100_000_000,
            _ => 0,
        });
    });
    let error = setup.checkout(&url, None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Io { .. }), "{error:?}");
    nothing_left(&setup);
}

#[tokio::test]
async fn the_limit_counts_submodules_too() {
    let (inner, server, inner_url) = big().await;
    let outer = Repo::new().unwrap();
    outer.write("noise", noise(1_000_000)).unwrap();
    outer
        .submodule("sub", &inner_url, &inner.head().unwrap())
        .unwrap();
    outer.commit("Outer").unwrap();
    server.add("o/outer.git", &outer).unwrap();
    let url = server.url("o/outer.git");
    let setup = Setup::with(|options| options.limits.max_bytes = 2_500_000);
    let error = setup.checkout(&url, None).await.unwrap_err();
    let CheckoutError::Submodule { source, .. } = error else {
        panic!("{error:?}")
    };
    assert!(
        matches!(*source, CheckoutError::TooLarge { .. }),
        "{source:?}"
    );
    let setup = Setup::with(|options| options.limits.max_bytes = 3_500_000);
    setup.checkout(&url, None).await.unwrap();
}

#[tokio::test]
async fn a_broken_server_is_told_as_such() {
    let (_repo, server, url) = big().await;
    server.set_fault(Fault::Status(503, "overloaded".into()));
    let error = Setup::new().checkout(&url, None).await.unwrap_err();
    let wanted = format!("{url}: the server answered with status 503 Service Unavailable");
    assert_eq!(error.to_string(), wanted);
    server.set_fault(Fault::Status(200, "<html>hello</html>".into()));
    let error = Setup::new().checkout(&url, None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http://", "git://", "ssh://git@"] {
        let url = format!("{scheme}{address}/o/r.git");
        let error = Setup::new().checkout(&url, None).await.unwrap_err();
        assert!(
            matches!(error, CheckoutError::Connection { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
