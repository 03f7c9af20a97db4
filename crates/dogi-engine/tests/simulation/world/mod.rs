//! What is there besides the server and outlives it: the store's disk, the containers, whoever is
//! called back, the clients, and time.

mod clients;
mod containers;
mod disk;
mod receiver;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dogi_job::{RunId, UnixMillis};
use tokio::{sync::Notify, time::Instant};

pub(crate) use clients::{Answer, Clients, Follower, LateStart};
pub(crate) use containers::{Containers, Ended, Look, Started};
pub(crate) use disk::{Disk, word};
pub(crate) use receiver::{Received, Receiver};

use crate::{
    chance::Chance,
    plan::{End, Faults, LifePlan, Plan},
};

/// The moment at which every history begins.
const BEGIN: u64 = 1_800_000_000_000;

/// Steps after which a history is taken for endless.
const ENDLESS: usize = 60_000;

/// Everything that outlives a life of the server.
#[derive(Debug)]
pub(crate) struct World {
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) plan: Arc<Plan>,
    pub(crate) chance: Chance,
    pub(crate) containers: Containers,
    pub(crate) disk: Disk,
    pub(crate) receiver: Receiver,
    pub(crate) clients: Clients,
    pub(crate) violations: Vec<String>,
    trace: Vec<String>,
    /// Milliseconds since the beginning, when the current life began.
    clock: u64,
    life: usize,
    began: Option<Instant>,
    points: Option<u64>,
    faults: Faults,
    dead: Option<Arc<Notify>>,
    crashed: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State {
            plan: Arc::new(Plan::new(seed)),
            chance: Chance::branch(seed, 2),
            containers: Containers::default(),
            disk: Disk::default(),
            receiver: Receiver::default(),
            clients: Clients::default(),
            violations: Vec::new(),
            trace: Vec::new(),
            clock: 0,
            life: 0,
            began: None,
            points: None,
            faults: Faults::default(),
            dead: None,
            crashed: false,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a life, within its runtime. `None`: the last one, in which nothing goes wrong.
    pub(crate) fn begin(&self, life: Option<LifePlan>) -> Arc<Notify> {
        let mut state = self.lock();
        let crash = Arc::new(Notify::new());
        state.life += 1;
        state.began = Some(Instant::now());
        state.points = life.map(|life| life.points);
        state.faults = life.map_or_else(Faults::default, |life| life.faults);
        state.crashed = false;
        state.dead = Some(crash.clone());
        let number = state.life;
        state.note(format!("life {number} begins"));
        crash
    }

    /// The life is over; the world goes on for a while without it.
    pub(crate) fn end(&self, how: End, pause: u64) {
        let mut state = self.lock();
        let now = state.now();
        state.note(format!("the life is over: {how:?}"));
        if how != End::Killed {
            let mut chance = state.chance.clone();
            state.disk.lose_power(&mut chance);
            state.chance = chance;
            state.containers.stop_all(now);
        }
        if how == End::PowerCutWithoutContainers {
            state.containers.vanish();
        }
        state.clock = now + pause;
        state.began = None;
        state.dead = None;
        // Whatever of it is left does nothing any more.
        state.crashed = true;
    }

    /// Takes a while, does `act` in one step, and takes a while again. Never returns when the server
    /// crashes meanwhile, whether before or after the step was done.
    pub(crate) async fn act<T>(&self, what: &str, act: impl FnOnce(&mut State) -> T) -> T {
        self.pause().await;
        let Some(done) = self.step(what, act) else {
            return std::future::pending().await;
        };
        self.pause().await;
        match self.is_dead() {
            true => std::future::pending().await,
            false => done,
        }
    }

    /// One step; `None` when the server is dead, or dies now.
    pub(crate) fn step<T>(&self, what: &str, act: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = self.lock();
        if state.crashed || state.crash_point(&format!("before {what}")) {
            return None;
        }
        state.note(what.to_owned());
        let done = act(&mut state);
        match state.crash_point(&format!("after {what}")) {
            true => None,
            false => Some(done),
        }
    }

    /// What is no deed of the server's: not possible for the dead, but no point to die at.
    pub(crate) async fn alive<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let done = {
            let mut state = self.lock();
            (!state.crashed).then(|| act(&mut state))
        };
        match done {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.lock().crashed
    }

    /// Takes a random while.
    pub(crate) async fn pause(&self) {
        let wait = {
            let mut state = self.lock();
            let slow = state.faults.slow;
            match state.chance.percent(slow) {
                true => state.chance.between(500, 8_000),
                false => state.chance.pick(&[0, 0, 1, 2, 5, 20, 60]),
            }
        };
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        UnixMillis(BEGIN + self.lock().now())
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }
}

impl State {
    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        let lived = self.began.map(|began| began.elapsed().as_millis());
        self.clock + u64::try_from(lived.unwrap_or_default()).expect("a history is short")
    }

    /// From now on the server does nothing any more.
    pub(crate) fn die(&mut self) {
        self.crashed = true;
    }

    pub(crate) fn life(&self) -> usize {
        self.life
    }

    pub(crate) fn note(&mut self, what: String) {
        let line = format!("{:>8} {what}", self.now());
        self.trace.push(line);
        assert!(self.trace.len() < ENDLESS, "it goes on for ever");
    }

    pub(crate) fn violate(&mut self, what: String) {
        self.note(format!("VIOLATION: {what}"));
        self.violations.push(what);
    }

    /// How a run is called in the trace: by the operation that submitted it.
    pub(crate) fn name(&self, run: &RunId) -> String {
        match self.disk.operation(run) {
            Some(operation) => format!("r{operation}"),
            None => "an unknown run".to_owned(),
        }
    }

    /// Whether something fails now that fails now and then.
    pub(crate) fn fails(&mut self) -> bool {
        let percent = self.faults.fail;
        self.chance.percent(percent)
    }

    /// Whether the store takes nothing now.
    pub(crate) fn store_fails(&mut self) -> bool {
        let now = self.now();
        let percent = self.faults.store;
        let stopped = self.plan.store_stops.iter();
        stopped
            .clone()
            .any(|(from, to)| (*from..*to).contains(&now))
            || self.chance.percent(percent)
    }

    pub(crate) fn receiver_fails(&mut self) -> bool {
        let percent = self.faults.receiver;
        self.chance.percent(percent)
    }

    /// Whether the engine behind the runner answers; it has ended what it had to end.
    pub(crate) fn engine_is_there(&mut self) -> bool {
        let now = self.now();
        let plan = self.plan.clone();
        for stop in plan.engine_stops.iter().filter(|stop| stop.from <= now) {
            if !stop.live_restore {
                self.containers.stop_all(stop.from);
            }
        }
        !plan
            .engine_stops
            .iter()
            .any(|stop| (stop.from..stop.to).contains(&now))
    }

    fn crash_point(&mut self, what: &str) -> bool {
        match &mut self.points {
            None => false,
            Some(0) => {
                self.points = None;
                self.note(format!("crash {what}"));
                self.crashed = true;
                if let Some(dead) = &self.dead {
                    dead.notify_one();
                }
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}
