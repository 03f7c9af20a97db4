//! The command line.

mod args;
mod backup;
mod check;
mod console;
mod exit;
mod gc;
pub mod logging;
mod run;
mod serve;
mod show;
mod sign;
mod tail;

use std::ffi::OsString;

use clap::ArgMatches;

use crate::config::{Environment, Flags, Report};

pub use args::command;
pub use console::Console;
pub use exit::Exit;

/// Does what a command line says.
pub fn main(
    args: impl IntoIterator<Item = OsString>,
    env: &Environment,
    console: &mut Console,
) -> Exit {
    let given = match args::parse(args.into_iter().collect()) {
        Ok(given) => given,
        Err(error) => return explain(&error, console),
    };
    let Some((name, matches)) = given.matches.subcommand() else {
        return Exit::Usage;
    };
    match name {
        "serve" => serve::run(matches, given.problems, env, console),
        "check" => check::run(matches, given.problems, env, console),
        _ if !given.problems.is_empty() => {
            console.error(Report(given.problems));
            Exit::Usage
        }
        "run" => run::run(matches, env, console),
        "gc" => gc::run(matches, env, console),
        "backup" => backup::run(matches, env, console),
        "tail" => tail::run(matches, env, console),
        _ => sign::run(matches, env, console),
    }
}

/// Help goes to standard output; everything else is a mistake.
fn explain(error: &clap::Error, console: &mut Console) -> Exit {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion) {
        console.line(error.render().to_string().trim_end());
        Exit::Success
    } else {
        console.say(error.render().to_string().trim_end());
        Exit::Usage
    }
}

/// `--hooks`, for the commands that have it.
fn given_hooks(matches: &ArgMatches) -> Flags {
    matches
        .get_many::<OsString>("HOOKS")
        .map(|paths| ("HOOKS", paths.cloned().collect()))
        .into_iter()
        .collect()
}

/// The only setting that most commands other than `serve` take as a flag.
fn given_config(matches: &ArgMatches) -> Flags {
    matches
        .get_one::<OsString>("CONFIG")
        .map(|path| ("CONFIG", vec![path.clone()]))
        .into_iter()
        .collect()
}

/// For commands that wait for something.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}
