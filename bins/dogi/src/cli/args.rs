//! The command line: what there is, and what was given.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{Origin, Problem, did_you_mean, reference};

const ABOUT: &str = "\
Run any git repo over HTTP: opens one URL, clones the repo, builds its Dockerfile, runs it, and
streams the log and the files as they grow.

Try it without a server:   dogi run https://github.com/you/repo
Or in a checkout:          dogi run . --cmd 'make test'";

const EXITS: &str = "\
Exit codes:
    0   all went well
  1-255 `run`, `tail`: the job's own exit code
   64   the command line or a setting is wrong (all mistakes are printed)
   69   something is not there: the address to listen on, the data directory, Docker, the server
   70   a fault of dogi
  124   `run`, `tail`: the job ran into its time-out
  125   `run`, `tail`: the job's program did not end by itself: clone, build or start failed,
        or the job was aborted
  130   stopped by a signal";

const SERVE_AFTER: &str = "\
Every flag has an environment variable and the other way round; flags win, then the environment,
then dogi.yaml, then the default. All wrong settings are reported at once (exit code 64).

  SIGNATURES_SECRET=… dogi serve                 signed URLs only (make them with `dogi sign`)
  dogi serve --bypass-signatures --bind 127.0.0.1  everybody on this machine

SIGTERM or SIGINT: no new connections, responses may finish, running containers stay. A second
signal exits at once.";

const RUN_AFTER: &str = "\
REPO is a URL (https, http, ssh as git@host:owner/repo.git) or a directory: a local checkout runs
as it is on disk, or at --ref. The job's output goes to standard output, everything else to
standard error. Ctrl-C stops the container.

  dogi run . --cmd 'make test' --env CI=true
  dogi run https://github.com/o/r.git --ref v1.2 --file data=/app/data.jsonl --output file_data > data.jsonl";

const TAIL_AFTER: &str = "\
Follows what a run URL or an output URL shows, and goes on where it was when the connection breaks.
What the program writes to its standard output goes to standard output, everything else to standard
error.
A URL with action=run starts the job once. With DOGI_TOKEN set, the URL needs no signature.

  dogi tail 'https://dogi.example.com/https/github.com/o/r.git?action=run&sig=…'";

const SIGN_AFTER: &str = "\
Prints the URL with its signature. Without --expires or --no-expiry the URL is good for 7 days
(--legacy: for ever, as its verifiers know no expiry). The secret comes from SIGNATURES_SECRET or
dogi.yaml. Quote the URL: the shell would take `&` for itself.

  dogi sign 'https://dogi.example.com/https/github.com/o/r.git?action=run' --expires 1h";

const CHECK_AFTER: &str = "\
Reads the settings and the files of hooks as `dogi serve` would (environment, --config and --hooks)
and prints every mistake with its file, line and what was expected. Exits with 64 if there is one.
Of hooks it also tells what is no mistake but worth knowing: one that strangers can run, one that
never runs, values of requests that could be taken for options.
With --event and --payload it explains how a delivery of a forge would be read, which rule of `repos`
decides about it, and what it would start. The payload is the JSON of the delivery, which forges show
beside their webhooks; it needs no signature. --event manual is what somebody sends by hand.

  dogi check --hooks hooks.yaml
  dogi check --config dogi.yaml --event push --payload push.json --forge gitea";

const GC_AFTER: &str = "\
Mirrors of repositories, images of dogi's own builds and finished runs are kept within the budgets
KEEP_MIRROR_BYTES, KEEP_IMAGE_BYTES and KEEP_BYTES; those not used for longest go first, what is in
use never. What belongs to nobody goes too: containers of runs that are over, half-made files. A
server does the first by itself; where one works in DATA_DIR it is asked (DATA_DIR/control.sock),
else this command does it. Give it the settings of the server.

  dogi gc --dry-run";

const BACKUP_AFTER: &str = "\
DIR is a new directory with a copy of the history, the outputs, the deliveries of forges and the name
of the server, as they are at one moment: what can be had again (mirrors, images) is not in it. The
server may run, and goes on. DIR has its name only when it is complete and on the disk. To restore,
put such a directory in the place of DATA_DIR while no server works there.

  dogi backup \"/backup/$(date +%F)\"";

