//! Generic hooks beside the `webhook` program that they stand in for: requests refused and served
//! per second, what that takes in memory, and whether a command that was promised runs.

mod load;
mod original;
mod payload;
mod trace;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Row, idle::Memory, lab::Lab};
use crate::{Result, failure::Doing as _, say, server::Dogi};

use load::{CONNECTIONS, Load, Tally, Until};
use original::Webhook;
use trace::Trace;

/// How often each side has its turn, and how long that is.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);

/// Requests whose commands run after the answer.
const BACKGROUND: usize = 10_000;

/// What stands in the table for a program that is not there.
const NOT_HERE: &str = "`webhook` is not installed";

/// A row of requests per second.
#[derive(Clone, Copy, Debug)]
struct Case {
    hook: &'static str,
    what: &'static str,
    /// The body of each answer.
    answer: &'static str,
    /// So many times the other's requests are wanted.
    wanted: f64,
}

const CASES: &[Case] = &[
    Case {
        hook: "rejected",
        what: "rejected by a rule on the payload",
        answer: "Hook rules were not satisfied.",
        wanted: 3.0,
    },
    Case {
        hook: "signed",
        what: "HMAC-SHA-256 right, `/bin/true` run, its output the answer",
        answer: "",
        wanted: 1.3,
    },
];

/// What is wanted of the other's memory, at most.
const WANTED_MEMORY: f64 = 0.5;

pub(super) async fn measure(lab: &Lab) -> Result<Vec<Row>> {
    let original = original::find();
    if original.is_none() {
        say::line(format_args!("{NOT_HERE}: dogi alone is measured"));
    }
    let bench = Bench {
        lab,
        original,
        body: payload::push(),
    };
    let (mut rows, waited_for) = bench.waited_for().await?;
    let (row, in_background) = bench.in_background().await?;
    rows.push(row);
    rows.push(bench.memory_of_all(waited_for.max(in_background)));
    Ok(rows)
}

struct Bench<'l> {
    lab: &'l Lab,
    original: Option<PathBuf>,
    body: String,
}

/// Both servers, with nothing behind them yet, and what their commands leave.
struct Sides {
    dogi: Dogi,
    trace: Trace,
    beside: Option<(Webhook, Trace)>,
}

