//! `/metrics`, as a scraper reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dogi_job::FailureKind;

use crate::server::{RUN, Server};
use crate::within;

/// The families of a text of Prometheus' own format, with their types, and all samples.
struct Scrape {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads as strictly as the format is: help and type before the samples, nothing twice.
    fn parse(text: &str) -> Self {
        let (mut types, mut helps) = (BTreeMap::new(), BTreeSet::new());
        let mut samples = BTreeMap::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help");
                assert!(!help.is_empty() && helps.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(helps.contains(name), "{line}");
                let before = types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{line}");
            } else {
                assert!(!line.starts_with('#'), "{line}");
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().expect("a name");
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .filter_map(|suffix| name.strip_suffix(suffix))
                    .find(|family| types.get(*family).is_some_and(|kind| kind == "histogram"))
                    .unwrap_or(name);
                assert!(types.contains_key(family), "{line}");
                let value = value.parse().expect("a number");
                assert_eq!(samples.insert(series.to_owned(), value), None, "{line}");
            }
        }
        Self { types, samples }
    }

    async fn of(server: &Server) -> Self {
        Self::parse(&server.get("/metrics").await.text())
    }

    fn value(&self, series: &str) -> f64 {
        let known = || self.samples.keys().cloned().collect::<Vec<_>>().join("\n");
        *self
            .samples
            .get(series)
            .unwrap_or_else(|| panic!("{series} is not among\n{}", known()))
    }
}

