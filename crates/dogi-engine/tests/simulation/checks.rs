//! What must hold when everything is quiet, whatever happened before.

use std::{collections::BTreeSet, path::Path};

use dogi_engine::RunHandle;
use dogi_job::{Event, Phase, RunId, Spec, State as RunState, StopCause, Submit};
use dogi_stream::Log;
use dogi_url::{CallbackOn, GroupPolicy, OutputName};

use crate::{
    clients::Client,
    plan::Operation,
    ports::job_bytes,
    spec::script_of,
    world::{Answer, State},
};

/// Says what still goes on where nothing should.
pub(crate) fn not_quiet(client: &Client) {
    let jobs = client.engine.jobs();
    let mut state = client.world.lock();
    for run in jobs {
        let name = state.name(run.id());
        let at = run.status().state;
        state.violate(format!("{name} never ends: it is {at}"));
    }
    for run in state.containers.runs() {
        let name = state.name(&run);
        state.violate(format!("a container of {name} is left"));
    }
    let open: Vec<usize> = (0..state.plan.operations.len())
        .filter(|number| !state.clients.answered.contains_key(number))
        .filter(|number| {
            state
                .clients
                .called
                .get(number)
                .is_some_and(|at| at.life == state.life())
        })
        .collect();
    for number in open {
        state.violate(format!("operation {number} is never answered"));
    }
}

pub(crate) fn at_the_end(client: &Client, data: &Path) {
    let known = client.engine.runs(None, usize::MAX);
    for run in &known {
        let printed = job_bytes(log(run));
        let everything = everything(run);
        let mut state = client.world.lock();
        output(&mut state, run, &printed);
        followers(&mut state, run, &everything);
        final_state(&mut state, run);
        results(&mut state, run);
        callbacks(&mut state, run);
    }
    let known: BTreeSet<RunId> = known.iter().map(|run| run.id().clone()).collect();
    let mut state = client.world.lock();
    books(&mut state, &known);
    directories(&mut state, &known, data);
    order(&mut state);
    replaced(&mut state);
}

fn log(run: &RunHandle) -> &Log {
    run.output(&OutputName::Log).expect("every run has a log")
}

fn everything(run: &RunHandle) -> Vec<u8> {
    let pieces = log(run).read(0).expect("the log can be read");
    pieces
        .iter()
        .flat_map(|(_, bytes)| bytes)
        .copied()
        .collect()
}

/// Every line that the container printed stands once, in order, in the log.
fn output(state: &mut State, run: &RunHandle, printed: &[u8]) {
    let (_, script) = script_of(run.spec());
    let whole = script.printed(u64::MAX).into_bytes();
    let events = state.disk.events(run.id());
    let ended = events
        .iter()
        .any(|event| matches!(event, Event::Exited { .. }));
    let name = state.name(run.id());
    let found = String::from_utf8_lossy(printed).into_owned();
    // A stop that could not be recorded is carried out all the same: after a crash nobody remembers
    // it, and the container has ended with the code of a kill.
    let stopped = state.containers.was_stopped(run.id());
    if ended && !stopped && printed != whole {
        state.violate(format!("{name} ended by itself, and its log has {found:?}"));
    } else if !whole.starts_with(printed) {
        state.violate(format!("the log of {name} has {found:?}"));
    }
}

/// Whoever followed a log has read all of it.
fn followers(state: &mut State, run: &RunHandle, log: &[u8]) {
    let followers = state.clients.followers.clone();
    for (number, follower) in followers
        .iter()
        .filter(|(_, follower)| follower.run == *run.id())
    {
        if !follower.at_end {
            state.violate(format!(
                "the reader of operation {number} never came to the end"
            ));
        } else if follower.read != log {
            let (read, log) = (&follower.read, log);
            let (read, log) = (String::from_utf8_lossy(read), String::from_utf8_lossy(log));
            state.violate(format!(
                "the reader of operation {number} read {read:?} of {log:?}"
            ));
        }
    }
}

