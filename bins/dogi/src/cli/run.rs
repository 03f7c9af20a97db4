//! `dogi run`: one job without a server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use dogi_engine::RunHandle;
use dogi_job::{RunStatus, SourceRef, Spec, State, Submit};
use dogi_url::{
    InstanceId, OutputSelection, RawTarget, RepoUrl, RequestId, RunRequest, Transport, Unverified,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::console::Console;
use super::exit::Exit;
use super::show::Show;
use super::{given_config, logging, runtime};
use crate::config::{Environment, Purpose, Settings, masked_sentence, secret_variables};
use crate::http::Links;
use crate::wire::{Once, WireError};

/// Options that are parameters of a run URL with the same name.
const SAME: [&str; 10] = [
    "ref", "cmd", "bashc", "image", "pipeline", "df", "context", "target", "timeout", "memory",
];

/// Signals within this time are one.
const ECHO: Duration = Duration::from_millis(300);

/// What the command line asks for.
struct Wanted {
    spec: Spec,
    output: OutputSelection,
    quiet: bool,
}

pub(super) fn run(matches: &ArgMatches, env: &Environment, console: &mut Console) -> Exit {
    let settings = match Settings::load(&given_config(matches), env, Purpose::Other) {
        Ok(settings) => settings,
        Err(report) => return fail(console, report, Exit::Usage),
    };
    let (wanted, settings) = match wanted(matches, settings, env, console.out_is_terminal()) {
        Ok(wanted) => wanted,
        Err(message) => return fail(console, message, Exit::Usage),
    };
    logging::start("warn", settings.log.json);
    match runtime() {
        Ok(runtime) => runtime.block_on(job(settings, wanted, console)),
        Err(error) => fail(
            console,
            format_args!("cannot start: {error}"),
            Exit::Internal,
        ),
    }
}

fn fail(console: &mut Console, message: impl std::fmt::Display, exit: Exit) -> Exit {
    console.error(message);
    exit
}

/// The job, by way of the run URL that would ask for it: one place knows what values are good.
fn wanted(
    matches: &ArgMatches,
    mut settings: Settings,
    env: &Environment,
    terminal: bool,
) -> Result<(Wanted, Settings), String> {
    let text = matches.get_one::<String>("REPO").map_or("", String::as_str);
    let directory = directory(text)?;
    let repo = match &directory {
        None => remote(text)?,
        Some(path) => local(path),
    };
    let target = format!("{}?{}", repo.run_path(), query(matches, terminal)?);
    let request = parse(&target)?;
    // Whoever runs this names the repository: nobody has to be kept from its host.
    if let Some(host) = repo.host() {
        settings.network.egress = settings.network.egress.clone().exempt(host);
    }
    let git = &mut settings.file.git;
    git.allow_git |= matches!(repo.transport(), Transport::Git { .. });
    git.allow_file |= directory.is_none() && matches!(repo.transport(), Transport::File { .. });
    let mut spec = Spec::from_request(&request, &settings.storage.namespace);
    if let Some(path) = directory {
        let id = RequestId::new(path.display().to_string()).ok();
        spec.instance = InstanceId::new(&settings.storage.namespace, &repo, id.as_ref());
        if request.pipeline.is_some() {
            // A graph that comes from elsewhere gets what it is given by name, and nothing else.
            let mut hidden = secret_variables();
            hidden.extend(settings.file.secret_variables.iter().map(String::as_str));
            spec.outside = env.variables_without(&hidden);
        }
        spec.source = SourceRef::WorkTree {
            path,
            revision: request.revision.clone(),
        };
    }
    let quiet = matches.get_flag("quiet");
    Ok((
        Wanted {
            spec,
            output: request.output,
            quiet,
        },
        settings,
    ))
}

/// The directory that is meant, if one is.
fn directory(text: &str) -> Result<Option<PathBuf>, String> {
    let path = Path::new(text);
    if path.is_dir() {
        return path
            .canonicalize()
            .map(Some)
            .map_err(|error| format!("{text}: {error}"));
    }
    let like_a_path = text.starts_with(['.', '/', '~']);
    if like_a_path {
        Err(format!("there is no directory {text}"))
    } else {
        Ok(None)
    }
}

fn remote(text: &str) -> Result<RepoUrl, String> {
    RepoUrl::from_clone_url(text).map_err(|error| format!("REPO: {error}"))
}

/// What stands for a directory where a repository has to be named. A request with it never leaves
/// this process.
fn local(path: &Path) -> RepoUrl {
    RepoUrl::from_clone_url(&format!("file://{}", path.display()))
        .or_else(|_| RepoUrl::from_clone_url("file:///checkout"))
        .expect("file:///checkout is a repository's URL")
}

fn query(matches: &ArgMatches, terminal: bool) -> Result<String, String> {
    let mut pairs = vec![("action".to_owned(), "run".to_owned())];
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    for name in SAME.into_iter().chain(["cpus", "output"]) {
        pairs.extend(text(name).map(|value| (name.to_owned(), value)));
    }
    for (option, prefix) in [
        ("env", "env_"),
        ("file", "file_"),
        ("build-arg", "build_arg_"),
    ] {
        for given in matches.get_many::<String>(option).into_iter().flatten() {
            let (name, value) = given
                .split_once('=')
                .ok_or_else(|| format!("--{option} {given:?}: expected NAME=VALUE"))?;
            pairs.push((format!("{prefix}{name}"), value.to_owned()));
        }
    }
    if matches.get_flag("rebuild") {
        pairs.push(("rebuild".to_owned(), "true".to_owned()));
    }
    // Without a terminal the two streams stay apart, and bytes are what the program wrote. What nodes
    // print is also for other nodes.
    if text("pipeline").is_none() {
        pairs.push(("tty".to_owned(), terminal.to_string()));
    }
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pair = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value));
    Ok(pairs.iter().map(pair).collect::<Vec<_>>().join("&"))
}