/// The rows of the table in the documentation: name and type.
fn documented() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let (_, rest) = text
        .split_once("## What each metric means")
        .expect("the section");
    let section = rest.split("\n## ").next().expect("a part");
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`').to_owned();
        Some((name, cells.next()?.to_owned()))
    });
    rows.collect()
}

#[tokio::test]
async fn every_metric_stands_in_the_documentation_and_the_other_way_round() {
    let served = Scrape::of(&Server::start().await).await.types;
    assert_eq!(
        served,
        documented(),
        "left: served, right: docs/operations.md"
    );
}

#[tokio::test]
async fn names_follow_the_conventions() {
    let scrape = Scrape::of(&Server::start().await).await;
    for (name, kind) in &scrape.types {
        assert!(name.starts_with("dogi_") || name.starts_with("process_"));
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()));
        for unit in ["millis", "_ms", "_kb", "minutes", "percent"] {
            assert!(!name.contains(unit), "{name}");
        }
        let measured = kind == "histogram";
        assert!(!measured || name.ends_with("_seconds"), "{name}");
    }
}

#[tokio::test]
async fn the_format_is_the_one_that_the_scraper_prefers() {
    let server = Server::start().await;
    let plain = "text/plain; version=0.0.4; charset=utf-8";
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    // The long one is what Prometheus sends.
    let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                      application/openmetrics-text;version=0.0.1;q=0.5,\
                      text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let cases = [
        ("", plain),
        ("*/*", plain),
        ("text/html", plain),
        ("text/plain", plain),
        ("application/openmetrics-text", open),
        (
            "application/openmetrics-text;q=0.2, text/plain;q=0.5",
            plain,
        ),
        ("application/openmetrics-text;q=0", plain),
        (prometheus, open),
    ];
    for (accept, wanted) in cases {
        let field = format!("accept: {accept}");
        let answer = server.ask("GET", "/metrics", &[&field]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), wanted, "{accept}");
        let is_open = answer.text().ends_with("# EOF\n");
        assert_eq!(is_open, wanted == open, "{accept}");
    }
    let head = server.ask("HEAD", "/metrics", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(
        server
            .ask("POST", "/metrics", &[])
            .await
            .problem(405)
            .contains("GET")
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_what_they_name() {
    let server = Server::start().await;
    server.get("/jobs").await;
    server.get("/jobs").await;
    server.get("/runs/0198c5e0a1b2c3d4e5f60718293a4b5c").await;
    server.get("/runs/0198c5e0a1b2c3d4e5f60718293a4b5d").await;
    server.get("/nope").await;
    server.get("/nope/again").await;
    let scrape = Scrape::of(&server).await;
    let requests = |route: &str, status: &str| {
        let labels = format!("route=\"{route}\",status=\"{status}\"");
        scrape.value(&format!("dogi_http_requests_total{{{labels}}}"))
    };
    assert_eq!(requests("/jobs", "2xx"), 2.0);
    assert_eq!(requests("/runs/{run}", "4xx"), 2.0);
    assert_eq!(requests("none", "4xx"), 2.0);
    let heads = scrape.value("dogi_http_first_byte_seconds_count{route=\"/jobs\"}");
    assert_eq!(heads, 2.0);
    assert_eq!(scrape.value("dogi_http_connections"), 1.0, "this one");
    assert_eq!(scrape.value("dogi_http_connections_accepted_total"), 7.0);
    assert!(scrape.value("dogi_http_sent_bytes_total") > 0.0);
    assert!(scrape.value("process_open_fds") > 0.0);
    assert!(scrape.value("process_resident_memory_bytes") > 1e6);
    let started = scrape.value("process_start_time_seconds");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs_f64();
    assert!(
        (now - 3600.0..=now + 1.0).contains(&started),
        "{started} {now}"
    );
}

#[tokio::test]
async fn followers_and_jobs_are_counted_while_they_are_there() {
    let server = Server::start().await;
    let (container, _, text) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let mut sse = server
        .send("GET", RUN, &["accept: text/event-stream"])
        .await;
    assert_eq!(sse.head().await.status, 200);
    container.print("hello\n");
    sse.until("hello").await;
    let scrape = Scrape::of(&server).await;
    assert_eq!(scrape.value("dogi_jobs{state=\"running\"}"), 1.0);
    assert_eq!(scrape.value("dogi_jobs{state=\"queued\"}"), 0.0);
    assert_eq!(scrape.value("dogi_admission_running"), 1.0);
    assert_eq!(scrape.value("dogi_admission_running_limit"), 10.0);
    assert_eq!(scrape.value("dogi_admission_waiting_limit"), 1000.0);
    assert_eq!(scrape.value("dogi_followers{framing=\"text\"}"), 1.0);
    assert_eq!(scrape.value("dogi_followers{framing=\"sse\"}"), 1.0);
    assert!(scrape.value("dogi_streamed_bytes_total{framing=\"sse\"}") > 5.0);
    assert_eq!(scrape.value("dogi_docker_up"), 1.0);
    assert_eq!(scrape.value("dogi_database_up"), 1.0);
    container.end(0);
    text.answer().await;
    sse.answer().await;
    let gone = async {
        while Scrape::of(&server)
            .await
            .value("dogi_followers{framing=\"sse\"}")
            > 0.0
        {}
    };
    within(gone).await;
    let scrape = Scrape::of(&server).await;
    assert_eq!(scrape.value("dogi_jobs{state=\"running\"}"), 0.0);
    assert_eq!(scrape.value("dogi_admission_running"), 0.0);
}

#[tokio::test]
async fn what_becomes_of_a_job_is_counted_and_timed() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&cb=https://hooks.example.com/done");
    let (container, _, client) = server.run(&target, &[]).await;
    container.print("12345\n");
    container.end(0);
    client.answer().await;
    let (container, _, client) = server.run(&format!("{RUN}?action=run"), &[]).await;
    container.end(3);
    client.answer().await;
    let (container, run, client) = server.run(&format!("{RUN}?action=run"), &[]).await;
    server.ask("POST", &format!("/runs/{run}/abort"), &[]).await;
    container.gone().await;
    client.answer().await;

    let scrape = Scrape::of(&server).await;
    for (series, wanted) in [
        ("dogi_jobs_ended_total{state=\"succeeded\"}", 1.0),
        ("dogi_jobs_ended_total{state=\"failed\"}", 1.0),
        ("dogi_jobs_ended_total{state=\"aborted\"}", 1.0),
        ("dogi_jobs_ended_total{state=\"lost\"}", 0.0),
        ("dogi_job_queue_seconds_count", 3.0),
        ("dogi_job_phase_seconds_count{phase=\"clone\"}", 3.0),
        ("dogi_job_phase_seconds_count{phase=\"build\"}", 3.0),
        // One was stopped.
        ("dogi_job_phase_seconds_count{phase=\"run\"}", 2.0),
        ("dogi_job_phase_seconds_count{phase=\"callback\"}", 1.0),
        ("dogi_image_lookups_total{result=\"miss\"}", 3.0),
        ("dogi_image_lookups_total{result=\"hit\"}", 0.0),
        ("dogi_delivery_attempts_total{result=\"accepted\"}", 1.0),
        ("dogi_delivery_attempts_total{result=\"failed\"}", 0.0),
        ("dogi_deliveries_pending", 0.0),
        ("dogi_store_append_failures_total", 0.0),
    ] {
        assert_eq!(scrape.value(series), wanted, "{series}");
    }
    assert!(scrape.value("dogi_output_written_bytes_total") >= 6.0);
    assert!(scrape.value("dogi_store_append_seconds_count") >= 3.0);
}

#[tokio::test]
async fn a_job_that_fails_early_leaves_no_part_of_it_open() {
    let server = Server::start().await;
    server
        .theatre
        .checkouts_fail(FailureKind::Source, "no such repository");
    let target = format!("{RUN}?action=run&output_type=wait");
    assert_eq!(server.get(&target).await.status, 500);
    let scrape = Scrape::of(&server).await;
    let count = |phase: &str| {
        scrape.value(&format!(
            "dogi_job_phase_seconds_count{{phase=\"{phase}\"}}"
        ))
    };
    assert_eq!(count("clone"), 1.0, "it took its time, too");
    assert_eq!(count("build"), 0.0);
    assert_eq!(count("run"), 0.0);
    assert_eq!(scrape.value("dogi_jobs_ended_total{state=\"failed\"}"), 1.0);
}
