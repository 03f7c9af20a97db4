//! What mirrors take on disk, and how it is given back while others clone.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use dogi_egress::EgressPolicy;
use dogi_git::{KeptMirror, MirrorOptions, Mirrors, Removal};
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::Setup;

async fn served(content: &str) -> (Repo, HttpServer, String) {
    let repo = Repo::with_files(&[("a", content)]).unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    (repo, server, url)
}

fn only(mirrors: &Mirrors) -> KeptMirror {
    let mut listed = mirrors.list().unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.remove(0)
}

/// As another process would see the directory.
fn other(setup: &Setup) -> Mirrors {
    let policy = Arc::new(EgressPolicy::parse("loopback").unwrap());
    let options = MirrorOptions::new(policy, setup.dir.path().join("known_hosts"));
    Mirrors::new(setup.dir.path().join("mirrors"), options).unwrap()
}

fn files_in_root(setup: &Setup) -> BTreeSet<String> {
    let all = fs::read_dir(setup.dir.path().join("mirrors")).unwrap();
    all.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn a_mirror_tells_whose_it_is_its_size_and_its_last_use_also_after_a_restart() {
    let (_repo, _server, url) = served(&"x".repeat(100_000)).await;
    let setup = Setup::new();
    let before = SystemTime::now() - std::time::Duration::from_secs(2);
    let checkout = setup.checkout(&url, None).await.unwrap();
    let kept = only(&setup.mirrors);
    assert_eq!(kept.url, url);
    assert!(kept.bytes > 4096, "{kept:?}");
    assert!(kept.in_use);
    assert!(kept.last_used >= before && kept.last_used <= SystemTime::now());
    assert_eq!(
        only(&other(&setup)),
        kept,
        "another process sees the same, the use included"
    );
    drop(checkout);
    assert_eq!(
        only(&other(&setup)),
        KeptMirror {
            in_use: false,
            ..kept
        }
    );
}

#[tokio::test]
async fn a_mirror_that_grew_tells_its_new_size() {
    let (repo, _server, url) = served("small").await;
    let setup = Setup::new();
    setup.checkout(&url, None).await.unwrap();
    let before = only(&setup.mirrors).bytes;
    // Nothing that can be compressed (xorshift).
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(200_000)
    .collect();
    repo.write("b", noise).unwrap();
    repo.commit("More").unwrap();
    setup.checkout(&url, None).await.unwrap();
    let after = only(&setup.mirrors).bytes;
    assert!(after > before + 200_000 - 4096, "{before} → {after}");
}

#[tokio::test]
async fn removing_gives_back_everything_and_spares_what_is_in_use() {
    let (_repo, server, url) = served("1").await;
    let setup = Setup::new();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let kept = only(&setup.mirrors);
    assert_eq!(setup.mirrors.remove(&kept.name).unwrap(), Removal::InUse);
    assert_eq!(other(&setup).remove(&kept.name).unwrap(), Removal::InUse);
    assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"1");
    drop(checkout);
    assert_eq!(
        setup.mirrors.remove(&kept.name).unwrap(),
        Removal::Removed { bytes: kept.bytes }
    );
    assert_eq!(files_in_root(&setup), BTreeSet::new(), "its locks go too");
    for gone in [kept.name.as_str(), "no-mirror", ".."] {
        let again = setup.mirrors.remove(gone).unwrap();
        assert_eq!(again, Removal::Removed { bytes: 0 }, "{gone}");
    }
    setup.checkout(&url, None).await.unwrap();
    assert_eq!(server.fetches(), 2, "it comes again");
}

/// A repository is cloned over and over while this process and another one remove its mirror
/// whenever they can: each clone is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clones_are_whole_while_their_mirror_is_removed_all_the_time() {
    let (_repo, _server, url) = served("whole").await;
    let setup = Setup::new();
    let sharers = [setup.mirrors.clone(), other(&setup)];
    let (done, removed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut removers = JoinSet::new();
    for mirrors in sharers {
        let (done, removed) = (done.clone(), removed.clone());
        removers.spawn_blocking(move || {
            while !done.load(Ordering::Relaxed) {
                for kept in mirrors.list().unwrap() {
                    let removal = mirrors.remove(&kept.name).unwrap();
                    if matches!(removal, Removal::Removed { bytes: 1.. }) {
                        removed.fetch_add(1, Ordering::Relaxed);
                    }
                }
                std::thread::yield_now();
            }
        });
    }
    // Alone: two that overlap leave hardly a moment for a removal.
    let repo = url.parse().unwrap();
    let mut rounds = 0;
    while rounds < 12 || removed.load(Ordering::Relaxed) < 3 {
        rounds += 1;
        let cancel = CancellationToken::new();
        let checkout = setup.mirrors.checkout(&repo, None, &cancel, &|_| {}).await;
        let checkout = checkout.unwrap();
        assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"whole");
    }
    done.store(true, Ordering::Relaxed);
    while let Some(remover) = removers.join_next().await {
        remover.unwrap();
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_found_and_removed() {
    let (_repo, _server, url) = served("1").await;
    let setup = Setup::new();
    setup.checkout(&url, None).await.unwrap();
    let (root, name) = (setup.dir.path().join("mirrors"), only(&setup.mirrors).name);
    let unfinished = format!("{name}/objects/pack/tmp_pack_1");
    fs::write(root.join(&unfinished), vec![1; 50_000]).unwrap();
    fs::write(root.join(&name).join("shallow.lock"), "").unwrap();
    let dead = "0123456789012345678901234567890123456789";
    fs::create_dir(root.join(format!("{dead}.new"))).unwrap();
    fs::create_dir(root.join(format!("{dead}.gone"))).unwrap();
    fs::write(root.join(format!("{dead}.gone/HEAD")), "x").unwrap();
    fs::write(root.join(format!("{dead}.lock")), "").unwrap();
    fs::write(root.join("not-ours"), "x").unwrap();

    let expected = BTreeSet::from([
        unfinished.clone(),
        format!("{name}/shallow.lock"),
        format!("{dead}.new"),
        format!("{dead}.gone"),
    ]);
    for remove in [false, true] {
        let found = setup.mirrors.sweep(remove).unwrap();
        let bytes = found.iter().find(|left| left.name == unfinished).unwrap();
        assert!(bytes.bytes >= 50_000);
        let names: BTreeSet<_> = found.into_iter().map(|left| left.name).collect();
        assert_eq!(names, expected, "remove: {remove}");
    }
    assert_eq!(setup.mirrors.sweep(false).unwrap(), []);
    let left = files_in_root(&setup);
    assert!(left.contains("not-ours"));
    assert!(left.iter().all(|file| !file.starts_with(dead)), "{left:?}");
    // The mirror itself is good.
    let checkout = setup.checkout(&url, None).await.unwrap();
    assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"1");
}
