//! Sees to the programs and the engine that a task needs: installs and starts them
//! where it may, saying so, and otherwise says what to do.

mod apt;
mod daemon;
mod programs;

use crate::{Failure, Result, docker::Engine, host, say};

/// What a task is going to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// An engine, git and a static shell.
    Demo,
    /// As for the demo, and the programs to compare with.
    Bench,
    /// All of it: servers for ssh and images too.
    Tests,
}

/// Makes this machine ready. A running engine is left alone.
///
/// # Errors
///
/// What is missing and the command that mends it.
pub async fn prepare(need: Need) -> Result<()> {
    install(need)?;
    engine().await?;
    Ok(())
}

fn install(need: Need) -> Result<()> {
    let engine_answers = Engine::find().is_ok();
    let missing = programs::missing(need, engine_answers);
    if missing.is_empty() {
        return Ok(());
    }
    for program in &missing {
        say::line(format_args!(
            "{} is not here: it {}",
            program.name, program.purpose
        ));
    }
    let is_required = missing.iter().any(|program| !program.optional);
    match install_packages(&programs::packages(&missing)) {
        Err(reason) if is_required => return Err(reason),
        Err(reason) => say::line(format_args!("going on without it: {reason}")),
        Ok(()) => {}
    }
    let still = programs::missing(need, engine_answers);
    let names: Vec<&str> = still
        .iter()
        .filter(|program| !program.optional)
        .map(|program| program.name)
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Failure::err(format!(
        "apt-get succeeded, but {} is still not here",
        names.join(", ")
    ))
}

fn install_packages(packages: &[&str]) -> Result<()> {
    if !host::is_debian() {
        return Failure::err(format!(
            "packages are only installed on Debian and Ubuntu; on this system, install what has \
             these programs (on Debian: {}) and start this again",
            packages.join(" ")
        ));
    }
    if !host::is_root() {
        return Failure::err(format!(
            "installing needs root. Run\n\n    sudo apt-get update && sudo apt-get install -y {}\n\n\
             and start this again",
            packages.join(" ")
        ));
    }
    apt::install(packages)
}

/// An engine that answers, started if need be.
async fn engine() -> Result<Engine> {
    let engine = match Engine::find() {
        Ok(engine) => engine,
        Err(reason) => start(&reason.to_string()).await?,
    };
    say::line(format_args!("{} at {}", engine.describe()?, engine.host()));
    Ok(engine)
}

async fn start(reason: &str) -> Result<Engine> {
    say::line(format_args!("no Docker engine answers: {reason}"));
    if reason.contains("Permission denied") {
        return Failure::err(
            "an engine is there, but this user may not use it. Run\n\n    \
             sudo usermod -aG docker \"$(id -un)\"\n\nlog in again, and start this again",
        );
    }
    if !host::is_root() {
        return Failure::err(
            "starting the engine needs root. Run\n\n    sudo systemctl start docker\n\n\
             (or `sudo dockerd` in another terminal where there is no systemd) and start this again",
        );
    }
    daemon::start().await
}