impl Bench<'_> {
    async fn start(&self, folder: &Path) -> Result<Sides> {
        let trace = Trace::new(folder.join("dogi"))?;
        let hooks = hooks_file(folder.join("dogi.yaml"), &trace)?;
        let arguments = ["--hooks".as_ref(), hooks.as_os_str()];
        let binary = self.lab.dogi.binary().to_owned();
        let dogi = Dogi::start_with(binary, "bench-hooks", &arguments).await?;
        let beside = match &self.original {
            None => None,
            Some(program) => {
                let trace = Trace::new(folder.join("webhook"))?;
                let hooks = hooks_file(folder.join("webhook.yaml"), &trace)?;
                Some((Webhook::start(program, &hooks).await?, trace))
            }
        };
        Ok(Sides {
            dogi,
            trace,
            beside,
        })
    }

    fn load(&self, server: SocketAddr, hook: &str, wanted: Option<&'static str>) -> Load {
        let request = payload::request(server, hook, &self.body);
        Load {
            server,
            request: Arc::from(request),
            wanted,
        }
    }

    fn name(&self, what: &str) -> String {
        let size = self.body.len() as f64 / 1000.0;
        format!("hooks, {CONNECTIONS} connections, {size:.0} KB of JSON: {what}")
    }

    /// Whoever sends waits for the outcome.
    async fn waited_for(&self) -> Result<(Vec<Row>, Resident)> {
        let folder = self.lab.folder.path().join("hooks-waited-for");
        let sides = self.start(&folder).await?;
        let mut rows = Vec::new();
        let mut own = Own::default();
        for case in CASES {
            rows.push(self.rates(&sides, case, &mut own).await?);
        }
        let resident = Resident::of(&sides)?;
        rows.push(self.memory("the two above", resident, own));
        sides.dogi.stop().await?;
        Ok((rows, resident))
    }

    /// Both sides take turns; the first of each is not counted.
    async fn rates(&self, sides: &Sides, case: &Case, own: &mut Own) -> Result<Row> {
        let load = |server| self.load(server, case.hook, Some(case.answer));
        let dogi = load(sides.dogi.address());
        let beside = sides.beside.as_ref().map(|(it, _)| load(it.address));
        let (mut rates, mut rates_beside) = (Vec::new(), Vec::new());
        for round in 0..=self.lab.times(ROUNDS) {
            let tally = dogi.run(Until::Time(ROUND)).await?;
            let other = match &beside {
                Some(beside) => Some(beside.run(Until::Time(ROUND)).await?),
                None => None,
            };
            own.look(sides)?;
            if round > 0 {
                rates.push(tally.per_second());
                rates_beside.extend(other.as_ref().map(Tally::per_second));
            }
        }
        let ratio = middle(&mut rates) / middle(&mut rates_beside);
        let measured = !rates_beside.is_empty();
        Ok(Row {
            what: self.name(case.what),
            dogi: per_second(&mut rates),
            beside: match measured {
                true => per_second(&mut rates_beside),
                false => NOT_HERE.to_owned(),
            },
            ratio: or_dash(measured, ratio),
            wanted: wanted(measured, format!("≥ {}", case.wanted)),
            met: !measured || ratio >= case.wanted,
        })
    }

    /// What was resident, and what of it is no page of a program: how much of a program is resident
    /// differs with what the kernel has cached of its file.
    fn memory(&self, when: &str, resident: Resident, own: Own) -> Row {
        let text = |resident: u64, own: u64| {
            let own = megabytes(own);
            format!("{} ({own} of it its own)", megabytes(resident))
        };
        let beside = resident.beside;
        Row {
            what: self.name(&format!("the most of resident memory in {when}")),
            dogi: text(resident.dogi, own.dogi),
            beside: beside.map_or_else(|| NOT_HERE.to_owned(), |it| text(it, own.beside)),
            ratio: or_dash(beside.is_some(), resident.ratio()),
            wanted: "measured".to_owned(),
            met: true,
        }
    }

    /// Of everything that was asked of them.
    fn memory_of_all(&self, resident: Resident) -> Row {
        let beside = resident.beside.map(megabytes);
        let what = "the most of resident memory in all of the above";
        self.compared(what, megabytes(resident.dogi), beside, resident.ratio())
    }

    fn compared(&self, what: &str, dogi: String, beside: Option<String>, ratio: f64) -> Row {
        let measured = beside.is_some();
        Row {
            what: self.name(what),
            dogi,
            beside: beside.unwrap_or_else(|| NOT_HERE.to_owned()),
            ratio: or_dash(measured, ratio),
            wanted: wanted(measured, format!("≤ {WANTED_MEMORY}")),
            met: !measured || ratio <= WANTED_MEMORY,
        }
    }

    /// The answer comes first, the command by and by.
    async fn in_background(&self) -> Result<(Row, Resident)> {
        let folder = self.lab.folder.path().join("hooks-in-background");
        let sides = self.start(&folder).await?;
        let count = match self.lab.times(usize::MAX) {
            usize::MAX => BACKGROUND,
            _ => BACKGROUND / 10,
        };
        let dogi = self.promised(sides.dogi.address(), &sides.trace, count);
        let dogi = dogi.await?;
        let beside = match &sides.beside {
            Some((it, trace)) => Some(self.promised(it.address, trace, count).await?),
            None => None,
        };
        let what = format!("{count} answered before their commands run: of those promised, run");
        let row = Row {
            what: self.name(&what),
            dogi: dogi.to_string(),
            beside: beside.map_or_else(|| NOT_HERE.to_owned(), |it| it.to_string()),
            ratio: "–".to_owned(),
            wanted: "all".to_owned(),
            met: dogi.ran == dogi.promised,
        };
        let resident = Resident::of(&sides)?;
        sides.dogi.stop().await?;
        Ok((row, resident))
    }

    async fn promised(&self, server: SocketAddr, trace: &Trace, count: usize) -> Result<Promised> {
        let watch = say::Watch::start();
        let load = self.load(server, "background", None);
        let tally = load.run(Until::Count(count)).await?;
        let promised = tally.good();
        let ran = trace.wait_for(promised).await?;
        Ok(Promised {
            promised,
            refused: tally.all() - promised,
            ran,
            answered: tally.time,
            time: watch.elapsed(),
        })
    }
}

