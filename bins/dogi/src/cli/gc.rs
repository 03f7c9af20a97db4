//! `dogi gc`: makes room, by way of the server if one runs, else by itself.

use clap::ArgMatches;
use dogi_engine::governor::{CollectReport, CollectRequest, Collected};
use dogi_job::UnixMillis;

use super::console::Console;
use super::exit::Exit;
use super::{given_config, runtime};
use crate::config::{Environment, Purpose, Settings};
use crate::control;
use crate::http;
use crate::wire::{self, WireError};

pub(super) fn run(matches: &ArgMatches, env: &Environment, console: &mut Console) -> Exit {
    let settings = match Settings::load(&given_config(matches), env, Purpose::Other) {
        Ok(settings) => settings,
        Err(report) => {
            console.error(report);
            return Exit::Usage;
        }
    };
    let request = CollectRequest {
        dry_run: matches.get_flag("dry-run"),
        everything: matches.get_flag("all"),
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(gc(&settings, request, console)),
        Err(error) => {
            console.error(format_args!("cannot start: {error}"));
            Exit::Internal
        }
    }
}

async fn gc(settings: &Settings, request: CollectRequest, console: &mut Console) -> Exit {
    let report = match wire::idle(settings).await {
        Ok(wired) => {
            let report = wired.engine.collect(request).await;
            drop(wired);
            report
        }
        Err(WireError::InUse { path }) => match control::collect(&path, request).await {
            Ok(report) => report,
            Err(error) => {
                console.error(crate::chain(&error));
                return Exit::Unavailable;
            }
        },
        Err(error) => {
            console.error(crate::chain(&error));
            return match error {
                WireError::Docker(_) => Exit::Usage,
                _ => Exit::Unavailable,
            };
        }
    };
    print(&report, console);
    match report.failed.is_empty() {
        true => Exit::Success,
        false => Exit::Unavailable,
    }
}

fn print(report: &CollectReport, console: &mut Console) {
    if !report.removed.is_empty() {
        console.line(row("KIND", "SIZE", "LAST USED", "WHAT"));
    }
    for one in &report.removed {
        let Collected {
            kind,
            what,
            bytes,
            last_used,
        } = one;
        let used = last_used.map_or_else(|| "-".to_owned(), moment);
        console.line(row(kind, &size(*bytes), &used, what));
    }
    let verb = if report.dry_run {
        "would free"
    } else {
        "freed"
    };
    let freed = size(report.freed());
    console.line(format_args!(
        "{verb} {freed} ({})",
        things(report.removed.len())
    ));
    for skipped in &report.skipped {
        console.say(format_args!("left out: {skipped}"));
    }
    for failed in &report.failed {
        console.error(failed);
    }
}

fn row(kind: &str, size: &str, used: &str, what: &str) -> String {
    format!("{kind:<10} {size:>10}  {used:<20}  {what}")
}

fn moment(at: UnixMillis) -> String {
    // To the second: it stands in a table.
    http::moment(UnixMillis::from_secs(at.as_secs())).unwrap_or_else(|| "-".to_owned())
}

fn things(count: usize) -> String {
    match count {
        1 => "1 thing".to_owned(),
        count => format!("{count} things"),
    }
}

/// `12.3 MiB`
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}
