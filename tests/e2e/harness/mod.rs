//! What the tests stand on: servers, repositories and jobs to run, and a look into Docker.

mod docker;
mod follower;
mod forge;
mod held;
mod hooks;
mod http;
mod image;
mod jobs;
mod leftovers;
mod processes;
mod proxy;
mod random;
mod repos;
mod server;

pub(crate) use docker::{Engine, containers, of_namespace, wait_until_gone};
pub(crate) use follower::{Followed, Follower};
pub(crate) use forge::{NAME, SECRET, TOKEN, Webhooks, sign};
pub(crate) use held::Held;
pub(crate) use hooks::{Hooks, NO_DOCKER};
pub(crate) use http::Answer;
pub(crate) use image::Image;
pub(crate) use jobs::{Job, Submitted, moment};
pub(crate) use leftovers::{Volumes, assert_nothing_left};
pub(crate) use processes::{
    most_resident, open_files, processes, resident, wait_for_process, wait_until_no_process,
};
pub(crate) use proxy::EngineProxy;
pub(crate) use random::Random;
pub(crate) use repos::Repos;
pub(crate) use server::{Dogi, PROGRAM, SEARCH_PATH, cli, fresh_address};

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
