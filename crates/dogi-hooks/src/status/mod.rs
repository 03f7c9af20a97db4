//! Commit statuses: what a forge shows beside a commit. Pure, but for the [`StatusSender`].
//!
//! A [`CommitStatus`] is what is to be told, in types that every forge takes; a [`StatusApi`] is
//! whom to tell. Together they are a [`StatusRequest`], and the API reads the answer to it: an
//! [`Outcome`](crate::Outcome), and [`Patience`](crate::Patience) says when to try again.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use dogi_hooks::{Next, Outcome, Patience};
//! use dogi_hooks::forge::{Forge, FullName};
//! use dogi_hooks::incoming::Secret;
//! use dogi_hooks::status::{CommitState, CommitStatus, Description, StatusApi, StatusContext};
//!
//! let status = CommitStatus {
//!     repo: FullName::new("acme/app")?,
//!     commit: "1111111111111111111111111111111111111111".parse()?,
//!     state: CommitState::Success,
//!     context: StatusContext::new("dogi/tests")?,
//!     description: Description::new("Passed in 4 s"),
//!     target_url: Some("https://ci.acme.example/runs/17".parse()?),
//! };
//! let api = StatusApi::new(
//!     Forge::GitHub,
//!     "https://api.github.com".parse()?,
//!     Secret::new("sesame"),
//! )?;
//! let request = api.request(&status);
//! assert_eq!(
//!     request.url.as_str(),
//!     "https://api.github.com/repos/acme/app/statuses/1111111111111111111111111111111111111111"
//! );
//!
//! let mut headers = http::HeaderMap::new();
//! headers.insert("retry-after", "60".parse()?);
//! let body = br#"{"message": "You have exceeded a secondary rate limit"}"#;
//! let outcome = api.read(403, &headers, body, SystemTime::now());
//! assert!(matches!(outcome, Outcome::Retry { after: Some(_), .. }));
//! let next = Patience::default().next(1, Duration::from_secs(2), &outcome, 0.0);
//! assert_eq!(next, Next::RetryAfter(Duration::from_secs(60)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The order of statuses
//!
//! The last status of a context is the one that counts. Whoever sends them sends those of one
//! commit and context one after the other: a `pending` that is tried again after the result was
//! told would stand there for ever.
//!
//! # Limitations
//!
//! GitHub takes at most 1000 statuses for one commit and context, and refuses more. A repository that
//! was renamed answers with a redirect, which is not followed: it counts as refused.

mod answer;
mod api;
mod commit_status;
#[cfg(feature = "deliver")]
mod sender;

pub use api::{StatusApi, StatusApiError, StatusRequest};
pub use commit_status::{CommitState, CommitStatus, Description, StatusContext};
#[cfg(feature = "deliver")]
pub use sender::{StatusSender, StatusSenderOptions, Tried};
