//! What is going to happen under a seed: what clients do, how often the server crashes, what
//! fails.

use dogi_job::{Spec, Submit};

use crate::{
    chance::Chance,
    spec::{Job, spec_of},
};

/// Milliseconds of virtual time in which clients ask for something.
const BUSY: u64 = 40_000;

/// One simulated history.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) running: usize,
    pub(crate) queued: usize,
    pub(crate) keep_runs: usize,
    /// In the order of time; the index is the number of the operation.
    pub(crate) operations: Vec<(u64, Operation)>,
    /// How each life but the last one ends.
    pub(crate) lives: Vec<LifePlan>,
    /// When the engine behind the runner does not answer, from and to.
    pub(crate) engine_stops: Vec<EngineStop>,
    /// When the store takes nothing.
    pub(crate) store_stops: Vec<(u64, u64)>,
}

/// What somebody wants of the server.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Submit {
        spec: Box<Spec>,
        how: Submit,
        /// The client goes away after so many milliseconds, and with it the run.
        lease: Option<u64>,
        /// The client goes away before it is answered.
        impatient: Option<u64>,
    },
    /// Aborts the instance of an earlier submission.
    Abort { like: usize },
    /// Aborts the run of an earlier submission.
    AbortRun { of: usize },
}

/// How a life of the server goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LifePlan {
    /// It crashes after so many points where it could.
    pub(crate) points: u64,
    pub(crate) end: End,
    /// How long the machine is without it afterwards.
    pub(crate) pause: u64,
    pub(crate) faults: Faults,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process is killed; everything else goes on.
    Killed,
    /// The machine loses its power: containers end, and what was not synced may be lost.
    PowerCut,
    /// The machine loses its power, and its containers are gone when it is back.
    PowerCutWithoutContainers,
}

/// How often something goes wrong, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) fail: u64,
    pub(crate) slow: u64,
    pub(crate) store: u64,
    pub(crate) receiver: u64,
}

/// The engine behind the runner stops and comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineStop {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Whether its containers go on meanwhile.
    pub(crate) live_restore: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::branch(seed, 1);
        let many_groups = chance.percent(30);
        let count = chance.between(2, 12);
        let mut times: Vec<u64> = (0..count).map(|_| chance.below(BUSY)).collect();
        // Some come at once.
        if chance.percent(40) {
            let burst = chance.below(BUSY);
            let together = chance.between(0, count);
            let together = usize::try_from(together).expect("few operations");
            times.iter_mut().take(together).for_each(|at| *at = burst);
        }
        times.sort_unstable();
        let mut operations: Vec<(u64, Operation)> = Vec::new();
        for at in times {
            let number = operations.len();
            let operation = operation(&mut chance, number, many_groups);
            operations.push((at, operation));
        }
        let crashes = chance.between(0, 4);
        let lives = (0..crashes).map(|_| life(&mut chance)).collect();
        Self {
            running: usize::try_from(chance.between(1, 4)).expect("small"),
            queued: usize::try_from(chance.pick(&[1, 3, 20])).expect("small"),
            keep_runs: usize::try_from(chance.pick(&[1, 2, 100, 100])).expect("small"),
            operations,
            lives,
            engine_stops: engine_stops(&mut chance),
            store_stops: store_stops(&mut chance),
        }
    }

    /// The specification of the submission `number`, or of one before it.
    pub(crate) fn spec(&self, number: usize) -> Option<&Spec> {
        let earlier = self.operations.iter().take(number + 1).rev();
        earlier
            .filter_map(|(_, operation)| match operation {
                Operation::Submit { spec, .. } => Some(&**spec),
                Operation::Abort { .. } | Operation::AbortRun { .. } => None,
            })
            .next()
    }
}

fn operation(chance: &mut Chance, number: usize, many_groups: bool) -> Operation {
    let kind = if number == 0 { 99 } else { chance.below(100) };
    let of = usize::try_from(chance.below(number.max(1) as u64)).expect("small");
    match kind {
        0..10 => Operation::Abort { like: of },
        10..18 => Operation::AbortRun { of },
        _ => {
            let job = Job::random(chance, many_groups);
            Operation::Submit {
                spec: Box::new(spec_of(number, &job)),
                how: chance.pick(&[Submit::Run, Submit::Restart, Submit::Restart]),
                lease: chance.percent(12).then(|| chance.below(8_000)),
                impatient: chance.percent(8).then(|| chance.below(40)),
            }
        }
    }
}

fn life(chance: &mut Chance) -> LifePlan {
    let longest = chance.pick(&[12, 60, 250, 800]);
    let troubled = chance.percent(60);
    let failing = chance.pick(&[6, 6, 40]);
    let mut some = |most: u64| if troubled { chance.below(most) } else { 0 };
    let faults = Faults {
        fail: some(failing),
        slow: some(15),
        store: some(12),
        receiver: some(60),
    };
    LifePlan {
        points: chance.below(longest),
        end: chance.pick(&[
            End::Killed,
            End::Killed,
            End::Killed,
            End::Killed,
            End::PowerCut,
            End::PowerCutWithoutContainers,
        ]),
        pause: chance.pick(&[0, 10, 1_000, 20_000]),
        faults,
    }
}

fn engine_stops(chance: &mut Chance) -> Vec<EngineStop> {
    let count = chance.pick(&[0, 0, 0, 1, 2]);
    let mut stops: Vec<_> = (0..count)
        .map(|_| {
            let from = chance.below(BUSY + 10_000);
            EngineStop {
                from,
                to: from + chance.between(50, 6_000),
                live_restore: chance.percent(50),
            }
        })
        .collect();
    stops.sort_by_key(|stop| stop.from);
    stops
}

fn store_stops(chance: &mut Chance) -> Vec<(u64, u64)> {
    let count = chance.pick(&[0, 0, 0, 1]);
    let stop = |_| {
        let from = chance.below(BUSY);
        (from, from + chance.between(50, 15_000))
    };
    (0..count).map(stop).collect()
}