/// Everything that the program understands.
#[must_use]
pub fn command() -> Command {
    Command::new("dogi")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Run any git repo over HTTP")
        .long_about(ABOUT)
        .after_long_help(EXITS)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(serve())
        .subcommand(run())
        .subcommand(tail())
        .subcommand(sign())
        .subcommand(check())
        .subcommand(gc())
        .subcommand(backup())
}

fn serve() -> Command {
    let command = Command::new("serve")
        .about("Serve run URLs over HTTP")
        .after_help(SERVE_AFTER);
    reference::add_flags(command)
}

fn run() -> Command {
    Command::new("run")
        .about("Run a repo once, without a server, and exit with its exit code")
        .after_help(RUN_AFTER)
        .arg(
            Arg::new("REPO")
                .required(true)
                .help("URL or directory of the repo"),
        )
        .arg(option(
            "ref",
            "REF",
            "Branch, tag or commit [default: the default branch]",
        ))
        .arg(option("cmd", "COMMAND", "Command, split at spaces").conflicts_with("bashc"))
        .arg(option("bashc", "SCRIPT", "Command for `bash -c`"))
        .arg(option(
            "image",
            "IMAGE",
            "Run in this image; the repo is at /workspace",
        ))
        .arg(option(
            "pipeline",
            "NODE,…",
            "Run these nodes of the repo's container graph",
        ))
        .arg(repeated(
            "env",
            "NAME=VALUE",
            "Environment variable of the container",
        ))
        .arg(repeated(
            "file",
            "NAME=PATH",
            "File in the container, to follow as file_NAME",
        ))
        .arg(option(
            "output",
            "OUTPUT,…",
            "What to print: log, status, file_NAME, node_NAME [default: log]",
        ))
        .arg(option("df", "PATH", "Dockerfile [default: Dockerfile]"))
        .arg(option(
            "context",
            "DIR",
            "Directory that is the build context [default: the root]",
        ))
        .arg(option(
            "target",
            "STAGE",
            "Stage of the Dockerfile to build",
        ))
        .arg(repeated("build-arg", "NAME=VALUE", "Build argument"))
        .arg(option(
            "timeout",
            "TIME",
            "Stop the job after this time, such as 90s or 1h",
        ))
        .arg(option(
            "memory",
            "BYTES",
            "Memory of the container, such as 512m",
        ))
        .arg(option(
            "cpus",
            "N",
            "Processors of the container, such as 0.5",
        ))
        .arg(switch("rebuild", "Ignore cached images and pull the bases"))
        .arg(switch("quiet", "Print the output only, no progress").short('q'))
        .arg(config_option())
}

fn tail() -> Command {
    Command::new("tail")
        .about("Follow an output of a server, and exit with the job's exit code")
        .after_help(TAIL_AFTER)
        .arg(
            Arg::new("URL")
                .required(true)
                .help("A run URL or an output URL of a dogi server"),
        )
        .arg(
            switch(
                "quiet",
                "Print the output only, no word about reconnections",
            )
            .short('q'),
        )
}

fn sign() -> Command {
    Command::new("sign")
        .about("Sign a URL")
        .after_help(SIGN_AFTER)
        .arg(
            Arg::new("URL")
                .required(true)
                .help("A run URL, or its path and query"),
        )
        .arg(
            option(
                "expires",
                "TIME",
                "How long the URL is good, such as 1h or 30d",
            )
            .conflicts_with("no-expiry"),
        )
        .arg(switch(
            "no-expiry",
            "Let the URL be good for as long as the secret is",
        ))
        .arg(switch(
            "legacy",
            "Sign with SHA-1, for verifiers that know nothing else",
        ))
        .arg(config_option())
}

