//! The beginning of a life: what an earlier one recorded is read, and taken up where it ended.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    path::Path,
    sync::Arc,
};

use dogi_job::{Event, Run, RunId, Standing, StopCause, Submit, UnixMillis};
use tokio::sync::{mpsc, watch};

use crate::{
    RunHandle,
    builder::BuildEngineError,
    directory::replaced_group,
    driver::{self, Driven},
    engine::Shared,
    outputs::{self, RunOutputs},
    ports::{Record, Recorded, Submission},
};

/// Runs read from the store at a time.
const PAGE: usize = 256;

/// Reads the history, removes the outputs that belong to none of it, and goes on with every run
/// that was not over.
pub(crate) async fn recover(shared: &Arc<Shared>) -> Result<(), BuildEngineError> {
    let mut known = HashSet::new();
    let mut loaded = Vec::new();
    let mut after = None;
    loop {
        let page = shared.store.load(after.as_ref(), PAGE).await;
        let page = page.map_err(BuildEngineError::Store)?;
        let Some((last, _)) = page.last() else {
            break;
        };
        after = Some(last.clone());
        known.extend(page.iter().map(|(run, _)| run.clone()));
        let opened = blocking(shared, move |shared| open(&shared, page)).await?;
        loaded.extend(opened);
    }
    if shared.is_closing() {
        take_up(shared, loaded).await;
        return Ok(());
    }
    blocking(shared, move |shared| {
        remove_strangers(&shared.runs_directory(), &known)
    })
    .await?;
    take_up(shared, loaded).await;
    Ok(())
}

/// A run of an earlier life.
struct Loaded {
    run: Run,
    handle: RunHandle,
    how: Submit,
    /// When the queue let it in.
    admitted: Option<UnixMillis>,
    /// `None`: it is over.
    driven: Option<Driven>,
}

impl Loaded {
    fn standing(&self) -> Standing {
        if self.run.spec().host_command().is_some() {
            return Standing::Out;
        }
        let over = self.driven.is_none();
        match (over, self.run.was_admitted(), self.run.is_decided()) {
            (true, ..) | (_, false, true) => Standing::Out,
            (_, false, false) => Standing::Waiting,
            (_, true, false) => Standing::UnderWay,
            (_, true, true) => Standing::Stopping,
        }
    }
}

async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    act: impl FnOnce(Arc<Shared>) -> io::Result<T> + Send + 'static,
) -> Result<T, BuildEngineError> {
    let copy = shared.clone();
    shared
        .workers
        .complete(move || act(copy))
        .await
        .flatten()
        .map_err(|source| BuildEngineError::data_dir(&shared.config.data_dir, source))
}

fn open(shared: &Shared, page: Vec<(RunId, Vec<Recorded>)>) -> io::Result<Vec<Loaded>> {
    let mut loaded = Vec::with_capacity(page.len());
    for (id, records) in page {
        let sequence = records.len() as u64;
        let Some(told) = fold(&id, records) else {
            tracing::error!(run = %id, "the first record of a run is not its submission: it is left alone");
            continue;
        };
        loaded.push(open_run(shared, told, sequence)?);
    }
    Ok(loaded)
}

/// What the records of a run tell.
struct Told {
    run: Run,
    /// Something of it could not be removed.
    left_behind: bool,
    how: Submit,
    /// When the queue let it in.
    admitted: Option<UnixMillis>,
}

/// `None` where they tell of no submission.
fn fold(id: &RunId, records: Vec<Recorded>) -> Option<Told> {
    let mut records = records.into_iter();
    let Recorded {
        at,
        record: Record::Submitted(Submission { how, spec }),
    } = records.next()?
    else {
        return None;
    };
    let mut run = Run::new(id.clone(), *spec, at);
    let mut admitted = None;
    let mut left_behind = false;
    for Recorded { at, record } in records {
        if let Record::Event(event) = record {
            if event == Event::Admitted {
                admitted = admitted.or(Some(at));
            }
            left_behind |= matches!(event, Event::CleanupFailed { .. });
            run.apply(at, &event);
        }
    }
    Some(Told {
        run,
        how,
        admitted,
        left_behind,
    })
}

