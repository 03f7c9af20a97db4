//! What a program prints.

use std::time::{Duration, Instant};

use dogi_command::{ExitWatch, Status};

use crate::support::{
    ALL, command, is_there, number, printed, read_until, run, sh, text, until_dead,
};

#[tokio::test]
async fn both_channels_in_the_order_of_writing() {
    let script = "i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
    let expected: String = (0..500).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(printed(sh(script)).await, expected);
}

#[tokio::test]
async fn it_comes_while_the_program_runs() {
    let mut running = sh("echo one; sleep 1000").spawn().await.unwrap();
    assert_eq!(read_until(&mut running.output, "one\n").await, "one\n");
    running.process.stop().await.unwrap();
    assert_eq!(running.output.next().await.unwrap(), None);
    assert_eq!(running.output.next().await.unwrap(), None);
}

#[tokio::test]
async fn the_last_line_needs_no_end() {
    assert_eq!(
        printed(command("printf", ["no newline"])).await,
        "no newline"
    );
    assert_eq!(printed(command("true", [])).await, "");
}

/// What is held is what one chunk has, however much there is.
#[tokio::test]
async fn a_hundred_megabytes() {
    const BYTES: usize = 100_000_000;
    const LARGEST: usize = 64 * 1024;
    let line = b"0123456789abcde\n";
    let pattern = line.repeat(LARGEST / line.len() + 1);
    let script = format!("yes 0123456789abcde | head -c {BYTES}");
    let mut running = sh(&script).spawn().await.unwrap();
    let mut read = 0;
    while let Some(chunk) = running.output.next().await.unwrap() {
        assert!((1..=LARGEST).contains(&chunk.len()));
        let begin = read % line.len();
        assert!(chunk == pattern[begin..begin + chunk.len()], "at {read}");
        read += chunk.len();
    }
    assert_eq!(read, BYTES);
    assert!(running.wait().await.unwrap().success());
}

#[tokio::test]
async fn only_the_beginning_is_kept() {
    let cases = [
        ("printf 12345", 5, "12345", 0),
        ("printf 12345", 4, "1234", 1),
        ("printf 12345", 0, "", 5),
        ("printf ''", 3, "", 0),
        (
            "head -c 3000000 /dev/zero | tr '\\0' x",
            3,
            "xxx",
            2_999_997,
        ),
    ];
    for (script, limit, bytes, dropped) in cases {
        let (output, exit) = sh(script)
            .spawn()
            .await
            .unwrap()
            .collect(limit)
            .await
            .unwrap();
        assert_eq!(
            (text(&output.bytes).as_str(), output.dropped),
            (bytes, dropped),
            "{script}"
        );
        assert!(exit.success() && !output.held_open);
    }
}

/// The program does not stand still because nobody reads.
#[tokio::test]
async fn waiting_reads_on() {
    let mut running = sh("head -c 3000000 /dev/zero; exit 9")
        .spawn()
        .await
        .unwrap();
    assert_eq!(running.wait().await.unwrap().status, Status::Code(9));
}

/// A program that closes its output is waited for all the same.
#[tokio::test]
async fn the_output_may_end_first() {
    let (output, exit) = run(sh("echo done; exec >/dev/null 2>&1; sleep 0.05; exit 6")).await;
    assert_eq!(
        (output.bytes.as_ref(), exit.status),
        (&b"done\n"[..], Status::Code(6))
    );
}

#[tokio::test]
async fn without_a_reader_writing_fails() {
    let running = sh("exec yes").spawn().await.unwrap();
    let mut process = running.process;
    drop(running.output);
    assert_eq!(process.wait().await.unwrap().status, Status::Signal(13));
}

#[tokio::test]
async fn output_of_a_child_that_outlives_the_program() {
    let script = "(while kill -0 $$ 2>/dev/null; do sleep 0.01; done; echo late) & echo early";
    let mut spec = sh(script);
    spec.limits.linger = Duration::from_secs(1000);
    let (output, exit) = run(spec).await;
    assert_eq!(output.bytes, "early\nlate\n");
    assert!(exit.success() && !output.held_open);
}

#[tokio::test]
async fn a_child_that_holds_the_output_open() {
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let mut spec = sh("sleep 1000 & echo $!");
        spec.limits.linger = Duration::from_millis(20);
        spec.limits.exit_watch = watch;
        let began = Instant::now();
        let (output, exit) = run(spec).await;
        assert!(began.elapsed() < Duration::from_secs(900));
        assert!(output.held_open && exit.success());
        let child = number(&text(&output.bytes));
        assert!(is_there(child));
        run(command("kill", [&child.to_string()])).await;
        until_dead(child).await;
    }
}

/// Not even one that never stops writing.
#[tokio::test]
async fn a_child_that_writes_on_and_on() {
    let mut spec = sh("echo started; yes &");
    spec.limits.linger = Duration::from_millis(20);
    let mut running = spec.spawn().await.unwrap();
    let output = running.output.read_to_limit(ALL).await.unwrap();
    assert!(output.held_open && text(&output.bytes).contains("started\n"));
    assert!(running.wait().await.unwrap().success());
    // The pipe is closed, which ends it.
    drop(running);
}

/// Time that passes before somebody reads is no reason to lose what the program wrote.
#[tokio::test]
async fn a_late_reader_loses_nothing() {
    let mut spec = sh("sleep 1000 & echo $!; head -c 40000 /dev/zero | tr '\\0' x");
    spec.limits.linger = Duration::ZERO;
    let mut running = spec.spawn().await.unwrap();
    assert!(running.process.wait().await.unwrap().success());
    let output = running.output.read_to_limit(ALL).await.unwrap();
    let (child, rest) = text(&output.bytes)
        .split_once('\n')
        .map(|(a, b)| (number(a), b.len()))
        .unwrap();
    assert_eq!((rest, output.dropped, output.held_open), (40_000, 0, true));
    run(command("kill", [&child.to_string()])).await;
}
