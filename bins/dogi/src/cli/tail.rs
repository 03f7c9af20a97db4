//! `dogi tail`: follows what a server shows, across broken connections.

use std::io;
use std::time::Duration;

use clap::ArgMatches;
use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions, Proxies};
use dogi_job::State;
use dogi_stream::{Channel, Cursor, Message, NdjsonDecoder};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Response, StatusCode, Url};
use serde_json::Value;
use tokio::time::Instant;

use super::console::Console;
use super::exit::Exit;
use super::run::exit_of;
use super::runtime;
use crate::config::{ClientSettings, Environment};

/// Between two tries to connect again: from here, doubled…
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// …up to here.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A server that is away for longer is given up.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The kernel finds out about dead peers: a silent job sends nothing for hours.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn run(matches: &ArgMatches, env: &Environment, console: &mut Console) -> Exit {
    let tail = match Tail::new(matches, env) {
        Ok(tail) => tail,
        Err(message) => {
            console.error(message);
            return Exit::Usage;
        }
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(tail.follow(console)),
        Err(error) => {
            console.error(format_args!("cannot start: {error}"));
            Exit::Internal
        }
    }
}

struct Tail {
    client: reqwest::Client,
    url: Url,
    token: Option<String>,
    quiet: bool,
    cursor: Option<Cursor>,
    /// Whose bytes were printed last.
    last: Option<String>,
    /// The log was printed, which tells by itself why a job failed.
    log_told: bool,
}

/// How one connection ended.
enum Ended {
    /// With this exit code.
    Over(Exit),
    /// It broke; what was printed is counted.
    Broken(String),
}