/// The most that each side had allocated at the end of a turn, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    dogi: u64,
    beside: u64,
}

impl Own {
    fn look(&mut self, sides: &Sides) -> Result<()> {
        self.dogi = self.dogi.max(Memory::of(&sides.dogi)?.own);
        if let Some((it, _)) = &sides.beside {
            self.beside = self.beside.max(Memory::of_process(it.process())?.own);
        }
        Ok(())
    }
}

/// The most that was ever resident of each side, in bytes.
#[derive(Clone, Copy, Debug)]
struct Resident {
    dogi: u64,
    beside: Option<u64>,
}

impl Resident {
    fn of(sides: &Sides) -> Result<Self> {
        let beside = match &sides.beside {
            Some((it, _)) => Some(Memory::of_process(it.process())?.peak),
            None => None,
        };
        Ok(Self {
            dogi: Memory::of(&sides.dogi)?.peak,
            beside,
        })
    }

    fn max(self, other: Self) -> Self {
        Self {
            dogi: self.dogi.max(other.dogi),
            beside: self.beside.max(other.beside),
        }
    }

    fn ratio(self) -> f64 {
        self.dogi as f64 / self.beside.map_or(f64::NAN, |bytes| bytes as f64)
    }
}

/// What became of requests that were answered before their commands ran.
#[derive(Clone, Copy, Debug)]
struct Promised {
    /// Answered with a 2xx.
    promised: usize,
    refused: usize,
    ran: usize,
    /// Until the last answer, and until the last command.
    answered: Duration,
    time: Duration,
}

impl std::fmt::Display for Promised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            promised,
            refused,
            ran,
            answered,
            time,
        } = self;
        let (answered, time) = (say::duration(*answered), say::duration(*time));
        write!(
            f,
            "{ran} of {promised}, {refused} refused; answers took {answered}, all {time}"
        )
    }
}

/// The same hooks for both.
fn hooks_file(path: PathBuf, trace: &Trace) -> Result<PathBuf> {
    let (secret, command) = (payload::SECRET, trace.command());
    let text = format!(
        "- id: rejected
  execute-command: /bin/true
  trigger-rule:
    match: {{type: value, value: refs/heads/other, parameter: {{source: payload, name: ref}}}}
- id: signed
  execute-command: /bin/true
  include-command-output-in-response: true
  trigger-rule:
    match:
      type: payload-hmac-sha256
      secret: {secret}
      parameter: {{source: header, name: X-Hub-Signature-256}}
- id: background
  execute-command: /bin/sh
  pass-arguments-to-command:
  - {{source: string, name: -c}}
  - {{source: string, name: \"{command}\"}}
"
    );
    fs::write(&path, text).doing(format!("write {}", path.display()))?;
    Ok(path)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn per_second(values: &mut [f64]) -> String {
    let median = middle(values);
    let (least, most) = (values.first(), values.last());
    let [least, most] = [least, most].map(|value| value.copied().unwrap_or(f64::NAN));
    format!("{median:.0} /s ({least:.0} to {most:.0})")
}

/// Without the other side there is nothing to be met.
fn wanted(measured: bool, wanted: String) -> String {
    match measured {
        true => wanted,
        false => "measured".to_owned(),
    }
}

fn or_dash(measured: bool, ratio: f64) -> String {
    match measured {
        true => format!("{ratio:.2}"),
        false => "–".to_owned(),
    }
}
