//! Webhooks in: `hooks.yaml`, its rules, and the requests that they are asked about. Pure.
//!
//! A [`Request`] is what was [`Received`] over HTTP, with its body read as a payload; an
//! [`Argument`] gets a value out of it. Both do what the well-known `webhook` server does, so that
//! its hook files keep their meaning.
//!
//! ```
//! use dogi_hooks::incoming::{Argument, PayloadShape, Received, Request, Source};
//!
//! let mut headers = http::HeaderMap::new();
//! headers.insert("content-type", "application/json".parse()?);
//! let request = Request::read(
//!     Received {
//!         method: http::Method::POST,
//!         headers,
//!         query: "token=42".to_owned(),
//!         peer: "192.0.2.1:4711".parse()?,
//!         client: "192.0.2.1".parse()?,
//!         body: r#"{"ref": "main", "commits": [{"id": 7}, {"id": 8}]}"#.into(),
//!         at: 1_700_000_000,
//!     },
//!     &PayloadShape::default(),
//! )?;
//! let get = |source| Argument { source }.get(&request).map(|value| value.into_owned());
//!
//! assert_eq!(get(Source::Query("token".into()))?, b"42");
//! assert_eq!(get(Source::Payload("commits.1.id".into()))?, b"8");
//! assert_eq!(get(Source::Payload("commits.0".into()))?, br#"{"id":7}"#);
//! let missing = get(Source::Header("X-Token".into())).unwrap_err();
//! assert_eq!(missing.to_string(), "the request has no header `X-Token`");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Hooks`] are the hooks of some files, each with a [`Rule`] that gives a [`Verdict`] on a
//! request, and what it starts then.
//!
//! ```
//! # use dogi_hooks::incoming::{PayloadShape, Received, Request};
//! use dogi_hooks::incoming::{Hooks, NoLookup, Prepared, Severity};
//!
//! let file = r#"
//! - id: deploy
//!   execute-command: /usr/local/bin/deploy
//!   pass-arguments-to-command: [{source: url, name: version}]
//!   trigger-rule:
//!     match: {type: value, value: "42", parameter: {source: url, name: token}}
//! "#;
//! let hooks = Hooks::read(&[("hooks.yaml".into(), file.into())], &NoLookup).unwrap();
//! let hook = hooks.get("deploy").unwrap();
//! # let request = |query: &str| Request::read(
//! #     Received {
//! #         method: http::Method::GET, headers: http::HeaderMap::new(), query: query.to_owned(),
//! #         peer: "192.0.2.1:4711".parse().unwrap(), client: "192.0.2.1".parse().unwrap(),
//! #         body: "".into(), at: 1_700_000_000,
//! #     },
//! #     &PayloadShape::default(),
//! # ).unwrap();
//! let wrong = hook.evaluate(&request("token=41&version=7"));
//! let reason = wrong.reason().unwrap().to_string();
//! assert_eq!(reason, "trigger-rule.match: the query parameter `token` is another one");
//!
//! let right = request("token=42&version=7");
//! assert!(hook.evaluate(&right).is_true());
//! let Prepared::Command(command) = hook.command(&right)? else { unreachable!() };
//! assert_eq!(command.arguments, [b"7"]);
//!
//! let misspelt = file.replace("trigger-rule", "triger-rule");
//! let mistakes = Hooks::read(&[("hooks.yaml".into(), misspelt)], &NoLookup).unwrap_err();
//! assert_eq!(
//!     mistakes[0].to_string(),
//!     "hooks.yaml:5: [0].triger-rule: unknown key; did you mean \"trigger-rule\"?",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where rules are stricter than that server's
//!
//! - What is wrong in a file is found when it is read, all of it at once: unknown keys, sources and
//!   types, missing ones, empty secrets, bad patterns, ranges and status codes, an id that stands
//!   twice, more than one of `and`, `or`, `not` and `match` in one rule.
//! - Rules have three values. What can't be decided (a missing value, a wrong signature) is
//!   unknown, also below a `not`, and triggers nothing.
//! - A pattern means what it means in Go, see [`Pattern`]; an address of IPv6 without a slash is
//!   one host; scalars are those of YAML 1.2, as they are spelled.
//! - Of a header with many signatures the first 16 are compared.
//!
//! Source: <https://github.com/adnanh/webhook/tree/master/docs>.
//!
//! # Where a request is read otherwise than by that server
//!
//! - A body that it could not read and went on without is an error here: malformed JSON, XML and
//!   forms, JSON that is neither an object nor a list (`null` and an empty body are no payload),
//!   and a part of a multipart form that should be a JSON object and is none.
//! - Bodies are bounded in depth, values, fields and parts: [`BadRequest::is_too_much`]. What is
//!   JSON in parts of a multipart form and by `parse-parameters-as-json` counts with the body.
//! - The raw body of a multipart form is what was sent, not nothing, so that it can be signed.
//! - A content type that begins with `multipart/form-data;` is one whatever its boundary spells.
//! - `parse-parameters-as-json` reaches into a payload by a dotted path instead of breaking down.
//!
//! # Limitations
//!
//! XML must be UTF-8. A part of a multipart form in Base64 is not decoded (nor is it there).

mod argument;
mod argument_reader;
mod bad_request;
mod explain;
mod headers;
mod hook;
mod hooks;
mod limits;
mod map;
mod pattern;
mod payload;
mod render;
mod request;
mod rule;
mod scalars;
mod secret;
mod value;

pub use argument::{Argument, Missing, Source};
pub use bad_request::BadRequest;
pub use dogi_yaml::Mistake;
pub use explain::{Finding, Severity};
pub use hook::{
    Action, Command, CommandError, Dogi, Execute, File, FileArgument, Hook, Job, Limits, Output,
    Parameter, Prepared, Response, Variable,
};
pub use hooks::Hooks;
pub use map::Map;
pub use pattern::{Pattern, PatternError};
pub(crate) use payload::form_fields;
pub use payload::parse_json;
pub use request::{PayloadShape, Received, Request};
pub use rule::{
    Algorithm, Hmac, IpRanges, Match, RangeError, Reason, Rule, Scalr, Signatures, Verdict, Why,
};
pub(crate) use secret::same;
pub use secret::{NoLookup, Secret, SecretLookup, Unreadable};
pub use value::Value;
