//! What a killed process, a full disk or a bad sector leaves behind is swept up.

use std::fs;
use std::path::{Path, PathBuf};

use dogi_git::ContextError;
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, context, plain, tar_of, unpack};

async fn served() -> (Repo, HttpServer, String) {
    let repo = Repo::with_files(&[("a", "1"), ("d/b", "2")]).unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    (repo, server, url)
}

fn packs(mirror: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(mirror.join("objects/pack")).unwrap();
    files.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn stale_locks_and_half_written_files_are_swept_up() {
    let (repo, _server, url) = served().await;
    let setup = Setup::new();
    drop(setup.checkout(&url, None).await.unwrap());
    let mirror = setup.mirror_dirs().remove(0);
    fs::write(mirror.join("shallow.lock"), "").unwrap();
    fs::write(mirror.join("objects/pack/.tmpAbC"), "half").unwrap();
    fs::write(mirror.join("objects/pack/pack-1111.pack"), "PACK").unwrap();
    fs::write(mirror.join("objects/pack/pack-2222.idx"), "idx").unwrap();
    fs::write(mirror.join("objects/pack/pack-3333.keep"), "").unwrap();
    let name = mirror.file_name().unwrap().to_str().unwrap().to_owned();
    let root = mirror.parent().unwrap();
    fs::create_dir(root.join(format!("{name}.new"))).unwrap();
    fs::create_dir(root.join(format!("{name}.gone"))).unwrap();
    repo.write("a", "3").unwrap();
    repo.commit("Change").unwrap();
    let checkout = setup.checkout(&url, None).await.unwrap();
    assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"3");
    assert_eq!(packs(&mirror).len(), 4);
    assert!(!mirror.join("shallow.lock").exists());
}

#[tokio::test]
async fn a_mirror_that_is_none_is_made_anew() {
    type Damage = fn(&Path);
    let damages: [Damage; 4] = [
        |mirror| fs::remove_file(mirror.join("HEAD")).unwrap(),
        |mirror| fs::remove_dir_all(mirror.join("objects")).unwrap(),
        |mirror| fs::write(mirror.join("config"), "[core\nbroken").unwrap(),
        |mirror| {
            fs::remove_dir_all(mirror).unwrap();
            fs::create_dir(mirror).unwrap();
        },
    ];
    for (index, damage) in damages.into_iter().enumerate() {
        let (repo, _server, url) = served().await;
        let setup = Setup::new();
        drop(setup.checkout(&url, None).await.unwrap());
        damage(&setup.mirror_dirs()[0]);
        repo.write("a", "3").unwrap();
        repo.commit("Change").unwrap();
        let checkout = setup.checkout(&url, None).await;
        let checkout = checkout.unwrap_or_else(|error| panic!("{index}: {error:?}"));
        assert_eq!(unpack(&tar_of(&context(&checkout, plain()).await)).len(), 3);
    }
}

#[tokio::test]
async fn the_same_commit_too() {
    let (_repo, _server, url) = served().await;
    let setup = Setup::new();
    let commit = setup.checkout(&url, None).await.unwrap().commit().clone();
    fs::remove_file(setup.mirror_dirs()[0].join("HEAD")).unwrap();
    let checkout = setup.checkout(&url, Some(commit.as_str())).await.unwrap();
    assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"1");
    drop(checkout);
    // The objects are gone, and nothing but the ref remembers them.
    for file in packs(&setup.mirror_dirs()[0]) {
        fs::remove_file(file).unwrap();
    }
    let checkout = setup.checkout(&url, None).await.unwrap();
    assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"1");
}

#[tokio::test]
async fn damage_found_while_reading_is_mended_by_the_next_checkout() {
    let (repo, _server, url) = served().await;
    let noise: Vec<u8> = (0..200_000u64)
        .map(|n| (n.wrapping_mul(n * 31 + 7) >> 7) as u8)
        .collect();
    repo.write("noise", &noise).unwrap();
    repo.commit("Noise").unwrap();
    let setup = Setup::new();
    drop(setup.checkout(&url, None).await.unwrap());
    let mirror = setup.mirror_dirs().remove(0);
    for file in packs(&mirror) {
        if file
            .extension()
            .is_some_and(|extension| extension == "pack")
        {
            // The middle of the pack is zeros, as after a power cut.
            let mut bytes = fs::read(&file).unwrap();
            let length = bytes.len();
            bytes[length / 3..length - 30].fill(0);
            fs::remove_file(&file).unwrap();
            fs::write(&file, bytes).unwrap();
        }
    }
    let checkout = setup.checkout(&url, None).await.unwrap();
    let cancel = CancellationToken::new();
    let written = match checkout.context(plain(), &cancel).await {
        Ok(context) => context.write_tar(std::io::sink(), &cancel).map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(written.unwrap_err(), ContextError::Object { .. }));
    drop(checkout);
    let checkout = setup.checkout(&url, None).await.unwrap();
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_eq!(files.len(), 4);
}

#[tokio::test]
async fn a_killed_fetch_leaves_a_mirror_that_works() {
    let (_repo, _server, url) = served().await;
    let setup = Setup::new();
    // As killed between writing the pack and noting the commit.
    drop(setup.checkout(&url, None).await.unwrap());
    let mirror = setup.mirror_dirs().remove(0);
    fs::remove_dir_all(mirror.join("refs/dogi/commits")).unwrap();
    fs::create_dir(mirror.join("refs/dogi/commits")).unwrap();
    let checkout = setup.checkout(&url, None).await.unwrap();
    assert_eq!(unpack(&tar_of(&context(&checkout, plain()).await)).len(), 3);
}