impl Tail {
    fn new(matches: &ArgMatches, env: &Environment) -> Result<Self, String> {
        let text = matches.get_one::<String>("URL").map_or("", String::as_str);
        let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
        let host = match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(host)) => host.to_owned(),
            _ => {
                return Err(format!(
                    "{text:?}: expected an http or https URL of a dogi server"
                ));
            }
        };
        let settings = ClientSettings::load(env).map_err(|report| report.to_string())?;
        let client = client(&host, settings.proxies).map_err(|error| crate::chain(&*error))?;
        let token = settings.token.map(|token| token.expose().to_owned());
        let quiet = matches.get_flag("quiet");
        Ok(Self {
            client,
            url,
            token,
            quiet,
            cursor: None,
            last: None,
            log_told: false,
        })
    }

    async fn follow(mut self, console: &mut Console) -> Exit {
        let mut pause = FIRST_PAUSE;
        let mut alive = Instant::now();
        loop {
            let before = self.cursor.clone();
            let reason = match self.connect(console).await {
                Ended::Over(exit) => return exit,
                Ended::Broken(reason) => reason,
            };
            if self.cursor.is_none() {
                console.error(format_args!("{}: {reason}", self.host()));
                return Exit::Unavailable;
            }
            if self.cursor != before {
                (pause, alive) = (FIRST_PAUSE, Instant::now());
            }
            if alive.elapsed() > PATIENCE {
                console.error(format_args!("gave up: {reason}"));
                return Exit::Unavailable;
            }
            if !self.quiet {
                console.say(format_args!("dogi: {reason}; connecting again"));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// One connection, from where the last one ended.
    async fn connect(&mut self, console: &mut Console) -> Ended {
        let mut request = self
            .client
            .get(self.url.clone())
            .header(ACCEPT, "application/x-ndjson");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(cursor) = &self.cursor {
            request = request.header("last-event-id", cursor.to_string());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ended::Broken(crate::chain(&error.without_url())),
        };
        let status = response.status();
        let away = matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
        );
        if status == StatusCode::NO_CONTENT {
            console.error("the server does not keep this run any more");
            return Ended::Over(Exit::Unavailable);
        }
        if away && self.cursor.is_some() {
            return Ended::Broken(format!("the server answers {status}"));
        }
        match is_stream(&response) {
            true => self.stream(response, console).await,
            false => Ended::Over(refused(response, console).await),
        }
    }

    async fn stream(&mut self, mut response: Response, console: &mut Console) -> Ended {
        if self.cursor.is_none() {
            let run = response
                .headers()
                .get("dogi-run")
                .and_then(|run| run.to_str().ok());
            self.cursor = run.map(Cursor::new);
        }
        let mut decoder = NdjsonDecoder::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ended::Broken("the stream ended without a status".to_owned()),
                Err(error) => return Ended::Broken(crate::chain(&error.without_url())),
            };
            decoder.feed(&chunk);
            loop {
                match decoder.next_message() {
                    Ok(None) => break,
                    Ok(Some(message)) => match self.message(message, console) {
                        Ok(None) => {}
                        Ok(Some(exit)) => return Ended::Over(exit),
                        // Whoever read the output has enough.
                        Err(_) => return Ended::Over(Exit::Success),
                    },
                    Err(error) => {
                        console.error(crate::chain(&error));
                        return Ended::Over(Exit::Internal);
                    }
                }
            }
        }
    }

    fn message(&mut self, message: Message, console: &mut Console) -> io::Result<Option<Exit>> {
        match &message {
            Message::Data {
                output,
                bytes,
                channel,
                ..
            } => {
                self.log_told |= output == "log";
                match channel.filter(|_| output == "log") {
                    // As `dogi run` does it: what the program said on its standard output is on
                    // this one, and nothing else.
                    Some(Channel::System) if self.quiet => {}
                    Some(Channel::System | Channel::Stderr) => console.write_err(bytes),
                    _ => {
                        self.header(output, console)?;
                        console.write(bytes)?;
                    }
                }
            }
            Message::Restarted { output, .. } if !self.quiet => {
                console.say(format_args!("dogi: {output} starts over"));
            }
            Message::Queued(position) if !self.quiet => {
                console.say(format_args!("dogi: queued, number {position} in line"));
            }
            Message::Restarted { .. } | Message::Queued(_) => {}
            Message::Status(status) => return Ok(Some(self.ended(status, console))),
        }
        if let Some(cursor) = &mut self.cursor {
            message.advance(cursor);
        }
        Ok(None)
    }

    /// As `tail -f a b` tells outputs apart: nothing, as long as there is only one.
    fn header(&mut self, output: &str, console: &mut Console) -> io::Result<()> {
        let before = self.last.replace(output.to_owned());
        match before {
            Some(before) if before != output => {
                console.write(format!("\n==> {output} <==\n").as_bytes())
            }
            _ => Ok(()),
        }
    }

    fn ended(&self, status: &Value, console: &mut Console) -> Exit {
        let exit = exit_of_json(status);
        if (self.quiet || !self.log_told) && exit != Exit::Success {
            for error in status["errors"].as_array().into_iter().flatten() {
                console.error(error.as_str().unwrap_or_default());
            }
        }
        exit
    }
}

fn client(
    host: &str,
    proxies: Proxies,
) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    // Whoever runs this names the server: it may be anywhere.
    let policy = EgressPolicy::parse("external,private,loopback")?.exempt(host);
    let options = HttpOptions {
        proxies,
        redirects: 5,
        ..HttpOptions::default()
    };
    let http = Http::new(Guard::new(std::sync::Arc::new(policy)), options)?;
    Ok(http.client_builder().tcp_keepalive(KEEP_ALIVE).build()?)
}

fn is_stream(response: &Response) -> bool {
    let kind = response
        .headers()
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-ndjson"))
}

/// An answer that is no stream: a problem, or the status of a run.
async fn refused(response: Response, console: &mut Console) -> Exit {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    if json.get("state").is_some() {
        console.line(text.trim_end());
        return exit_of_json(&json);
    }
    match json["detail"].as_str() {
        Some(detail) => console.error(detail),
        None => console.error(format_args!(
            "the server answers {status}, which is no dogi stream"
        )),
    }
    match status {
        _ if json["run"].is_object() => exit_of_json(&json["run"]),
        StatusCode::BAD_REQUEST => Exit::Usage,
        _ => Exit::Unavailable,
    }
}

fn exit_of_json(status: &Value) -> Exit {
    let state = serde_json::from_value::<State>(status["state"].clone());
    match state {
        Ok(state) if state.is_final() => exit_of(state, status["exit_code"].as_i64()),
        // A status of what goes on (output_type=async).
        Ok(_) => Exit::Success,
        Err(_) => Exit::Internal,
    }
}
