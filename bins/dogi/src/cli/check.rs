//! `dogi check`: everything that `dogi serve` would say about its settings and hooks, what a
//! delivery would start, and nothing started.

mod event;

use std::time::Duration;

use clap::ArgMatches;
use dogi_hooks::incoming::{Finding, Hooks, Severity};

use super::console::Console;
use super::exit::Exit;
use super::{given_config, given_hooks};
use crate::config::{Environment, Problem, Purpose, Report, Settings, hook_files};
use crate::hooks;

pub(super) fn run(
    matches: &ArgMatches,
    mut problems: Vec<Problem>,
    env: &Environment,
    console: &mut Console,
) -> Exit {
    let mut flags = given_config(matches);
    flags.extend(given_hooks(matches));
    let settings = match Settings::load(&flags, env, Purpose::Other) {
        Ok(settings) => Some(settings),
        Err(report) => {
            problems.extend(report.0);
            None
        }
    };
    for warning in settings.iter().flat_map(|settings| &settings.warnings) {
        console.say(format_args!("warning: {warning}"));
    }
    let hooks = match &settings {
        Some(settings) => hooks::files(settings),
        // What is wrong elsewhere is not to hide what is wrong in them.
        None => hooks::HookFiles::new(hook_files(&flags, env), env.clone(), Duration::MAX),
    };
    match hooks.read().0 {
        Ok(loaded) => explain(&loaded.hooks, console),
        Err(report) => problems.extend(report.0),
    }
    let told = event::read(matches).unwrap_or_else(|wrong| {
        problems.extend(wrong);
        None
    });
    match settings {
        Some(settings) if problems.is_empty() => {
            if !settings.can_be_used() {
                console.say(
                    "warning: neither SIGNATURES_SECRET nor BYPASS_SIGNATURES=true is set, and \
                     there are no hooks and no webhooks: `dogi serve` would not start",
                );
            }
            console.line("the settings are good");
            for line in told.iter().flat_map(|told| event::explain(told, &settings)) {
                console.line(line);
            }
            Exit::Success
        }
        _ => {
            console.error(Report(problems));
            Exit::Usage
        }
    }
}

/// What there is, and what is worth knowing of it.
fn explain(hooks: &Hooks, console: &mut Console) {
    for finding in hooks.explain() {
        console.say(format_args!("{}: {finding}", label(finding)));
    }
    if !hooks.is_empty() {
        let ids: Vec<&str> = hooks.iter().map(|hook| hook.id()).collect();
        console.line(format_args!("{} hooks: {}", ids.len(), ids.join(", ")));
    }
}

fn label(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Open | Severity::Never => "warning",
        Severity::Advice => "advice",
    }
}
