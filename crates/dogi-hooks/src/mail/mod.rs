//! Result mails: what became of a run, with its log, to people.
//!
//! A [`ResultMail`] is what is to be told, in types that can't break a header; [`written`]
//! for one recipient it is a [`Mail`], which a [`Mailer`] hands to the operator's mail server. All but
//! the mailer is pure.
//!
//! ```
//! use dogi_hooks::MessageId;
//! use dogi_hooks::forge::{FullName, Line, Word};
//! use dogi_hooks::mail::{Excerpt, MailAddress, ResultMail};
//! use dogi_url::UnixMillis;
//!
//! let result = ResultMail {
//!     id: MessageId::derive(&["run 17", "mail", "team@acme.example"]),
//!     date: UnixMillis::from_secs(1_700_000_000),
//!     repo: FullName::new("acme/app")?,
//!     commit: "abc1234111111111111111111111111111111111".parse()?,
//!     result: Word::new("failure")?,
//!     branch: Some(Line::first_of("main")),
//!     title: Some(Line::first_of("Frobnicate\nthe widgets")),
//!     author: Some(Line::first_of("Ada")),
//!     link: Some("https://ci.acme.example/runs/17/log".parse()?),
//!     log: Excerpt::of(b"\x1b[31mtest a ... FAILED\x1b[m\n", Excerpt::SHOWN),
//!     run: Line::first_of("17"),
//! };
//! assert_eq!(result.subject(), "[acme/app] abc1234 failure");
//!
//! let from: MailAddress = "dogi <ci@acme.example>".parse()?;
//! let mail = result.written(&from, &"team@acme.example".parse()?);
//! let text = String::from_utf8(mail.message().to_vec())?;
//! assert!(text.contains("Subject: [acme/app] abc1234 failure\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`written`]: ResultMail::written
//!
//! # The log
//!
//! A terminal would obey what a log says; a mail only shows it. Colours, bold, italic, underlined and
//! crossed-out text are kept in HTML. A carriage return and a backspace go back in their line, and
//! "erase in line" erases: so of a progress bar its last state is left. All other control sequences
//! are dropped, bytes that are no UTF-8 and marks that turn the direction of text become U+FFFD. A
//! sequence ends with its line, so that one without an end hides nothing of what follows.
//!
//! Nothing in the HTML part but the link to the log leads anywhere or is loaded from anywhere.
//!
//! # Limitations
//!
//! - Addresses are ASCII; international domains are written as `xn--…`.
//! - One mail has one recipient, so that a refused one keeps it from nobody else.
//! - Cursor movement between lines is not followed, and characters are not counted by their width.

mod address;
mod excerpt;
mod html;
mod mailer;
mod result_mail;
mod server;
mod style;
mod terminal;
mod written;

pub use address::{AddressError, MailAddress};
pub use excerpt::Excerpt;
pub use mailer::{Mailer, MailerError};
pub use result_mail::{Mail, ResultMail};
pub use server::{MailServer, TransportSecurity};