fn parse(target: &str) -> Result<RunRequest, String> {
    let raw = RawTarget::split(target).map_err(|error| error.to_string())?;
    let verified = Unverified::new(raw).danger_accept_unsigned();
    let verified = verified.map_err(|error| error.to_string())?;
    RunRequest::parse(&verified, None).map_err(|error| error.to_string())
}

async fn job(settings: Settings, wanted: Wanted, console: &mut Console) -> Exit {
    let links = Links::new(None, None);
    let once = match Once::new(&settings, &links).await {
        Ok(once) => once,
        Err(error @ WireError::Docker(_)) => {
            return fail(console, masked_sentence(&crate::chain(&error)), Exit::Usage);
        }
        Err(error) => {
            return fail(
                console,
                masked_sentence(&crate::chain(&error)),
                Exit::Unavailable,
            );
        }
    };
    let submitted = once.engine.submit(wanted.spec, Submit::Run).await;
    let run = match submitted {
        Ok(submitted) => submitted.run,
        Err(error) => return fail(console, crate::chain(&error), Exit::NotRun),
    };
    if let Err(error) = once.remember(run.id()) {
        tracing::warn!(%error, "a job that is killed with this process will not be found again");
    }
    let stopper = tokio::spawn(stop_on_signals(once.engine.clone(), run.clone()));
    let mut show = Show::new(console, &run, &wanted.output, wanted.quiet);
    let shown = show.until_the_end(&links).await;
    let status = run.stopped().await;
    let status = if status.state.is_final() {
        status
    } else {
        run.finished().await
    };
    let interrupted = stopper.is_finished() || status.state == State::Aborted;
    stopper.abort();
    drop(once);
    match shown {
        // Whoever read the output has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            return fail(
                console,
                format_args!("cannot show the output: {error}"),
                Exit::Internal,
            );
        }
        Ok(()) => {}
    }
    ending(&status, interrupted, wanted.quiet, console)
}

/// The first signal stops the container and waits until it is gone, a later one does not wait.
async fn stop_on_signals(engine: dogi_engine::Engine, run: RunHandle) -> io::Result<()> {
    Signals::new()?.next().await;
    let give_up = async {
        // `timeout` and other wrappers send a signal to the process and to its group: the echo of
        // the first one is not a second one.
        tokio::time::sleep(ECHO).await;
        Signals::new()?.next().await;
        std::process::exit(Exit::Interrupted.code().into())
    };
    tokio::select! {
        _ = engine.abort_run(run.id()) => Ok(()),
        failed = give_up => failed,
    }
}

/// What asks a command in a terminal to end.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

fn ending(status: &Arc<RunStatus>, interrupted: bool, quiet: bool, console: &mut Console) -> Exit {
    let exit = exit_of(status.state, status.exit_code);
    if quiet && matches!(exit, Exit::NotRun | Exit::TimedOut) {
        // What the log would have told.
        for error in &status.errors {
            console.error(error);
        }
    }
    if interrupted && status.state == State::Aborted {
        Exit::Interrupted
    } else {
        exit
    }
}

/// The exit code for how a run ended.
pub(super) fn exit_of(state: State, exit_code: Option<i64>) -> Exit {
    match (state, exit_code) {
        (State::Succeeded, _) => Exit::Success,
        (State::TimedOut, _) => Exit::TimedOut,
        (State::Failed, Some(code)) if code != 0 => Exit::Job(u8::try_from(code).unwrap_or(1)),
        _ => Exit::NotRun,
    }
}
