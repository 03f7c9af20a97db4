//! `dogi serve`: parse, build, serve, drain.

use std::io;
use std::time::Duration;

use clap::ArgMatches;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::console::Console;
use super::exit::Exit;
use super::{logging, runtime};
use crate::config::{Environment, Problem, Purpose, Report, Settings, masked_sentence, reference};
use crate::{App, BuildError, HookReloader};

/// How long work that can't be interrupted may go on after the last answer.
const LAST_WORK: Duration = Duration::from_secs(2);

pub(super) fn run(
    matches: &ArgMatches,
    mut problems: Vec<Problem>,
    env: &Environment,
    console: &mut Console,
) -> Exit {
    let settings = match Settings::load(&reference::flags(matches), env, Purpose::Serve) {
        Ok(settings) if problems.is_empty() => settings,
        Ok(_) => return wrong(problems, console),
        Err(report) => {
            problems.extend(report.0);
            return wrong(problems, console);
        }
    };
    logging::start(&settings.log.filter, settings.log.json);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    raise_file_limit();
    match runtime() {
        Ok(runtime) => {
            let exit = runtime.block_on(serve(&settings, console));
            // What is at a disk or a pack may end, but not hold up the end for ever: the next
            // start begins it again, or takes it up.
            runtime.shutdown_timeout(LAST_WORK);
            exit
        }
        Err(error) => {
            console.error(format_args!("cannot start: {error}"));
            Exit::Internal
        }
    }
}

fn wrong(problems: Vec<Problem>, console: &mut Console) -> Exit {
    console.error(Report(problems));
    Exit::Usage
}

async fn serve(settings: &Settings, console: &mut Console) -> Exit {
    // Before anybody can know that there is a server to signal.
    let signals = Signals::new().and_then(|signals| Ok((signals, Reloads::new()?)));
    let (signals, reloads) = match signals {
        Ok(signals) => signals,
        Err(error) => return cannot_start(&error, console),
    };
    let stop = CancellationToken::new();
    tokio::spawn(signals.watch(stop.clone()));
    let app = match stop.run_until_cancelled(App::build(settings)).await {
        None => return Exit::Success,
        Some(Ok(app)) => app,
        Some(Err(BuildError::Hooks(report))) => return wrong(report.0, console),
        Some(Err(error)) => {
            console.error(masked_sentence(&crate::chain(&error)));
            return Exit::Unavailable;
        }
    };
    match app.local_addr() {
        Ok(addr) => {
            let scheme = if settings.listen.tls.is_some() {
                "https"
            } else {
                "http"
            };
            tracing::info!("listening on {scheme}://{addr}");
        }
        Err(error) => return cannot_start(&error, console),
    }
    tokio::spawn(reloads.watch(app.hook_reloader()));
    app.serve(stop).await;
    tracing::info!("stopped; containers that run go on");
    Exit::Success
}

fn cannot_start(error: &io::Error, console: &mut Console) -> Exit {
    console.error(format_args!("cannot start: {error}"));
    Exit::Internal
}

/// The two signals that stop a server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The first one drains, the second one ends the process where it stands.
    async fn watch(mut self, stop: CancellationToken) {
        self.next().await;
        tracing::info!("stopping: responses may finish; a second signal ends at once");
        stop.cancel();
        self.next().await;
        std::process::exit(Exit::Interrupted.code().into());
    }
}

/// The two signals upon which hooks are read again, as the `webhook` server has them.
struct Reloads {
    hangup: Signal,
    user1: Signal,
}

impl Reloads {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }

    async fn watch(mut self, hooks: HookReloader) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {}
                _ = self.user1.recv() => {}
            }
            hooks.reload().await;
        }
    }
}

/// Every connection and every log that is read takes a file descriptor: the soft limit, often
/// 1024, is for programs that use `select`.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
