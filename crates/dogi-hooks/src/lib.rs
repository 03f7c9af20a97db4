//! Webhooks in and callbacks out.
//!
//! In: [`incoming`] has generic hooks, their rules and the requests that they are asked about;
//! [`forge`] what GitHub, Gitea, Forgejo and GitLab send, verified and read as one kind of event;
//! [`rules`] which of these events start something.
//!
//! Out: telling another service by HTTP POST what became of something, so that it can trust
//! what it is told, hears of it once, and can be down for a while. What is decided is pure: the [headers](CallbackHeaders) that the operator adds,
//! the [signature](Signer) after the Standard Webhooks specification, when to
//! [try again](RetryPolicy), how an answer is [kept](Data). The feature `deliver`
//! adds a [`Sender`], which has a clock and a network.
//!
//! [`status`] tells forges what became of a commit, and `mail` tells people, with the log. What comes of
//! both is an [`Outcome`], and [`Patience`] says when to try again: for a day, since nobody waits.
//!
//! ```
//! use std::time::Duration;
//! use dogi_hooks::{Attempt, Callback, MessageId, Next, RetryPolicy, Signer};
//!
//! let id = MessageId::derive(&["run 17", "callback", "succeeded"]);
//! let callback = Callback::new("https://app.example/done", id, r#"{"id":"nightly"}"#)?;
//! let signer: Signer = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
//! let signature = signer.sign(callback.id(), 1_614_265_330, callback.body());
//! assert!(signature.starts_with("v1,"));
//!
//! let busy = Attempt::answered(503);
//! let policy = RetryPolicy::default();
//! let next = policy.next(1, Duration::from_secs(2), &busy, 0.5);
//! assert_eq!(next, Next::RetryAfter(Duration::from_millis(7_500)));
//! assert_eq!(policy.next(1, Duration::from_secs(2), &Attempt::answered(404), 0.5), Next::Stop);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limitations
//!
//! Registry payloads are not here yet. Hooks are read, asked and prepared:
//! serving them and running what they start is the business of a server.
//! Nothing is stored: whoever promises a delivery keeps it, and its id, and keeps the statuses of one
//! commit and context in order.
//!
//! # Features
//!
//! - `deliver` (default): [`Sender`] and `StatusSender`, on a client of `dogi-egress`, so that where a
//!   callback may go is decided by the address that is connected to.
//! - `mail` (default): the module `mail`, whose `Mailer` speaks to the operator's mail server.

mod attempt;
mod callback;
mod cancelled;
mod data;
mod exchange;
pub mod forge;
mod headers;
pub mod incoming;
#[cfg(feature = "mail")]
pub mod mail;
mod message_id;
mod outcome;
mod patience;
mod retry;
pub mod rules;
#[cfg(feature = "deliver")]
mod sender;
mod sign;
pub mod status;

pub use attempt::{Answer, Attempt, Failure, FailureKind};
pub use callback::{Callback, CallbackError};
pub use cancelled::Cancelled;
pub use data::Data;
pub use exchange::{Exchange, Request, Response};
pub use headers::{BadHeader, CallbackHeaders, HeadersError};
pub use message_id::{MessageId, MessageIdError};
pub use outcome::Outcome;
pub use patience::Patience;
pub use retry::{Next, RetryPolicy, retry_after};
#[cfg(feature = "deliver")]
pub use sender::{Delivered, Sender, SenderError, SenderOptions, random};
pub use sign::{Signer, SigningKey, SigningKeyError};
