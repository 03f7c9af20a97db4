//! What somebody sends by hand, as compose-ci has it: `{"after": "<commit>"}`, perhaps with more of
//! GitHub's push.

use serde::Deserialize;

use super::event::{Event, EventKind};
use super::hub::{HubRepo, HubUser, repository, sender};
use super::reading::Reading;
use super::{EventError, Word};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Manual {
    after: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    repository: Option<HubRepo>,
    sender: Option<HubUser>,
}

pub(super) fn read(payload: &[u8]) -> Result<Event, EventError> {
    let name = Word::manual();
    let reading = Reading::new(&name);
    let told: Manual = reading.json(payload)?;
    let after = reading.commit("after", told.after.as_deref())?;
    let after = reading.need("after", after)?;
    let repo = told.repository.as_ref();
    let repository = repo.map(|repo| repository(reading, repo)).transpose()?;
    let reference = told.reference.as_deref();
    let reference = reference.map(|text| reading.reference("ref", text));

    let kind = EventKind::Manual {
        after: Some(after.clone()),
    };
    let mut event = Event::new(kind, repository);
    event.commit = Some(after);
    event.reference = reference.transpose()?.flatten();
    event.sender = sender(told.sender.as_ref());
    Ok(event)
}