fn final_state(state: &mut State, run: &RunHandle) {
    let status = run.status();
    let name = state.name(run.id());
    if !status.state.is_final() {
        state.violate(format!("{name} never ends: it is {}", status.state));
    }
    if state.containers.was_started(run.id())
        && !state
            .disk
            .events(run.id())
            .iter()
            .any(|event| matches!(event, Event::Started { .. }))
    {
        state.violate(format!("{name} was started, and that is not on record"));
    }
}

/// A callback that was promised was accepted, or given up for a reason, and never told anything
/// else than what the run came to.
fn callbacks(state: &mut State, run: &RunHandle) {
    let status = run.status();
    let name = state.name(run.id());
    let received: Vec<_> = state.receiver.of(run.id()).cloned().collect();
    let Some(callback) = &run.spec().callback else {
        if !received.is_empty() {
            state.violate(format!("{name} promised no callback, and made one"));
        }
        return;
    };
    let events = state.disk.events(run.id());
    let given_up = events.iter().any(gives_up);
    let waived = is_waived(state, run, &events) || given_up;
    let due = match callback.on {
        CallbackOn::Always => true,
        CallbackOn::Success => status.state == RunState::Succeeded,
        CallbackOn::Failure => status.state != RunState::Succeeded,
    };
    let told =
        |accepted: &crate::world::Received| accepted.accepted && accepted.state == status.state;
    if due && !waived && !received.iter().any(told) {
        state.violate(format!("{name} promised a callback, and nobody got it"));
    }
    for other in received.iter().filter(|other| other.state != status.state) {
        if !waived {
            let told = other.state;
            state.violate(format!(
                "{name} is {}, and was told to be {told}",
                status.state
            ));
        }
    }
    let ids: BTreeSet<_> = received
        .iter()
        .map(|received| (&received.id, received.state))
        .collect();
    let states: BTreeSet<_> = received.iter().map(|received| received.state).collect();
    if ids.len() != states.len() {
        state.violate(format!("{name} called back with several ids: {ids:?}"));
    }
}

/// Whether the receiver said that it never wants it, or was tried too often.
fn gives_up(event: &Event) -> bool {
    match event {
        Event::Attempted {
            accepted,
            retry_in_ms,
            ..
        } => !accepted && retry_in_ms.is_none(),
        Event::Failed { failure } => failure.phase == Phase::Callback,
        _ => false,
    }
}

/// Whether somebody stopped the run while it called back: nobody wants that answer any more. A later
/// member of its group does not.
fn is_waived(state: &State, run: &RunHandle, events: &[Event]) -> bool {
    let mut after = events.iter().skip_while(|event| !decides(event)).skip(1);
    after.any(|event| {
        let Event::StopRequested { cause } = event else {
            return false;
        };
        *cause == StopCause::Abort
            || (*cause == StopCause::Superseded && is_restarted(state, run.spec()))
    })
}

fn decides(event: &Event) -> bool {
    match event {
        Event::Exited { .. } | Event::StopRequested { .. } => true,
        Event::Failed { failure } => failure.phase != Phase::Callback,
        _ => false,
    }
}

/// Whether somebody else's submission restarts its instance, sooner or later.
fn is_restarted(state: &State, spec: &Spec) -> bool {
    let (own, _) = script_of(spec);
    let restarts = |operation: &Operation| match operation {
        Operation::Submit {
            spec: other,
            how: Submit::Restart,
            ..
        } => other.instance == spec.instance,
        _ => false,
    };
    let operations = state.plan.operations.iter().enumerate();
    let mut others = operations.filter(|(number, _)| *number != own);
    others.any(|(_, (_, operation))| restarts(operation))
}

/// A run whose end was recorded is not said to have been superseded because of its group.
fn results(state: &mut State, run: &RunHandle) {
    let events = state.disk.events(run.id());
    let first = events.iter().find(|event| decides(event));
    let ended = matches!(first, Some(Event::Exited { .. }));
    let superseded = run.status().state == RunState::Superseded;
    if ended && superseded && !is_restarted(state, run.spec()) {
        let name = state.name(run.id());
        state.violate(format!(
            "{name} had ended by itself, and its group superseded it"
        ));
    }
}

