//! What the server's own log looks like.

use std::io;
use std::sync::{Arc, Mutex};

use dogi::cli::logging::{json_lines, plain_lines};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::server::{RUN, Server};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("not poisoned").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }
}

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Values from outside: an error of another server, a path, a text with colours.
fn speak() {
    let error = io::Error::other("no\r\n2026-01-01 ERROR forged\u{1b}[2J\u{9b}1m\u{2028}\u{202e}x");
    let span =
        tracing::info_span!("request", id = 7, path = %"/a\nb", route = tracing::field::Empty);
    let _inside = span.enter();
    span.record("route", "/runs/{run}");
    tracing::warn!(%error, text = "two\nlines", count = 3, "it said {}", "x\ny");
}

#[test]
fn a_plain_line_stays_one_line_whatever_is_in_it() {
    let memory = Memory::default();
    let log = tracing_subscriber::registry().with(plain_lines(memory.clone(), false));
    tracing::subscriber::with_default(log, speak);
    let text = memory.text();
    assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    let line = text.strip_suffix('\n').expect("a whole line");
    let bad = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
    assert!(!line.contains(bad), "{line:?}");
    for part in [
        "it said x\\ny",
        "error=no\\r\\n2026-01-01 ERROR forged\\u{1b}[2J\\u{9b}1m\\u{2028}\\u{202e}x",
        r#"text="two\nlines""#,
        "count=3",
        r#"request{id=7 path=/a\nb route="/runs/{run}"}"#,
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_json_line_is_an_object_with_its_spans() {
    let memory = Memory::default();
    let log = tracing_subscriber::registry().with(json_lines(memory.clone()));
    tracing::subscriber::with_default(log, speak);
    let text = memory.text();
    assert_eq!(text.lines().count(), 1, "{text:?}");
    let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["fields"]["message"], "it said x\ny");
    assert_eq!(line["fields"]["count"], 3);
    assert_eq!(line["span"]["name"], "request");
    assert_eq!(line["span"]["id"], 7);
    assert_eq!(line["span"]["route"], "/runs/{run}");
}

#[tokio::test]
async fn a_request_and_a_run_have_spans_with_their_ids() {
    let memory = Memory::default();
    let log = tracing_subscriber::registry().with(plain_lines(memory.clone(), false));
    // This runtime has one thread: all of the server is on it.
    let _guard = tracing::subscriber::set_default(log);
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&env_TOKEN=hidden");
    let (container, run, client) = server.run(&target, &[]).await;
    container.end(0);
    client.answer().await;
    server.get("/healthz").await;
    server.get("/readyz").await;
    let text = memory.text();
    let line = |part: &str| {
        let found = text.lines().find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("{part} is not in\n{text}"))
    };
    let answered = line("answered");
    for part in [
        "request{id=0",
        "method=GET",
        "route=\"/{scheme}/{repository}\"",
        "path=/https/github.com/o/r.git",
        "client=127.0.0.1",
        "status=200",
        &format!("run=\"{run}\""),
    ] {
        assert!(answered.contains(part), "{part}: {answered}");
    }
    let puppet = line("a puppet enters");
    assert!(
        puppet.contains(&format!("run{{run={run} instance=dogi_default_")),
        "{puppet}"
    );
    assert!(!puppet.contains("request{"), "{puppet}");
    assert!(!text.contains("hidden"), "{text}");
    let probes = text.lines().filter(|line| line.contains("z\""));
    assert!(probes.clone().all(|line| line.contains("DEBUG")), "{text}");
    assert_eq!(probes.count(), 2, "{text}");
}
