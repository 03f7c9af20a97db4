//! Does what a plan says, and plans anew when it comes out differently.

use std::sync::Arc;

use super::{
    CollectReport, CollectRequest, Collected, Item,
    plan::{everything, plan},
};
use crate::{
    engine::Shared,
    ports::{Alive, KeepError, Keeper, KeptKind, Removal, Sweep},
};

/// The kind of what belongs to nobody.
const LEFTOVERS: &str = "leftovers";

/// Everything that [`crate::Engine::collect`] does.
pub(crate) async fn collect(shared: &Arc<Shared>, request: CollectRequest) -> CollectReport {
    let governor = &shared.governor;
    let _turn = governor.turn.lock().await;
    let mut round = Round::new(shared, request.dry_run);
    round.sweep(shared).await;
    round.list().await;
    if request.everything {
        let all = everything(&round.items);
        round.remove_all(all).await;
    } else {
        round.spare_last_run();
        round.fit(shared).await;
    }
    if !request.dry_run {
        governor.note(&round.items, &round.listed, &shared.config.data_dir);
    }
    round.report
}

/// Keeps to the budgets and the floor. What fails is only told in the log: it is tried again.
pub(super) async fn tend(shared: &Arc<Shared>) {
    let governor = &shared.governor;
    let _turn = governor.turn.lock().await;
    let mut round = Round::new(shared, false);
    round.list().await;
    round.spare_last_run();
    round.fit(shared).await;
    governor.note(&round.items, &round.listed, &shared.config.data_dir);
    let report = round.report;
    for failure in &report.failed {
        tracing::debug!(failure, "collecting");
    }
    if !report.removed.is_empty() {
        let (things, bytes) = (report.removed.len(), report.freed());
        tracing::info!(things, bytes, "removed what was not used for longest");
    }
}

/// One look at everything, and what is done about it.
struct Round {
    keepers: Vec<Arc<dyn Keeper>>,
    items: Vec<Item>,
    /// The kinds that could be listed.
    listed: Vec<KeptKind>,
    report: CollectReport,
}

impl Round {
    fn new(shared: &Arc<Shared>, dry_run: bool) -> Self {
        Self {
            keepers: shared.governor.keepers(shared),
            items: Vec::new(),
            listed: Vec::new(),
            report: CollectReport {
                dry_run,
                ..CollectReport::default()
            },
        }
    }

    async fn sweep(&mut self, shared: &Arc<Shared>) {
        let alive = |run: &dogi_job::RunId| shared.directory().is_unfinished(run);
        let sweep = Sweep {
            alive: &alive as &Alive<'_>,
            remove: !self.report.dry_run,
        };
        for keeper in self.keepers.clone() {
            match keeper.sweep(sweep).await {
                Ok(found) => {
                    let found = found.into_iter().map(|leftover| Collected {
                        kind: LEFTOVERS.to_owned(),
                        what: leftover.what,
                        bytes: leftover.bytes,
                        last_used: None,
                    });
                    self.report.removed.extend(found);
                }
                Err(error) => self.failed(&error),
            }
        }
    }

    async fn list(&mut self) {
        for keeper in self.keepers.clone() {
            match keeper.list().await {
                Ok(kept) => {
                    self.listed.push(keeper.kind());
                    self.items.extend(kept.into_iter().map(|kept| Item {
                        kind: keeper.kind(),
                        makes_room: keeper.shares_disk(),
                        kept,
                    }));
                }
                Err(error) => self.failed(&error),
            }
        }
    }

    /// The run that ended last is kept whatever its size: somebody is about to look at it.
    fn spare_last_run(&mut self) {
        let runs = self.items.iter_mut();
        let runs = runs.filter(|item| item.kind == KeptKind::Runs);
        if let Some(last) = runs.max_by_key(|item| item.kept.last_used) {
            last.kept.in_use = true;
        }
    }

    /// Removes until everything fits. What can't be removed counts as in use from then on, so
    /// that this comes to an end.
    async fn fit(&mut self, shared: &Arc<Shared>) {
        let governor = &shared.governor;
        loop {
            let planned = plan(&self.items, &governor.budgets, governor.lacking());
            if planned.is_empty() {
                return;
            }
            self.remove_all(planned).await;
            if self.report.dry_run {
                // The disk is as full as before.
                return;
            }
        }
    }

    async fn remove_all(&mut self, planned: Vec<usize>) {
        let mut gone = Vec::new();
        for index in planned {
            if self.remove(index).await {
                gone.push(index);
            }
        }
        gone.sort_unstable();
        for index in gone.into_iter().rev() {
            self.items.remove(index);
        }
    }

    /// Whether it is gone.
    async fn remove(&mut self, index: usize) -> bool {
        let item = &self.items[index];
        let keeper = self.keepers.iter().find(|one| one.kind() == item.kind);
        let removed = match keeper {
            Some(_) if self.report.dry_run => Ok(Removal::Removed {
                bytes: item.kept.bytes,
            }),
            Some(keeper) => keeper.remove(&item.kept.id).await,
            None => Ok(Removal::InUse),
        };
        match removed {
            Ok(Removal::Removed { bytes }) => {
                self.report.removed.push(Collected {
                    kind: item.kind.as_str().to_owned(),
                    what: item.kept.label.clone(),
                    bytes,
                    last_used: Some(item.kept.last_used),
                });
                return true;
            }
            Ok(Removal::InUse) => {}
            Err(error) => self.failed(&error),
        }
        self.items[index].kept.in_use = true;
        false
    }

    fn failed(&mut self, error: &KeepError) {
        let text = crate::chain(error);
        match error.absent {
            true => self.report.skipped.push(text),
            false => self.report.failed.push(text),
        }
    }
}
