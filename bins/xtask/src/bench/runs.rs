//! Whole runs, warm and cold.

use std::time::Duration;

use dogi_testkit::repo::Repo;

use super::{
    Row,
    lab::{DOCKERFILE, Lab},
    stats::{median, ratio, spread},
};
use crate::{Result, failure::Doing as _, say};

/// A repository of middling size: so many files of so many bytes that do not compress.
const FILES: u32 = 1000;
const FILE_BYTES: usize = 20_000;

/// Nothing changed since the last run.
pub(super) async fn warm(lab: &Lab) -> Result<Vec<Row>> {
    let url = lab.warm_url("action=run&output=log&tty=false").await?;
    let reference = "docker run --rm \"$IMAGE\" >out";
    let (mut dogi, mut beside) = (Vec::new(), Vec::new());
    lab.drain(&url).await?;
    lab.shell(reference).await?;
    for _ in 0..lab.times(15) {
        dogi.push(lab.drain(&url).await?.1);
        beside.push(lab.shell(reference).await?);
    }
    let what = "warm run, to the end of its log, and `docker run --rm` of the same image";
    Ok(vec![row(what, &mut dogi, &mut beside, 1.1)])
}

/// Nothing is known of the repository; both sides get one of their own each time,
/// so that neither finds the other's layers.
pub(super) async fn cold(lab: &Lab) -> Result<Vec<Row>> {
    let repo = big_repo(lab).doing("make a repository")?;
    let (mut dogi, mut beside) = (Vec::new(), Vec::new());
    for n in 0..=lab.times(7) {
        let a = cold_dogi(lab, &repo, n).await?;
        let b = cold_beside(lab, &repo, n).await?;
        // The first of each warms the page cache and the layer below.
        if n > 0 {
            dogi.push(a);
            beside.push(b);
        }
    }
    let what = format!(
        "cold run of a repository of {FILES} files, {} MB, and `git clone --depth 1 && docker build && docker run`",
        FILES as usize * FILE_BYTES / 1_000_000
    );
    Ok(vec![row(&what, &mut dogi, &mut beside, 0.9)])
}

async fn cold_dogi(lab: &Lab, repo: &Repo, n: usize) -> Result<Duration> {
    let name = format!("cold/dogi-{n}.git");
    publish(lab, repo, &name)?;
    let url = lab.url(&name, "action=run&output=log&tty=false").await?;
    Ok(lab.drain(&url).await?.1)
}

async fn cold_beside(lab: &Lab, repo: &Repo, n: usize) -> Result<Duration> {
    let name = format!("cold/beside-{n}.git");
    publish(lab, repo, &name)?;
    let (url, label) = (lab.git.url(&name), crate::docker::LABEL);
    let namespace = lab.dogi.namespace();
    let time = lab
        .shell(&format!(
            "git clone --quiet --depth 1 {url} clone-{n} \
             && docker build --label {label}={namespace} -q -t bench-cold:{n} clone-{n} >out \
             && docker run --rm bench-cold:{n} >out"
        ))
        .await?;
    lab.shell(&format!("rm -rf clone-{n}; docker rmi -f bench-cold:{n}"))
        .await?;
    Ok(time)
}

/// Serves the repository, with a commit that nobody has seen, under a new name.
fn publish(lab: &Lab, repo: &Repo, name: &str) -> Result<()> {
    let add = || {
        repo.write("nonce", name)?;
        repo.commit("Change something")?;
        lab.git.add(name, repo)
    };
    add().doing(format!("serve {name}"))
}

fn big_repo(lab: &Lab) -> dogi_testkit::Result<Repo> {
    let repo = Repo::new()?;
    repo.write(
        "Dockerfile",
        DOCKERFILE.replace("WORKDIR", "COPY . /src\nWORKDIR"),
    )?;
    repo.write_executable("probe", &lab.probe)?;
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    for n in 0..FILES {
        let content: Vec<u8> = (0..FILE_BYTES)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise.to_be_bytes()[0]
            })
            .collect();
        repo.write(&format!("src/{}/{n}.bin", n % 25), content)?;
    }
    repo.commit("Begin")?;
    Ok(repo)
}

/// A row of medians, ratio wanted at most `wanted`.
pub(super) fn row(what: &str, dogi: &mut [Duration], beside: &mut [Duration], wanted: f64) -> Row {
    let value = ratio(median(dogi), median(beside));
    say::line(format_args!("{} repetitions: {value:.2}", dogi.len()));
    Row {
        what: what.to_owned(),
        dogi: spread(dogi),
        beside: spread(beside),
        ratio: format!("{value:.2}"),
        wanted: format!("≤ {wanted}"),
        met: value <= wanted,
    }
}