fn open_run(shared: &Shared, told: Told, sequence: u64) -> io::Result<Loaded> {
    let Told {
        run,
        how,
        admitted,
        left_behind,
    } = told;
    if left_behind {
        shared.directory().left_behind.add(run.id(), run.spec());
    }
    let directory = shared.run_directory(run.id());
    let spec = run.spec().clone();
    let mut status = run.status();
    if run.begins_again() {
        // Its graph is read again.
        status.nodes = None;
    }
    // An engine that is closed from its start goes on with nothing.
    if status.state.is_final() || shared.is_closing() {
        let outputs = outputs::finished(&directory, &spec, &status)?;
        if spec.graph().is_some() && status.state.is_final() {
            outputs::remove_unlogged(&directory)?;
        }
        let handle = RunHandle::of_the_past(status, spec, outputs);
        return Ok(Loaded {
            run,
            handle,
            how,
            admitted,
            driven: None,
        });
    }
    let options = shared.output_options();
    let outputs = RunOutputs::recover(&directory, &spec, &options)?;
    // A run that begins again reads its graph again.
    if let Some(plan) = run.plan().filter(|_| !run.begins_again()) {
        let nodes = status.nodes.iter().flatten();
        let ended = nodes.filter(|node| node.state.is_final());
        let ended = ended.map(|node| node.name.clone()).collect();
        outputs.open_nodes(plan, &ended, &options)?;
    }
    let (commands_tx, commands) = mpsc::unbounded_channel();
    let (status, status_rx) = watch::channel(Arc::new(status));
    let handle = RunHandle::new(run.id().clone(), spec, &outputs, status_rx, commands_tx);
    let driven = Driven {
        borrowed: run.further_containers(),
        run: run.clone(),
        sequence,
        outputs,
        commands,
        status,
    };
    Ok(Loaded {
        run,
        handle,
        how,
        admitted,
        driven: Some(driven),
    })
}

