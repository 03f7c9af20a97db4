//! Following a run: framings, resuming, ends, leases.

use serde_json::{Value, json};

use crate::server::{Answer, RUN, Server};

#[tokio::test]
async fn text_ends_with_the_state_in_its_trailers() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run");
    let (container, run, mut client) = server.run(&target, &["TE: trailers"]).await;
    container.print("one\n");
    client.until("one\n").await;
    container.print("last, without newline").end(3);
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        answer.header("link"),
        format!("</runs/{run}>; rel=\"status\"")
    );
    assert!(answer.header("dogi-instance").starts_with("dogi_default_"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        answer.text().contains("one\nlast, without newline"),
        "{}",
        answer.text()
    );
    assert!(answer.complete);
    assert_eq!(answer.trailers["dogi-state"], "failed");
    assert_eq!(answer.trailers["dogi-exit-code"], "3");
}

#[tokio::test]
async fn a_failed_job_cuts_its_stream_off_where_that_is_wanted() {
    let server = Server::start().await;
    for (id, code, complete) in [("a", 0, true), ("b", 1, false)] {
        let target = format!("{RUN}?action=run&on_fail=abort&id={id}");
        let (container, _, client) = server.run(&target, &["connection: close"]).await;
        let lots = "x".repeat(1 << 20);
        container.print(lots.clone()).print("\nthe end").end(code);
        let answer = client.answer().await;
        assert_eq!(answer.complete, complete, "code {code}");
        assert!(
            answer.text().contains(&lots) && answer.text().contains("the end"),
            "all bytes"
        );
    }
}

#[tokio::test]
async fn several_outputs_come_as_tail_prints_them() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&output=file_a,file_b,status&file_a=/a&file_b=/b");
    let mut client = server.send("GET", &target, &["connection: close"]).await;
    let container = server.theatre.container().await;
    container.file("a", "to a\n");
    client.until("to a\n").await;
    container.file("b", "to b\n");
    client.until("to b\n").await;
    container.end(0);
    let text = client.answer().await.text();
    let (outputs, status) = text.split_once("\n==> status <==\n").expect("the status");
    assert_eq!(outputs, "==> file_a <==\nto a\n\n==> file_b <==\nto b\n");
    let status: Value = serde_json::from_str(status).expect("JSON");
    assert_eq!(status["state"], "succeeded");
}

#[tokio::test]
async fn a_file_holds_the_status_line_back_until_its_first_byte() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&output=file_a&file_a=/a");
    let mut client = server.send("GET", &target, &["connection: close"]).await;
    let container = server.theatre.container().await;
    container.print("only to the log").file("a", "first");
    client.until("first").await;
    container.file("a", ", last").end(1);
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "first, last")
    );

    let nothing = server
        .send("GET", &format!("{target}&id=2"), &["connection: close"])
        .await;
    server.theatre.container().await.end(0);
    let nothing = nothing.answer().await;
    assert_eq!(
        (nothing.status, nothing.text().as_str()),
        (200, ""),
        "an empty file is no error"
    );

    let failed = server
        .send("GET", &format!("{target}&id=3"), &["connection: close"])
        .await;
    server.theatre.container().await.end(9);
    assert!(
        failed
            .answer()
            .await
            .problem(500)
            .contains("Execution failed with code 9")
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_away_is_waited_for_ten_seconds() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&output=file_a&file_a=/a");
    let mut client = server.send("GET", &target, &["connection: close"]).await;
    let container = server.theatre.container().await;
    assert_eq!(client.head().await.status, 200);
    container.file("a", "late").end(0);
    assert_eq!(client.answer().await.text(), "late");
}

#[tokio::test]
async fn wait_answers_when_it_is_over_and_async_at_once() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&output_type=wait");
    let waiting = server.send("GET", &target, &["connection: close"]).await;
    let container = server.theatre.container().await;
    container.print("so far");
    let now = format!("{RUN}?output_type=async");
    while !server.get(&now).await.text().contains("so far") {}
    let so_far = server.get(&now).await;
    assert_eq!(
        (so_far.status, so_far.header("dogi-state")),
        (200, "running")
    );
    let status = server
        .get(&format!("{RUN}?output_type=async&output=status"))
        .await;
    assert_eq!(
        (status.status, &status.json()["state"]),
        (200, &json!("running"))
    );
    container.print(", and more").end(1);
    let over = waiting.answer().await;
    assert_eq!((over.status, over.header("dogi-state")), (500, "failed"));
    assert!(over.text().contains("so far, and more"), "{}", over.text());
    let peek = server.get(RUN).await;
    assert_eq!(
        peek.status, 200,
        "a stream has begun before its end is looked at"
    );
    assert_eq!(
        server.get(&format!("{RUN}?output_type=wait")).await.status,
        500
    );
}

