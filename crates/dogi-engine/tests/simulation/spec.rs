//! The runs that clients ask for, and what their containers do.

use dogi_job::Spec;
use dogi_url::{EnvName, Namespace, RawTarget, RunRequest, Unverified};

use crate::chance::Chance;

/// A job, as far as the simulation tells jobs apart.
#[derive(Debug)]
pub(crate) struct Job {
    repo: u64,
    id: u64,
    group: Option<(u64, &'static str)>,
    callback: Option<&'static str>,
    timeout: Option<u64>,
    script: Script,
}

/// What a container does once it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Script {
    /// How many lines it prints, the first at once.
    pub(crate) lines: u64,
    /// Milliseconds between two lines.
    pub(crate) every: u64,
    /// How it ends after the last line.
    pub(crate) code: i64,
}

impl Job {
    pub(crate) fn random(chance: &mut Chance, many_groups: bool) -> Self {
        let policies = ["queue", "queue", "replace", "reject"];
        let group = if many_groups { 60 } else { 10 };
        Self {
            repo: chance.below(2),
            id: chance.below(3),
            group: chance
                .percent(group)
                .then(|| (chance.below(2), chance.pick(&policies))),
            callback: chance
                .percent(50)
                .then(|| chance.pick(&["always", "success", "failure"])),
            timeout: chance.percent(15).then(|| chance.between(1, 10)),
            script: Script {
                lines: chance.below(8),
                every: chance.pick(&[0, 1, 30, 700, 3_000]),
                code: chance.pick(&[0, 0, 0, 1, 137]),
            },
        }
    }
}

/// The environment variable that names the operation and what the container does.
const SCRIPT: &str = "SCRIPT";

/// What the run URL of `job` asks for. The environment carries the number of the operation and the
/// script.
pub(crate) fn spec_of(number: usize, job: &Job) -> Spec {
    let Script { lines, every, code } = job.script;
    let mut target = format!(
        "/https/h/r{}.git?id=i{}&env_{SCRIPT}={number}.{lines}.{every}.{code}",
        job.repo, job.id
    );
    if let Some((group, policy)) = job.group {
        target += &format!("&group=g{group}&group_policy={policy}");
    }
    if let Some(on) = job.callback {
        target += &format!("&cb=https://c.example/{number}&cb_on={on}");
    }
    if let Some(seconds) = job.timeout {
        target += &format!("&timeout={seconds}s");
    }
    let raw = RawTarget::split(&target).expect("a valid target");
    let verified = Unverified::new(raw)
        .danger_accept_unsigned()
        .expect("no signature needed");
    let request = RunRequest::parse(&verified, None).expect("valid parameters");
    Spec::from_request(&request, &Namespace::default())
}

/// The operation that submitted `spec`, and what its container does.
pub(crate) fn script_of(spec: &Spec) -> (usize, Script) {
    let name: EnvName = SCRIPT.parse().expect("a name of a variable");
    let text = spec.env.get(&name).expect("every run has a script");
    let mut numbers = text.split('.').map(|part| {
        let number: i64 = part.parse().expect("a script is made of numbers");
        number
    });
    let mut next = || numbers.next().expect("a script has four numbers");
    let operation = usize::try_from(next()).expect("an index");
    let (lines, every) = (next().unsigned_abs(), next().unsigned_abs());
    let code = next();
    (operation, Script { lines, every, code })
}

impl Script {
    /// Everything that it prints in the first `after` milliseconds.
    pub(crate) fn printed(&self, after: u64) -> String {
        let lines = match self.every {
            0 => self.lines,
            every => self.lines.min((after / every).saturating_add(1)),
        };
        (0..lines).map(|line| format!("line {line}\n")).collect()
    }

    /// When it ends by itself.
    pub(crate) fn end(&self) -> u64 {
        self.lines * self.every + 5
    }
}
