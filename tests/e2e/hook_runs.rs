//! Commands of hooks: those that somebody waits for, and those that are runs.

use std::time::Duration;

use dogi_testkit::wait;
use serde_json::Value;

use crate::harness::{Hooks, processes, wait_for_process, wait_until_no_process};

/// A hook that runs a line of shell, with more keys.
fn hook(id: &str, line: &str, more: &str) -> String {
    format!(
        "- id: {id}\n  execute-command: /bin/sh\n  pass-arguments-to-command:\n  \
         - {{source: string, name: '-c'}}\n  - {{source: string, name: '{line}'}}\n  \
         - {{source: string, name: sh}}\n  - {{source: url, name: n}}\n{more}"
    )
}

/// A number of seconds that no other test sleeps for.
fn unique() -> String {
    let millis = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!(
        "100{}",
        millis.expect("after 1970").as_nanos() % 1_000_000_000
    )
}

async fn started(hooks: &Hooks, id: &str) -> String {
    let answer = hooks.get(id).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("dogi-run").expect("a run").to_owned()
}

async fn status(hooks: &Hooks, run: &str) -> Value {
    hooks.dogi.get(&format!("/runs/{run}")).await.json()
}

#[tokio::test]
async fn an_asynchronous_command_is_a_run_that_can_be_followed_aborted_and_run_again() {
    let sleep = unique();
    let text = hook("go", &format!("echo begin; sleep {sleep}"), "")
        + &hook(
            "quick",
            "echo $1; exit 3",
            "  response-message: on its way\n",
        );
    let hooks = Hooks::start(&text).await;

    let answer = hooks.get("quick?n=7").await;
    assert_eq!(answer.text(), "on its way");
    let run = answer.header("dogi-run").expect("a run").to_owned();
    let over = hooks.over(&run).await;
    assert_eq!(over["state"], "failed");
    assert_eq!(
        (&over["hook"], &over["exit_code"]),
        (&"quick".into(), &3.into())
    );
    let log = hooks.dogi.get(&format!("/runs/{run}/log")).await.text();
    assert_eq!(log, "7\ndogi: Execution failed with code 3\n");

    let stranger = hooks.dogi.request("POST", &format!("/runs/{run}/rerun"));
    assert_eq!(
        hooks.dogi.ask(stranger).await.status,
        403,
        "that is for the operator"
    );
    let again = hooks.rerun(&run).await;
    assert_eq!(again.status, 202, "{}", again.text());
    let again = again.json()["run"].as_str().expect("a run").to_owned();
    assert_ne!(again, run);
    assert_eq!(hooks.over(&again).await["exit_code"], 3);

    let run = started(&hooks, "go").await;
    wait_for_process(&sleep).await;
    let jobs = hooks.dogi.get("/jobs").await.text();
    assert!(jobs.contains(&run), "{jobs}");
    let abort = hooks.dogi.request("POST", &format!("/runs/{run}/abort"));
    let abort = hooks.dogi.ask(abort).await;
    assert_eq!(abort.status, 200, "{}", abort.text());
    assert!(
        processes(&sleep).is_empty(),
        "it and its child are gone when the answer comes"
    );
    assert_eq!(hooks.over(&run).await["state"], "aborted");
    let listed = hooks.dogi.get("/runs").await.json();
    assert_eq!(
        listed["runs"].as_array().map(Vec::len),
        Some(3),
        "{listed:#}"
    );
}

#[tokio::test]
async fn a_hook_has_a_queue_of_its_own_and_refuses_beyond_it() {
    let sleep = unique();
    let limits = "  max-concurrent: 1\n  max-queued: 2\n";
    let wait = format!("{limits}  include-command-output-in-response: true\n");
    let line = format!("sleep {sleep}");
    let text =
        hook("async", &line, limits) + &hook("sync", &line, &wait) + &hook("free", "true", "");
    let hooks = Hooks::start(&text).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(started(&hooks, "async").await);
    }
    let refused = hooks.get("async").await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(status(&hooks, &runs[2]).await["queue_position"], 2);
    let free = started(&hooks, "free").await;
    assert_eq!(hooks.over(&free).await["state"], "succeeded");

    // The same for those that are waited for: 1 runs, 2 wait, whether or not the client stays.
    let dogi = &hooks.dogi;
    let clients: Vec<_> = (0..3)
        .map(|_| tokio::spawn(dogi.request("GET", "/hooks/sync").send()))
        .collect();
    wait::until("a fourth to be refused", || async {
        let answer = tokio::time::timeout(Duration::from_secs(1), hooks.get("sync")).await;
        answer
            .is_ok_and(|answer| answer.status == 429)
            .then_some(())
    })
    .await
    .expect("it is");
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    let log = hooks.deliveries().await;
    let reason = log[0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("max-queued"), "{log:?}");
}

