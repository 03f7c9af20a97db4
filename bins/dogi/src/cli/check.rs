//! `dogi check`: everything that `dogi serve` would say about its settings, and nothing started.

use clap::ArgMatches;

use super::console::Console;
use super::exit::Exit;
use super::given_config;
use crate::config::{Environment, Problem, Purpose, Report, Settings};

pub(super) fn run(
    matches: &ArgMatches,
    mut problems: Vec<Problem>,
    env: &Environment,
    console: &mut Console,
) -> Exit {
    let settings = match Settings::load(&given_config(matches), env, Purpose::Other) {
        Ok(settings) => Some(settings),
        Err(report) => {
            problems.extend(report.0);
            None
        }
    };
    for warning in settings.iter().flat_map(|settings| &settings.warnings) {
        console.say(format_args!("warning: {warning}"));
    }
    match settings {
        Some(settings) if problems.is_empty() => {
            if settings.access.keys.is_none() && !settings.access.bypass {
                console.say(
                    "warning: neither SIGNATURES_SECRET nor BYPASS_SIGNATURES=true is set: \
                     `dogi serve` would not start",
                );
            }
            console.line("the settings are good");
            Exit::Success
        }
        _ => {
            console.error(Report(problems));
            Exit::Usage
        }
    }
}
