//! Webhooks of forges: what GitHub, Gitea, Forgejo and GitLab send about repositories. Pure.
//!
//! A [`Delivery`] is what came over HTTP. Its sender is proven over the body as it was sent, before
//! anything is read: that gives a [`Verified`]. What it tells is an [`Event`], the same for every
//! forge, of types that hold nothing hostile.
//!
//! ```
//! use dogi_hooks::forge::{Delivery, EventKind, Secrets};
//! use dogi_hooks::incoming::Secret;
//!
//! let body = r#"{"ref": "refs/heads/main",
//!   "before": "1111111111111111111111111111111111111111",
//!   "after": "2222222222222222222222222222222222222222",
//!   "repository": {"full_name": "acme/app", "clone_url": "https://git.example/acme/app.git"}}"#;
//! let mut headers = http::HeaderMap::new();
//! headers.insert("x-gitea-event", "push".parse()?);
//! headers.insert("x-gitea-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473".parse()?);
//! # let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"sesame");
//! # let signature = hex::encode(ring::hmac::sign(&key, body.as_bytes()));
//! headers.insert("x-gitea-signature", signature.parse()?);
//! let delivery = Delivery { headers: &headers, query: "", body: body.into() };
//!
//! let now = 1_700_000_000;
//! let open = delivery.clone().verify(&Secrets::none(), now).unwrap_err();
//! assert!(open.is_unauthentic());
//! let secrets = Secrets::none().gitea([Secret::new("old"), Secret::new("sesame")]);
//! let verified = delivery.verify(&secrets, now)?;
//!
//! let event = verified.event()?;
//! assert!(matches!(event.kind, EventKind::Push(_)));
//! assert_eq!(event.reference.unwrap().to_string(), "refs/heads/main");
//! assert_eq!(event.repository.unwrap().https.unwrap().match_key(), "git.example/acme/app");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a delivery
//!
//! [`VerifyError::is_unauthentic`] tells a sender that is not proven from a request that is
//! malformed. Every [`EventError`] is a malformed payload. [`Event::is_ignored`] says that all is
//! well and nothing to do.
//!
//! # Changed files
//!
//! [`Event::paths`] has the files of a push's commits where these are all that lie between before
//! and after: only GitHub says whether a push was forced, and lists (nearly) all commits and files.
//! The lists of Gitea, Forgejo (five commits) and GitLab (twenty) say nothing about commits that a
//! forced push dropped, and are never taken. New branches, tags, forced pushes and long lists have
//! none either. `Some` of nothing is a push without a change.
//!
//! A merge that itself changes a file beyond what it merges may not be listed by GitHub.
//!
//! # Limitations
//!
//! - Signatures other than those of Standard Webhooks cover neither the event's name nor the
//!   delivery's id. Who has seen a delivery can send it again as another; remembering ids is about
//!   honest repetition.
//! - Repositories with SHA-256 are refused: their commits have no [`Commit`](dogi_url::Commit).
//! - GitLab's system hooks, and hooks of groups, are events that nothing waits for.

mod body;
mod commits;
mod delivery;
mod event;
mod event_error;
mod gitlab;
mod headers;
mod hub;
mod kind;
mod manual;
mod names;
mod reading;
mod secrets;
mod signature;
mod verified;
mod verify_error;

pub use delivery::Delivery;
pub use event::{Event, EventKind, PullRequest, Push, Repository};
pub use event_error::EventError;
pub use kind::Forge;
pub(crate) use names::inert;
pub use names::{BadValue, DeliveryId, FullName, Line, Ref, Word};
pub use secrets::Secrets;
pub use verified::{Proof, Verified};
pub use verify_error::VerifyError;