/// The engine knows what the store keeps, and both what clients were told.
fn books(state: &mut State, known: &BTreeSet<RunId>) {
    let kept: BTreeSet<RunId> = state.disk.kept().runs.keys().cloned().collect();
    for run in kept.symmetric_difference(known) {
        let name = state.name(run);
        state.violate(format!(
            "{name} is known to the engine or to the store, not to both"
        ));
    }
    if !state.disk.kept().promises.is_empty() {
        let promises = state.disk.kept().promises.len();
        state.violate(format!("{promises} promises are neither kept nor given up"));
    }
    for (number, (_, answer)) in state.clients.answered.clone() {
        if let Answer::Taken(run) | Answer::Joined(run) = answer
            && !known.contains(&run)
            && !state.disk.was_forgotten(&run)
        {
            state.violate(format!(
                "the run of operation {number} was taken, and is unknown"
            ));
        }
    }
}

fn directories(state: &mut State, known: &BTreeSet<RunId>, data: &Path) {
    let there = std::fs::read_dir(data.join("runs")).expect("the directory of the runs");
    for entry in there {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a run id");
        if !known.iter().any(|run| run.as_str() == name) {
            let whose = RunId::parse(name).map_or("nobody".to_owned(), |run| state.name(&run));
            state.violate(format!("a directory of {whose} is left"));
        }
    }
}

/// Of two runs of one repository, the one that was answered before the other was asked for is let
/// in first; restarts of an instance and members of groups wait for others and are left aside.
fn order(state: &mut State) {
    let runs: Vec<(RunId, usize, Spec)> = state
        .disk
        .operations()
        .map(|(run, number, spec)| (run.clone(), number, spec.clone()))
        .collect();
    let mut found = Vec::new();
    for (first, number, spec) in &runs {
        let alone = runs
            .iter()
            .filter(|(_, _, other)| other.instance == spec.instance)
            .count()
            == 1;
        let Some((answered, Answer::Taken(_))) = state.clients.answered.get(number) else {
            continue;
        };
        if !alone || spec.group.is_some() {
            continue;
        }
        for (second, later, other) in &runs {
            let after = state
                .clients
                .called
                .get(later)
                .is_some_and(|at| at.step > answered.step);
            if !after || other.fairness_key() != spec.fairness_key() {
                continue;
            }
            let admitted = &state.clients.admitted;
            if let Some((a, b)) = admitted.get(first).zip(admitted.get(second))
                && a > b
            {
                found.push(format!(
                    "r{later} was let in before r{number}, which came first"
                ));
            }
        }
    }
    found.into_iter().for_each(|what| state.violate(what));
}

/// A run that a later submission took the place of, in its instance or in its group, does not go on
/// to its end in a later life, as if it had never been replaced.
fn replaced(state: &mut State) {
    let plan = state.plan.clone();
    let mut found = Vec::new();
    for (number, (_, operation)) in plan.operations.iter().enumerate() {
        let Operation::Submit { spec, how, .. } = operation else {
            continue;
        };
        let takes_the_place_of = |other: &Spec| {
            let instance = *how == Submit::Restart && other.instance == spec.instance;
            let replaces = spec.group_policy == GroupPolicy::Replace;
            let group = replaces && spec.group.is_some() && other.group == spec.group;
            instance || group
        };
        let Some((answered, Answer::Taken(_))) = state.clients.answered.get(&number) else {
            continue;
        };
        let called = state.clients.called[&number];
        let replaced = state.disk.operations().filter(|(_, other, of)| {
            let before = state.clients.answered.get(other);
            *other != number
                && takes_the_place_of(of)
                && before.is_some_and(|(at, _)| at.step < called.step)
        });
        for (run, other, _) in replaced {
            if state
                .clients
                .exited
                .get(run)
                .is_some_and(|life| *life > answered.life)
            {
                found.push(format!(
                    "r{other} went to its end, though r{number} replaced it"
                ));
            }
        }
    }
    found.into_iter().for_each(|what| state.violate(what));
}
