//! Webhooks in: `hooks.yaml`, its rules, and the requests that they are asked about. Pure.

mod argument;
mod request;
mod value;

pub use argument::{Argument, Missing, Source};
pub use request::{BadRequest, PayloadShape, Received, Request};
pub use value::{Value, parse_json};