fn check() -> Command {
    Command::new("check")
        .about("Check the settings and hooks, print every mistake, explain a delivery")
        .after_help(CHECK_AFTER)
        .arg(config_option())
        .arg(hooks_option())
        .arg(
            option(
                "event",
                "EVENT",
                "Explain what this event would start, such as push or pull_request",
            )
            .requires("payload"),
        )
        .arg(option("payload", "FILE", "The event's payload, in JSON").requires("event"))
        .arg(
            option(
                "forge",
                "FORGE",
                "Whose payload it is: github, gitea, forgejo, gitlab [default: github]",
            )
            .requires("event"),
        )
}

fn gc() -> Command {
    Command::new("gc")
        .about("Remove what is not needed, and print what that freed")
        .after_help(GC_AFTER)
        .arg(switch("dry-run", "Only print what would be removed"))
        .arg(switch(
            "all",
            "Remove everything that is not in use, not only what is beyond the budgets",
        ))
        .arg(config_option())
}

fn backup() -> Command {
    Command::new("backup")
        .about("Copy the history and the outputs of DATA_DIR into a new directory")
        .after_help(BACKUP_AFTER)
        .arg(
            Arg::new("DIR")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("The directory to make"),
        )
        .arg(config_option())
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help(help)
        .allow_hyphen_values(true)
}

fn repeated(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    option(name, value, help).action(ArgAction::Append)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .action(ArgAction::SetTrue)
}

/// The one setting that other commands than `serve` take as a flag.
fn config_option() -> Arg {
    Arg::new("CONFIG")
        .long("config")
        .value_name("FILE")
        .help("dogi.yaml [env: CONFIG]")
        .value_parser(clap::value_parser!(OsString))
}

/// The files of hooks, for whoever wants to know what is in them.
fn hooks_option() -> Arg {
    Arg::new("HOOKS")
        .long("hooks")
        .value_name("FILE")
        .help("A file of hooks; may be repeated [env: HOOKS]")
        .action(ArgAction::Append)
        .value_parser(clap::value_parser!(OsString))
}

/// What was given, and what of it nobody knows.
#[derive(Debug)]
pub(super) struct Given {
    pub matches: ArgMatches,
    pub problems: Vec<Problem>,
}

/// Parses a command line. Unknown flags are set aside, so that they are reported together with
/// everything else that is wrong.
///
/// # Errors
/// When clap can't go on (or was asked for help).
pub(super) fn parse(mut args: Vec<OsString>) -> Result<Given, clap::Error> {
    let command = command();
    let mut problems = Vec::new();
    loop {
        let error = match command.clone().try_get_matches_from(&args) {
            Ok(matches) => return Ok(Given { matches, problems }),
            Err(error) => error,
        };
        let Some(at) = unknown_flag(&error).and_then(|flag| position(&args, &flag)) else {
            return Err(error);
        };
        let text = args.remove(at).to_string_lossy().into_owned();
        let (flag, inline) = text
            .split_once('=')
            .map_or((&*text, false), |(flag, _)| (flag, true));
        // What follows an unknown flag was most likely its value.
        if !inline
            && args
                .get(at)
                .is_some_and(|next| !next.to_string_lossy().starts_with('-'))
        {
            args.remove(at);
        }
        problems.push(unknown(flag, &command, &args));
    }
}

fn unknown_flag(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if flag.starts_with("--") => Some(flag.clone()),
        _ => None,
    }
}

fn position(args: &[OsString], flag: &str) -> Option<usize> {
    args.iter().position(|arg| {
        arg.to_str()
            .is_some_and(|arg| arg.split_once('=').map_or(arg, |(name, _)| name) == flag)
    })
}

fn unknown(flag: &str, command: &Command, args: &[OsString]) -> Problem {
    let name = flag.trim_start_matches('-');
    let sub = args
        .iter()
        .skip(1)
        .find_map(|arg| command.find_subcommand(arg));
    let known = sub
        .into_iter()
        .flat_map(Command::get_arguments)
        .filter_map(Arg::get_long);
    let message = format!("unknown flag{}", did_you_mean(name, known));
    Problem::new(Origin::Flag(name.to_owned()), message)
}