#[tokio::test]
async fn what_was_not_over_when_the_server_was_killed_is_a_recorded_failure() {
    let sleep = unique();
    let line = format!("echo $1 >> {{TMP}}/begun; echo begin; exec sleep {sleep}");
    let text = hook("go", &line, "  max-concurrent: 2\n");
    let mut hooks = Hooks::start(&text).await;
    let mut runs = Vec::new();
    for n in 0..6 {
        runs.push(started(&hooks, &format!("go?n={n}")).await);
    }
    wait::until("two to have begun", || async {
        (hooks.lines("begun").len() == 2).then_some(())
    })
    .await
    .expect("they do");
    hooks.dogi.kill();
    hooks.dogi.restart().await;
    for (n, run) in runs.iter().enumerate() {
        let over = hooks.over(run).await;
        assert_eq!(over["state"], "lost", "{over:#}");
        let error = over["errors"][0].as_str().unwrap_or_default().to_owned();
        let wanted = match n {
            0 | 1 => "while the command ran",
            _ => "before the command began",
        };
        assert!(error.contains(wanted), "{n}: {error}");
    }
    assert_eq!(hooks.lines("begun").len(), 2, "nothing is begun again");
    // Orphans of a killed server go on: nobody knows what it would mean to stop them half-way.
    for id in processes(&sleep) {
        let id = i32::try_from(id)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let _ = rustix::process::kill_process(id.expect("an id"), rustix::process::Signal::KILL);
    }
    // One that waited can be run again by hand.
    assert_eq!(hooks.rerun(&runs[5]).await.status, 202);
    // Told by what it writes: the orphans' processes may still be there, for a moment.
    let third = || async { hooks.lines("begun").get(2).cloned() };
    let begun = wait::until("a third to have begun", third).await;
    assert_eq!(begun.expect("it does"), "5");
}

#[tokio::test]
async fn a_stop_lets_commands_end_begins_no_more_and_ends_those_that_take_too_long() {
    let sleep = unique();
    let line = format!("trap \"echo asked >> {{TMP}}/asked; exit\" TERM; sleep {sleep} & wait");
    let text = hook(
        "short",
        "echo $1 >> {TMP}/begun; sleep 1; echo $1 >> {TMP}/done",
        "  max-concurrent: 1\n",
    ) + &hook("long", &line, "");
    let variables = [
        crate::harness::NO_DOCKER,
        ("BYPASS_SIGNATURES", "true"),
        ("STOP_GRACE", "3s"),
    ];
    let mut hooks = Hooks::with(&text, &variables).await;
    let mut short = Vec::new();
    for n in 0..3 {
        short.push(started(&hooks, &format!("short?n={n}")).await);
    }
    let long = started(&hooks, "long").await;
    wait_for_process(&sleep).await;
    let begun = || async { (!hooks.lines("begun").is_empty()).then_some(()) };
    wait::until("one to begin", begun).await.expect("it does");
    assert_eq!(hooks.dogi.terminate().await, Some(0));
    assert_eq!(
        hooks.lines("done"),
        ["0"],
        "what had begun ended, and nothing else began"
    );
    assert_eq!(
        hooks.lines("asked"),
        ["asked"],
        "it was asked before it was killed"
    );
    wait_until_no_process(&sleep).await;
    hooks.dogi.restart().await;
    let mut states = Vec::new();
    for run in short.iter().chain([&long]) {
        states.push(hooks.over(run).await["state"].clone());
    }
    assert_eq!(states, ["succeeded", "lost", "lost", "lost"]);
}

#[tokio::test]
async fn output_is_streamed_while_it_is_written_and_the_command_ends_with_the_connection() {
    let sleep = unique();
    let line = format!("echo one; echo two >&2; sleep {sleep} & wait");
    let text = hook("tail", &line, "  stream-command-output: true\n")
        + &hook(
            "ends",
            "echo last; exit 4",
            "  stream-command-output: true\n",
        );
    let hooks = Hooks::start(&text).await;
    let mut answer = hooks.dogi.open("/hooks/tail").await;
    let mut seen = Vec::new();
    while seen != b"one\ntwo\n" {
        seen.extend_from_slice(&answer.chunk().await.expect("readable").expect("not over"));
    }
    wait_for_process(&sleep).await;
    drop(answer);
    wait_until_no_process(&sleep).await;
    let raw = hooks.dogi.raw_get("/hooks/ends", &["te: trailers"]).await;
    assert_eq!(
        raw.trailers.get("dogi-exit-code").map(String::as_str),
        Some("4")
    );
    assert!(raw.complete);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_a_command_whose_output_it_waited_for() {
    let line = "echo begun > {TMP}/begun; sleep 1; echo done > {TMP}/done";
    let text = hook("h", line, "  include-command-output-in-response: true\n");
    let hooks = Hooks::start(&text).await;
    let client = tokio::spawn(hooks.dogi.request("GET", "/hooks/h").send());
    let begun = || async { (!hooks.lines("begun").is_empty()).then_some(()) };
    wait::until("it to begin", begun).await.expect("it does");
    client.abort();
    let done = || async { (!hooks.lines("done").is_empty()).then_some(()) };
    wait::until("it to end", done).await.expect("it does");
}

#[tokio::test]
async fn a_time_limit_ends_a_command_and_its_children() {
    let sleep = unique();
    let more = "  timeout: 1s\n";
    let wait = format!("{more}  include-command-output-in-response: true\n");
    let line = format!("sleep {sleep} & wait");
    let text = hook("sync", &line, &wait) + &hook("async", &line, more);
    let hooks = Hooks::start(&text).await;
    assert_eq!(hooks.get("sync").await.status, 500);
    let run = started(&hooks, "async").await;
    assert_eq!(hooks.over(&run).await["state"], "timed_out");
    wait_until_no_process(&sleep).await;
}

#[tokio::test]
async fn values_that_begin_with_a_dash_are_refused_where_the_hook_says_so() {
    let text = "\
- id: h
  execute-command: /bin/echo
  include-command-output-in-response: true
  reject-leading-dash: true
  pass-arguments-to-command: [{source: string, name: -n}, {source: url, name: a}]
";
    let hooks = Hooks::start(text).await;
    assert_eq!(hooks.get("h?a=x").await.text(), "x");
    let refused = hooks.get("h?a=--help").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("begins with '-'"),
        "{}",
        refused.text()
    );
}
