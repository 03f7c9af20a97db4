use std::borrow::Cow;

use bytes::Bytes;

use super::body::Encoding;
use super::{DeliveryId, Event, EventError, Forge, Word, gitlab, hub, manual};

/// What proved who sent a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// An HMAC over the body. Headers are not covered, the event's name and the delivery's id among
    /// them.
    Signature,
    /// A signature after Standard Webhooks, over the body, the delivery's id and the time.
    StandardSignature,
    /// GitLab's token in a header. It proves who sent this, not that nobody changed it.
    Token,
    /// compose-ci's token in the query. The same holds.
    QueryToken,
    /// None was asked for, see [`Verified::danger_unverified`].
    Nothing,
}

/// A delivery whose sender is proven, body and all.
///
/// It is made by [`Delivery::verify`](super::Delivery::verify) and by the function whose name says
/// that it proves nothing.
#[derive(Debug, Clone)]
pub struct Verified {
    origin: Option<(Forge, Word)>,
    id: Option<DeliveryId>,
    proof: Proof,
    encoding: Encoding,
    body: Bytes,
}

impl Verified {
    pub(super) fn new(
        origin: Option<(Forge, Word)>,
        id: Option<DeliveryId>,
        proof: Proof,
        encoding: Encoding,
        body: Bytes,
    ) -> Self {
        Self {
            origin,
            id,
            proof,
            encoding,
            body,
        }
    }

    /// Takes a payload (JSON) on trust: one that was verified before and kept, to be looked at
    /// again, or one of the operator's own, to be explained. `origin` is `None` for a bare
    /// `{"after": …}`.
    #[must_use]
    pub fn danger_unverified(
        origin: Option<(Forge, Word)>,
        id: Option<DeliveryId>,
        payload: Bytes,
    ) -> Self {
        Self::new(origin, id, Proof::Nothing, Encoding::Json, payload)
    }

    /// Which forge sent it; `None` where somebody did by hand.
    #[must_use]
    pub fn forge(&self) -> Option<Forge> {
        self.origin.as_ref().map(|(forge, _)| *forge)
    }

    /// What the forge calls the event; `None` where somebody sent it by hand.
    #[must_use]
    pub fn event_name(&self) -> Option<&Word> {
        self.origin.as_ref().map(|(_, event)| event)
    }

    /// By which a delivery that comes again is known. Of a forge that sent none it is made of the
    /// body; `None` where somebody sent it by hand, who may well want it twice.
    #[must_use]
    pub fn id(&self) -> Option<&DeliveryId> {
        self.id.as_ref()
    }

    /// What proved it.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The payload as text, JSON if it is what it should be: the body, or the field `payload` of a
    /// form.
    ///
    /// # Errors
    /// When a form is malformed, or has not exactly one such field.
    pub fn payload(&self) -> Result<Cow<'_, [u8]>, EventError> {
        self.encoding.payload(&self.body)
    }

    /// What happened.
    ///
    /// # Errors
    /// When the payload is none of that event: see [`EventError`].
    pub fn event(&self) -> Result<Event, EventError> {
        let payload = self.payload()?;
        match &self.origin {
            None => manual::read(&payload),
            Some((Forge::GitLab, event)) => gitlab::read(event, &payload),
            Some((forge, event)) => hub::read(*forge, event, &payload),
        }
    }
}
