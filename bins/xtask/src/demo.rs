//! `cargo xtask demo`: dogi at work on this machine, from nothing, and a check that
//! everything came as promised.

mod repo;
mod show;

use dogi_testkit::git::HttpServer;
use serde_json::Value;

use crate::{
    Failure, Result,
    failure::Doing as _,
    http, say,
    server::{self, Dogi},
    setup,
};

/// Where the repository is served.
const REPO: &str = "demo/squares.git";

/// The file in the container that is followed.
const FILE: &str = "file_squares=/data/squares.jsonl";

/// Shows the demo; with `keep`, leaves it running until Ctrl-C.
///
/// # Errors
///
/// When anything is not as promised.
pub async fn run(keep: bool) -> Result<()> {
    setup::prepare(setup::Need::Demo).await?;
    // The dev profile: a first build is minutes shorter, and the difference cannot be
    // seen in a job that prints a few lines. Numbers are for `cargo xtask bench`.
    let binary = server::compile("dogi", false).await?;

    say::step("a repository with a Dockerfile, served over smart HTTP");
    let repo = repo::make()?;
    let git = HttpServer::builder()
        .repo(REPO, &repo)
        .start()
        .await
        .doing("serve the repository")?;
    let clone_url = git.url(REPO);
    say::line(format_args!("git clone {clone_url}"));

    say::step("dogi serve, with a random secret and EGRESS_ALLOW=loopback");
    let dogi = Dogi::start(binary, "demo").await?;
    say::line(format_args!("listening on {}", dogi.address()));

    let shown = show_and_check(&dogi, &clone_url).await;
    let shown = shown.map_err(|e| Failure::new(format!("{e}\n\ndogi's own log:\n{}", dogi.log())));
    if shown.is_ok() {
        print_urls(&dogi, &path(&clone_url), keep).await?;
    }
    if keep && shown.is_ok() {
        say::line("\nrunning until Ctrl-C");
        tokio::signal::ctrl_c().await.doing("wait for Ctrl-C")?;
        say::step("stopping");
    }
    dogi.stop().await?;
    shown
}

/// `/http/127.0.0.1:PORT/demo/squares.git`
fn path(clone_url: &str) -> String {
    format!("/{}", clone_url.replacen("://", "/", 1))
}

async fn show_and_check(dogi: &Dogi, clone_url: &str) -> Result<()> {
    let path = path(clone_url);
    let open = |output: &'static str| {
        let target = format!("{path}?action=run&output={output}&{FILE}");
        async move { dogi.sign(&target).await }
    };
    let log_url = open("log").await?;
    let file_url = open("file_squares").await?;
    say::step(format_args!("curl -N '{log_url}'"));
    let streams = show::side_by_side(&log_url, &file_url).await?;
    streams.check()?;

    let status_target = format!("{path}?output=status&output_type=wait");
    let status_url = dogi.sign(&status_target).await?;
    say::step(format_args!("curl '{status_url}'"));
    let answer = http::get(&status_url).await?.ok().await?.text().await?;
    let status: Value = serde_json::from_str(&answer).doing("read the status")?;
    say::line(format_args!("{status:#}"));
    check_status(&status)?;

    let kept = status["output"]["squares"]
        .as_str()
        .or(status["output"]["file_squares"].as_str());
    let Some(kept) = kept else {
        return Failure::err("the status has no URL for the file");
    };
    let content = http::get(kept).await?.ok().await?.text().await?;
    if content != repo::expected_file() {
        return Failure::err(format!("{kept} has not the whole file, but: {content:?}"));
    }
    Ok(())
}

fn check_status(status: &Value) -> Result<()> {
    let wanted = [
        ("state", Value::from("succeeded")),
        ("exit_code", Value::from(0)),
        ("errors", Value::Array(Vec::new())),
    ];
    for (key, value) in wanted {
        if status[key] != value {
            return Failure::err(format!(
                "the status has {key}: {}, not {value}",
                status[key]
            ));
        }
    }
    Ok(())
}

async fn print_urls(dogi: &Dogi, path: &str, keep: bool) -> Result<()> {
    say::step("to try by hand");
    if !keep {
        say::line("(`cargo xtask demo --keep` leaves the server running, with URLs of its own)");
    }
    let examples = [
        (
            "run it again and watch its log",
            "-N",
            "action=restart&output=log&",
        ),
        (
            "follow the file while it grows",
            "-N",
            "action=run&output=file_squares&",
        ),
        (
            "both at once",
            "-N",
            "action=restart&output=log,file_squares&",
        ),
        (
            "as events that a browser resumes",
            "-N -H 'Accept: text/event-stream'",
            "action=run&output=log,file_squares&",
        ),
        (
            "another command in the same image",
            "-N",
            "action=run&id=other&cmd=/bin/ls+-l+/app&",
        ),
        (
            "a failure: curl ends with 22",
            "-f",
            "action=restart&output=status&bashc=exit+3&",
        ),
        ("stop it", "", "action=abort&"),
    ];
    for (what, options, query) in examples {
        let url = dogi.sign(&format!("{path}?{query}{FILE}")).await?;
        say::line(format_args!("# {what}\ncurl {options} '{url}'"));
    }
    Ok(())
}
