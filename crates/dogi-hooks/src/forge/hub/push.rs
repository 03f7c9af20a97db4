use std::collections::BTreeSet;

use super::payload;
use super::{repository, sender};
use crate::forge::commits::Commits;
use crate::forge::event::{self, Event, EventKind, Push};
use crate::forge::reading::Reading;
use crate::forge::{EventError, Forge, Line, Ref, Word};

/// The most commits that GitHub lists.
///
/// Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>.
const MAX_COMMITS: u64 = 2048;

pub(super) fn read(
    reading: Reading<'_>,
    forge: Forge,
    name: &Word,
    payload: &[u8],
) -> Result<Event, EventError> {
    let told: payload::Push = reading.json(payload)?;
    let reference = reading.need("ref", told.reference.as_deref())?;
    let Some(reference) = reading.reference("ref", reference)? else {
        return Ok(super::other(name, payload));
    };
    let after = reading.need("after", told.after.as_deref())?;
    let push = Push {
        before: reading.commit("before", told.before.as_deref())?,
        after: reading.commit("after", Some(after))?,
        forced: told.forced.filter(|_| forge == Forge::GitHub),
    };
    let repo = reading.need("repository", told.repository.as_ref())?;
    let head = told.head_commit.as_ref();
    // What is pushed as an annotated tag is the tag's own object.
    let head_id = head.and_then(|head| head.id.as_deref());
    let commit = match (&reference, head_id) {
        (Ref::Tag(_), Some(id)) => reading.commit("head_commit.id", Some(id))?,
        _ => push.after.clone(),
    };

    let mut event = Event::new(EventKind::Push(push), Some(repository(reading, repo)?));
    event.subject = subject(&told, after);
    event.commit = commit.filter(|_| !event.is_ignored());
    event.sender = sender(told.sender.as_ref());
    event.url = event::page(told.compare.or(told.compare_url).as_deref());
    if let EventKind::Push(push) = &event.kind {
        let is_branch = matches!(reference, Ref::Branch(_));
        event.paths = told
            .commits
            .filter(|_| is_branch)
            .and_then(|commits| paths(push, commits));
    }
    event.reference = Some(reference);
    Ok(event)
}

fn subject(told: &payload::Push, after: &str) -> Option<Line> {
    let head = told.head_commit.as_ref();
    let message = head.and_then(|head| head.message.as_deref());
    event::line(message).or_else(|| told.commits.as_ref()?.subject_of(after))
}

/// The changed files, where the commits are known to be all between before and after.
fn paths(push: &Push, commits: Commits) -> Option<BTreeSet<String>> {
    let (before, after) = (push.before.as_ref()?, push.after.as_ref()?);
    if before == after {
        return Some(BTreeSet::new());
    }
    // Of commits that were dropped nothing is listed.
    let only_adds = push.forced == Some(false);
    let are_all = commits.count < MAX_COMMITS && commits.names(after.as_str());
    if only_adds && are_all {
        commits.into_paths()
    } else {
        None
    }
}
