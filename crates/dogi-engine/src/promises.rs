//! What a run owes to others: a promise is made with the event that causes it, and settled with
//! the one that ends it.

use dogi_job::{Run, UnixMillis};

use crate::{
    delivery_id::delivery_id,
    ports::{Promise, PromiseChange},
};

const CALLBACK: &str = "callback";

/// The id of the callback that the run owes.
pub(crate) fn callback_id(run: &Run) -> Option<String> {
    let callback = run.spec().callback.as_ref()?;
    let state = run.status_for_callback().state;
    Some(delivery_id(
        run.id(),
        CALLBACK,
        callback.url.as_str(),
        state,
    ))
}

/// What changed between two moments of a run.
pub(crate) fn changes(before: &Run, after: &Run, at: UnixMillis) -> Vec<PromiseChange> {
    match (owed(before), owed(after)) {
        (None, Some(id)) => vec![PromiseChange::Made(Promise {
            lane: format!("{CALLBACK} {}", after.id()),
            id,
            at,
        })],
        (Some(id), None) => vec![PromiseChange::Settled { id }],
        _ => Vec::new(),
    }
}

fn owed(run: &Run) -> Option<String> {
    run.owes_callback().then(|| callback_id(run)).flatten()
}