fn events(text: &str) -> Vec<(String, String, String)> {
    let event = |block: &str| {
        let field = |name: &str| {
            let prefix = format!("{name}: ");
            let lines = block.lines().filter_map(|line| line.strip_prefix(&prefix));
            lines.collect::<Vec<_>>().join("\n")
        };
        (field("event"), field("data"), field("id"))
    };
    text.split("\n\n")
        .filter(|block| block.contains("event: "))
        .map(event)
        .collect()
}

/// The data of all events of an output, put together as a browser sees them.
fn data(events: &[(String, String, String)], name: &str) -> String {
    events
        .iter()
        .filter(|(event, ..)| event == name)
        .map(|(_, data, _)| data.as_str())
        .collect()
}

const EVENTS: &str = "accept: text/event-stream";

#[tokio::test]
async fn events_resume_without_loss_or_repetition_and_then_stop() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run");
    let (container, run, mut client) = server.run(&target, &[EVENTS]).await;
    container.print("one;");
    let text = client.until("one;").await;
    drop(client);
    let (_, body) = text.split_once("\r\n\r\n").expect("a head");
    let last = body
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .next_back()
        .expect("an id");

    container.print("two;").end(0);
    let resume = format!("last-event-id: {last}");
    let resumed = server.ask("GET", &target, &[EVENTS, &resume]).await;
    assert_eq!(
        resumed.header("dogi-run"),
        run,
        "the same run, and not a new one"
    );
    let events = events(&resumed.text());
    assert!(data(&events, "log").ends_with("two;"), "{events:?}");
    assert!(!data(&events, "log").contains("one;"), "{events:?}");
    let (name, status, end) = events.last().expect("a status");
    assert_eq!(name, "status");
    let status: Value = serde_json::from_str(status).expect("JSON");
    assert_eq!(
        (&status["state"], &status["run"]),
        (&json!("succeeded"), &json!(run))
    );

    let over = server
        .ask("GET", &target, &[EVENTS, &format!("last-event-id: {end}")])
        .await;
    assert_eq!(over.status, 204, "a browser stops asking");
    assert_eq!(
        server.get("/runs").await.json()["runs"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    let of_run = server
        .ask("GET", &format!("/runs/{run}/log"), &[EVENTS, &resume])
        .await;
    assert!(
        data(&self::events(&of_run.text()), "log").ends_with("two;"),
        "{}",
        of_run.text()
    );
}

#[tokio::test]
async fn an_event_of_something_else_resumes_nothing() {
    let server = Server::start().await;
    let (container, run, _client) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let foreign = format!("last-event-id: {run};log=0:1");
    let other = format!("{RUN}?action=run&id=other");
    let refused = server.ask("GET", &other, &[EVENTS, &foreign]).await;
    assert!(refused.problem(400).contains("another instance"));
    let gone = "last-event-id: 0198c5e0a1b2c3d4e5f60718293a4b5c;log=0:1";
    assert_eq!(server.ask("GET", &other, &[EVENTS, gone]).await.status, 204);
    let nonsense = server
        .ask("GET", &other, &[EVENTS, "last-event-id: ;;;"])
        .await;
    assert!(nonsense.problem(400).contains("Last-Event-ID"));
    assert_eq!(
        server.get("/runs").await.json()["runs"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    container.end(0);
}

#[tokio::test(start_paused = true)]
async fn silent_events_carry_comments() {
    let server = Server::start().await;
    let (container, _, mut client) = server.run(&format!("{RUN}?action=run"), &[EVENTS]).await;
    client.until(":\n\n").await;
    container.end(0);
    assert!(client.answer().await.text().contains("event: status\n"));
}

#[tokio::test(start_paused = true)]
async fn the_place_in_the_queue_is_told_in_every_framing_and_again_when_it_changes() {
    let server = Server::with(&[("BYPASS_SIGNATURES", "true"), ("MAX_RUNNING", "1")]).await;
    let (running, _, _first) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let before = format!("{RUN}?action=run&id=before&output=status&output_type=async");
    assert_eq!(server.get(&before).await.json()["queue_position"], 1);
    let of_file = "output=file_a";
    let mut readers = Vec::new();
    for (accept, output, told) in [
        (
            "text/plain",
            "output=log",
            "dogi: queued, number N in line\n",
        ),
        (
            "text/event-stream",
            "output=log",
            "event: queued\ndata: N\n\n",
        ),
        ("text/event-stream", of_file, "event: queued\ndata: N\n\n"),
        (
            "application/x-ndjson",
            "output=log",
            "{\"output\":\"status\",\"queued\":N}\n",
        ),
    ] {
        let target = format!("{RUN}?action=run&id=waits&{output}&file_a=/a");
        let accept = format!("accept: {accept}");
        let mut client = server.send("GET", &target, &[&accept]).await;
        client.until(&told.replace('N', "2")).await;
        readers.push((client, told));
    }
    let aborted = server.get(&format!("{RUN}?action=abort&id=before")).await;
    assert_eq!(aborted.status, 200, "{}", aborted.text());
    for (client, told) in &mut readers {
        client.until(&told.replace('N', "1")).await;
    }
    // What reads as text of a file is the file's alone.
    let target = format!("{RUN}?id=waits&{of_file}&file_a=/a");
    let file = server.send("GET", &target, &["connection: close"]).await;
    running.end(0);
    let container = server.theatre.container().await;
    container.file("a", "all of it").end(0);
    assert_eq!(file.answer().await.text(), "all of it");
    for (client, told) in readers {
        let text = client.answer().await.text();
        for place in ["2", "1"] {
            let times = text.matches(&told.replace('N', place)).count();
            assert_eq!(times, 1, "{text}");
        }
    }
}

#[tokio::test]
async fn objects_carry_bytes_positions_and_the_status() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run&output=log,file_a&file_a=/a");
    let (container, run, client) = server
        .run(
            &target,
            &["accept: application/x-ndjson", "connection: close"],
        )
        .await;
    container.print("text\n").file("a", vec![0xff, 0xfe]).end(0);
    let answer = client.answer().await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object in a line"))
        .collect();
    let of = |name: &str| {
        lines
            .iter()
            .rev()
            .find(|line| line["output"] == name)
            .cloned()
    };
    let log = of("log").expect("the log");
    assert!(
        log["data"]
            .as_str()
            .is_some_and(|data| data.ends_with("text\n")),
        "{log}"
    );
    assert_eq!(of("file_a").expect("the file")["data_base64"], "//4=");
    let status = lines.last().expect("a status");
    assert_eq!(
        (&status["output"], &status["status"]["run"]),
        (&json!("status"), &json!(run))
    );
}

#[tokio::test]
async fn an_attached_job_ends_with_its_connection_and_no_other_does() {
    let server = Server::start().await;
    let (container, run, client) = server.run(&format!("{RUN}?action=run&attach=1"), &[]).await;
    drop(client);
    container.gone().await;
    let status = server
        .get(&format!("/runs/{run}/status?output_type=wait"))
        .await;
    assert_eq!(status.json()["state"], "aborted");

    let waiting = format!("{RUN}?action=run&attach=true&output=status&id=waiting");
    let client = server.send("GET", &waiting, &[]).await;
    let container = server.theatre.container().await;
    drop(client);
    container.gone().await;

    let (container, _, client) = server.run(&format!("{RUN}?action=run&id=other"), &[]).await;
    drop(client);
    container.print("goes on").end(0);
    let log = server
        .get(&format!("{RUN}?id=other&output_type=wait"))
        .await;
    assert!(log.text().contains("goes on"));
}

#[tokio::test]
async fn whoever_joins_with_attach_ends_the_job_too() {
    let server = Server::start().await;
    let (container, run, _starter) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let mut joiner = server
        .send("GET", &format!("{RUN}?action=run&attach=1"), &[])
        .await;
    assert_eq!(joiner.head().await.header("dogi-run"), run);
    drop(joiner);
    container.gone().await;
}

#[tokio::test]
async fn a_stop_ends_no_job() {
    let server = Server::start().await;
    let (container, _, client) = server.run(&format!("{RUN}?action=run&attach=1"), &[]).await;
    server.stop.cancel();
    while server
        .engine
        .submit(container.spec.clone(), dogi_job::Submit::Run)
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    drop(client);
    crate::within(server.task).await.expect("no panic");
    let run = server.engine.jobs().pop().expect("it goes on");
    assert_eq!(run.status().state.as_str(), "running");
    assert!(!container.is_gone(), "nobody told it to stop");
}

#[tokio::test]
async fn heads_and_prefetches_start_nothing() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=run");
    let head = server.ask("HEAD", &target, &[]).await;
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    for field in [
        "sec-purpose: prefetch",
        "sec-purpose: prefetch;prerender",
        "purpose: prefetch",
    ] {
        server.ask("GET", &target, &[field]).await.problem(503);
    }
    assert_eq!(server.ask("HEAD", RUN, &[]).await.status, 404);
    let (container, run, _client) = server.run(&target, &[]).await;
    let head = server.ask("HEAD", RUN, &[]).await;
    assert_eq!((head.status, head.header("dogi-run")), (200, run.as_str()));
    container.end(0);
    assert_eq!(
        server.get("/runs").await.json()["runs"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn one_idempotency_key_is_one_run() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=restart&output_type=async");
    let ask = async |target: String, key: &str| -> Answer {
        server
            .ask("GET", &target, &[&format!("idempotency-key: {key}")])
            .await
    };
    let first = ask(target.clone(), "k1").await;
    server.theatre.container().await.end(0);
    let second = ask(target.clone(), "k1").await;
    assert_eq!(first.header("dogi-run"), second.header("dogi-run"));
    let other = ask(target.clone(), "k2").await;
    server.theatre.container().await.end(0);
    assert_ne!(first.header("dogi-run"), other.header("dogi-run"));
    assert!(
        ask(format!("{target}&env_A=b"), "k1")
            .await
            .problem(422)
            .contains("k1")
    );
}

#[tokio::test]
async fn of_several_restarts_the_last_one_finishes() {
    let server = Server::start().await;
    let target = format!("{RUN}?action=restart&output=status");
    let first = server.send("GET", &target, &["connection: close"]).await;
    let container = server.theatre.container().await;
    let second = server.send("GET", &target, &["connection: close"]).await;
    container.gone().await;
    let first = first.answer().await;
    assert_eq!(
        (first.status, &first.json()["state"]),
        (500, &json!("superseded"))
    );
    assert_eq!(
        first.json()["errors"],
        json!(["Killed by subsequent restart"])
    );
    server.theatre.container().await.end(0);
    assert_eq!(second.answer().await.status, 200);
}

#[tokio::test]
async fn abort_answers_with_the_status() {
    let server = Server::start().await;
    let (container, run, client) = server
        .run(
            &format!("{RUN}?action=run"),
            &["TE: trailers", "connection: close"],
        )
        .await;
    let aborted = server.get(&format!("{RUN}?action=abort")).await;
    container.gone().await;
    assert_eq!((aborted.status, &aborted.json()["run"]), (200, &json!(run)));
    assert_eq!(aborted.json()["errors"], json!(["Killed by abort"]));
    assert_eq!(client.answer().await.trailers["dogi-state"], "aborted");
}

/// The listener explains what hyper refuses by itself; a program can print the very same bytes.
#[tokio::test]
async fn output_that_looks_like_a_refusal_is_still_output() {
    let server = Server::start().await;
    let (container, run, client) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let text = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    container.print(text).print("x".repeat(1 << 20)).end(0);
    let log = client.answer().await.text();
    let begin = log.find(text).expect("it is there");
    let range = format!("range: bytes={begin}-{}", begin + text.len() - 1);
    let answer = server
        .ask("GET", &format!("/runs/{run}/log"), &[&range])
        .await;
    assert_eq!((answer.status, answer.text().as_str()), (206, text));
}
