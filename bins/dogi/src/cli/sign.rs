//! `dogi sign`: a URL in, the same URL with its signature out.

use std::time::Duration;

use clap::ArgMatches;
use dogi_url::{Expiry, Scheme};

use super::console::Console;
use super::exit::Exit;
use super::given_config;
use crate::config::{Environment, signing_keys};

/// Where nobody says how long.
const DEFAULT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) fn run(matches: &ArgMatches, env: &Environment, console: &mut Console) -> Exit {
    match signed(matches, env) {
        Ok((url, note)) => {
            console.line(url);
            if let Some(note) = note.filter(|_| console.is_terminal()) {
                console.say(note);
            }
            Exit::Success
        }
        Err(message) => {
            console.error(message);
            Exit::Usage
        }
    }
}

fn signed(matches: &ArgMatches, env: &Environment) -> Result<(String, Option<String>), String> {
    let keys = signing_keys(&given_config(matches), env).map_err(|report| report.to_string())?;
    let scheme = if matches.get_flag("legacy") {
        Scheme::Legacy
    } else {
        Scheme::Hmac
    };
    let lifetime = match matches.get_one::<String>("expires") {
        Some(text) => {
            Some(dogi_url::duration::parse(text).map_err(|error| format!("--expires: {error}"))?)
        }
        None if matches.get_flag("no-expiry") || scheme == Scheme::Legacy => None,
        None => Some(DEFAULT),
    };
    let expiry = lifetime.map_or(Expiry::Never, |lifetime| {
        Expiry::At(crate::unix_now() + lifetime.as_secs())
    });
    let url = matches.get_one::<String>("URL").map_or("", String::as_str);
    let signed = keys
        .sign_url(url, expiry, scheme)
        .map_err(|error| error.to_string())?;
    let note =
        lifetime.map(|lifetime| format!("good for {}", dogi_url::duration::format(lifetime)));
    Ok((signed, note))
}
