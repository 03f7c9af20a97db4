//! What the tests stand on: a server, repositories to run, and a look into Docker.

mod docker;
mod http;
mod proxy;
mod repos;
mod server;

pub(crate) use docker::{containers, wait_until_gone};
pub(crate) use proxy::EngineProxy;
pub(crate) use repos::Repos;
pub(crate) use server::{Dogi, PROGRAM, cli};

/// A text as the value of a query parameter.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/') {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes everything");
        }
    }
    encoded
}
