//! `cargo xtask bench`: dogi beside what it stands in for, on the same machine, in
//! the same minutes. Both sides of a row take turns; a row is the ratio of their
//! medians, which a busy machine changes less than it changes seconds.

mod followers;
mod hooks;
mod idle;
mod lab;
mod latency;
mod log;
mod runs;
mod stats;

use std::{fs, process::Command};

use crate::{
    Failure, Result,
    docker::Engine,
    failure::Doing as _,
    host, say,
    server::{self, Dogi},
    setup,
};

use lab::Lab;

/// What can be measured.
const ROWS: &[&str] = &[
    "idle",
    "warm",
    "cold",
    "log",
    "latency",
    "followers",
    "hooks",
];

/// A thousand readers are a thousand sockets on both sides.
const OPEN_FILES: u64 = 4096;

/// How the shell says that it may not have them.
const NO_FILES: i32 = 97;

/// A line of the table.
#[derive(Debug)]
struct Row {
    what: String,
    dogi: String,
    beside: String,
    ratio: String,
    wanted: String,
    met: bool,
}

/// Measures, and prints a Markdown table.
///
/// # Errors
///
/// When something does not work; a number that falls short is not an error.
pub async fn run(quick: bool, rows: &[String]) -> Result<()> {
    if let Some(strange) = rows.iter().find(|row| !ROWS.contains(&row.as_str())) {
        return Failure::err(format!("there is no row `{strange}`: {}", ROWS.join(", ")));
    }
    if cfg!(debug_assertions) || open_files()? < OPEN_FILES {
        return again(quick, rows).await;
    }
    setup::prepare(setup::Need::Bench).await?;
    let binary = server::compile("dogi", true).await?;
    let dogi = Dogi::start(binary, "bench").await?;
    let lab = Lab::new(dogi, quick).await?;
    let measured = measure(&lab, rows).await;
    let log = lab.dogi.log();
    lab.dogi.stop().await?;
    let table = measured.map_err(|e| Failure::new(format!("{e}\n\ndogi's own log:\n{log}")))?;
    print(&table, quick)
}

async fn measure(lab: &Lab, rows: &[String]) -> Result<Vec<Row>> {
    let mut table = Vec::new();
    for name in ROWS
        .iter()
        .filter(|name| rows.is_empty() || rows.iter().any(|row| row == *name))
    {
        say::step(format_args!("measuring: {name}"));
        let rows = match *name {
            "idle" => idle::measure(lab).await?,
            "warm" => runs::warm(lab).await?,
            "cold" => runs::cold(lab).await?,
            "log" => log::measure(lab).await?,
            "latency" => latency::measure(lab).await?,
            "followers" => followers::measure(lab).await?,
            _ => hooks::measure(lab).await?,
        };
        for row in &rows {
            say::line(row.markdown());
        }
        table.extend(rows);
    }
    Ok(table)
}

fn print(table: &[Row], quick: bool) -> Result<()> {
    say::line("");
    say::line(format_args!(
        "{}, {}",
        host::describe(),
        Engine::find()?.describe()?
    ));
    if quick {
        say::line("With --quick: too few repetitions to be published.");
    }
    say::line("\n| what | dogi | beside it | ratio | wanted | |\n|---|---|---|---|---|---|");
    for row in table {
        say::line(row.markdown());
    }
    Ok(())
}

impl Row {
    fn markdown(&self) -> String {
        let Self {
            what,
            dogi,
            beside,
            ratio,
            wanted,
            met,
        } = self;
        let met = if *met { "met" } else { "**missed**" };
        format!("| {what} | {dogi} | {beside} | {ratio} | {wanted} | {met} |")
    }
}

/// How many files this process may open.
fn open_files() -> Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits").doing("read /proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next());
    Ok(soft.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX))
}

/// The same with an optimised client, which is not to be what is measured, and with a
/// limit that the shell raises and its child inherits.
async fn again(quick: bool, rows: &[String]) -> Result<()> {
    let me = server::compile("xtask", true).await?;
    let script = format!("ulimit -n {OPEN_FILES} || exit {NO_FILES}; exec \"$0\" \"$@\"");
    let status = Command::new("sh")
        .args(["-c", &script])
        .arg(me)
        .arg("bench")
        .args(quick.then_some("--quick"))
        .args(rows)
        .status()
        .doing("run sh")?;
    match status.code() {
        Some(0) => Ok(()),
        Some(NO_FILES) => Failure::err(format!(
            "the benchmark opens {OPEN_FILES} files, and `ulimit -Hn` does not allow them"
        )),
        _ => Failure::err(format!("the benchmark failed ({status}), as it says above")),
    }
}
