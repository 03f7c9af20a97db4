//! Webhooks in: `hooks.yaml`, its rules, and the requests that they are asked about. Pure.
//!
//! The format, the rules and the answers are those of the well-known `webhook` server; where this
//! differs on purpose, it is stricter: what is wrong in a file is found when it is read, and a
//! rule that can't be decided triggers nothing.
//! Source: <https://github.com/adnanh/webhook/tree/master/docs>.

mod argument;
mod argument_reader;
mod explain;
mod hook;
mod hooks;
mod pattern;
mod request;
mod rule;
mod scalars;
mod secret;
mod value;

pub use argument::{Argument, Missing, Source};
pub use dogi_yaml::Mistake;
pub use explain::{Finding, Severity};
pub use hook::{
    Action, Command, CommandError, Dogi, Execute, File, FileArgument, Hook, Job, Limits, Output,
    Parameter, Prepared, Response, Variable,
};
pub use hooks::Hooks;
pub use pattern::{Pattern, PatternError};
pub use request::{BadRequest, PayloadShape, Received, Request};
pub use rule::{
    Algorithm, Hmac, IpRanges, Match, RangeError, Reason, Rule, Scalr, Signatures, Verdict, Why,
};
pub use secret::{NoLookup, Secret, SecretLookup, Unreadable};
pub use value::{Value, parse_json};