/// Removes the directories that belong to no run: of submissions that a crash cut off.
fn remove_strangers(runs: &Path, known: &HashSet<RunId>) -> io::Result<()> {
    for entry in std::fs::read_dir(runs)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_known = name
            .to_str()
            .and_then(|name| RunId::parse(name).ok())
            .is_some_and(|run| known.contains(&run));
        if !is_known && entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Enters everything in the books before anything goes on.
async fn take_up(shared: &Arc<Shared>, loaded: Vec<Loaded>) {
    let mut ended = Vec::new();
    {
        let mut directory = shared.directory();
        for run in &loaded {
            directory.restore(&run.handle, run.standing());
            // Its containers have their places before anybody else is let in.
            for _ in 0..run.driven.as_ref().map_or(0, |driven| driven.borrowed) {
                directory.lend_place(true);
            }
            if let Some(at) = run.handle.status().finished_at
                && !shared.is_closing()
            {
                ended.push((at, run.handle.id().clone()));
            }
        }
    }
    // What ended first is forgotten first.
    ended.sort();
    for (_, run) in &ended {
        shared.retire(run).await;
    }
    let superseded = superseded(&loaded);
    let waiting = in_turn(&loaded, &superseded);
    {
        let mut directory = shared.directory();
        // Told before they go on: they do nothing any more.
        for (run, cause) in superseded {
            directory.stop(&run, cause);
        }
        for (run, cause) in lost_commands(&loaded) {
            directory.stop(&run, cause);
        }
        // A driver gives back what its run has in the books, which must be there by then.
        directory.restore_waiting(&waiting);
    }
    if !shared.is_closing() {
        // The newest first: what older ones have to say of the same thing is said no more.
        let newest_first = loaded.iter().rev();
        let kept = newest_first.filter(|run| shared.directory().run(run.handle.id()).is_some());
        // Those that are forgotten by now are told no more.
        let kept: Vec<_> = kept.map(|run| run.handle.clone()).collect();
        kept.iter().for_each(|run| shared.report(run));
    }
    for run in loaded {
        let standing = run.standing();
        match (run.driven, standing) {
            (None, _) => {}
            (Some(driven), Standing::Waiting) => driver::spawn_waiting(shared.clone(), driven),
            (Some(driven), _) => driver::spawn_resumed(shared.clone(), driven),
        }
    }
}

/// The runs whose place another one took, in their instance or in their group, just before the end
/// of that life: they may not have been told yet, whatever has become of the other one since.
fn superseded(loaded: &[Loaded]) -> BTreeMap<RunId, StopCause> {
    let mut restarted = HashMap::new();
    let mut replaced = HashMap::new();
    // The oldest come first, so the newest are what is left.
    for Loaded { handle, how, .. } in loaded {
        if *how == Submit::Restart {
            restarted.insert(handle.instance(), handle.id());
        }
        if let Some(group) = replaced_group(handle.spec()) {
            replaced.insert(group, handle.id());
        }
    }
    let cause = |handle: &RunHandle| {
        let group = handle.spec().group.as_ref();
        let by_restart = restarted.get(handle.instance());
        let by_member = group.and_then(|group| replaced.get(group));
        let is_older = |newer: Option<&&RunId>| newer.is_some_and(|newer| handle.id() < *newer);
        match (is_older(by_restart), is_older(by_member)) {
            (true, _) => Some(StopCause::Superseded),
            (false, true) => Some(StopCause::Replaced),
            (false, false) => None,
        }
    };
    loaded
        .iter()
        .filter(|run| !run.run.is_decided())
        .filter_map(|run| Some((run.handle.id().clone(), cause(&run.handle)?)))
        .collect()
}

/// A command is never begun again, and nobody reads what one that may still run prints.
fn lost_commands(loaded: &[Loaded]) -> Vec<(RunId, StopCause)> {
    let commands = loaded
        .iter()
        .filter(|run| run.driven.is_some() && run.run.spec().host_command().is_some());
    commands
        .filter(|run| !run.run.is_decided())
        .map(|run| {
            let reason = match run.run.container() {
                Some(_) => "the server ended while the command ran",
                None => "the server ended before the command began",
            };
            let reason = reason.to_owned();
            (run.run.id().clone(), StopCause::Lost { reason })
        })
        .collect()
}

/// The runs that wait, in the order in which they would have been let in: the repository that was
/// served longest ago, or began to wait before that, comes first. What was superseded waits for
/// nothing.
fn in_turn(loaded: &[Loaded], superseded: &BTreeMap<RunId, StopCause>) -> Vec<RunHandle> {
    let mut turns: HashMap<String, UnixMillis> = HashMap::new();
    let mut turn = |run: &Loaded, at: UnixMillis| {
        let turn = turns.entry(run.run.spec().fairness_key()).or_insert(at);
        *turn = at.max(*turn);
    };
    for run in loaded {
        if let Some(at) = run.admitted {
            turn(run, at);
        }
    }
    let waiting: Vec<_> = loaded
        .iter()
        .filter(|run| run.standing() == Standing::Waiting)
        .filter(|run| !superseded.contains_key(run.handle.id()))
        .collect();
    let mut first = HashSet::new();
    for run in &waiting {
        if first.insert(run.run.spec().fairness_key()) {
            turn(run, run.handle.status().queued_at);
        }
    }
    let mut in_turn: Vec<_> = waiting
        .into_iter()
        .map(|run| (turns.get(&run.run.spec().fairness_key()), &run.handle))
        .collect();
    // Runs of one repository keep their order.
    in_turn.sort_by_key(|(turn, _)| *turn);
    in_turn
        .into_iter()
        .map(|(_, handle)| handle.clone())
        .collect()
}
