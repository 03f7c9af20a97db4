//! Jobs that write numbered lines, and what must be found of them in the end.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use dogi_testkit::wait;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Dogi, Engine, Followed, encode, of_namespace};

/// A job that writes `lines` lines to each of its outputs and ends with `code`.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Of the run URL.
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) lines: usize,
    /// Seconds between two lines, as `sleep` takes them.
    pub(crate) pause: &'static str,
    pub(crate) tty: bool,
    /// Whether it writes to a followed file too.
    pub(crate) file: bool,
    pub(crate) code: i64,
    /// Where the result is to be sent.
    pub(crate) callback: Option<String>,
    /// What its script begins with.
    pub(crate) before: &'static str,
    /// After this line it waits for a file `/go`.
    pub(crate) waits_after: Option<usize>,
}

impl Job {
    /// A job with standard output and standard error that ends well.
    pub(crate) fn new(path: &str, id: &str, lines: usize, pause: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            id: id.to_owned(),
            lines,
            pause,
            tty: false,
            file: false,
            code: 0,
            callback: None,
            before: "",
            waits_after: None,
        }
    }

    /// The run URL that starts it.
    pub(crate) fn target(&self) -> String {
        let Self {
            path,
            id,
            lines,
            pause,
            tty,
            code,
            before,
            waits_after,
            ..
        } = self;
        let file = if self.file { "echo f $i >> /f;" } else { "" };
        let wait = waits_after.map_or_else(String::new, |line| {
            format!("[ $i -ne {line} ] || while ! test -e /go; do hold; sleep 0.05; done;")
        });
        let hold = "hold() { while test -e /hold; do echo $i > /held; sleep 0.05; done; };";
        let script = encode(&format!(
            "{hold} {before} i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo o $i; echo e $i >&2; {file} \
             sleep {pause}; {wait} hold; done; exit {code}"
        ));
        let mut target = format!("{path}?action=run&id={id}&tty={tty}&bashc={script}");
        if self.file {
            target.push_str("&file_data=/f");
        }
        if let Some(callback) = &self.callback {
            write!(target, "&cb={}&cb_on=always", encode(callback)).expect("a String takes it");
        }
        target
    }

    /// Lets those that wait for a file `/go` in their containers go on.
    pub(crate) fn go(engine: &Engine, namespace: &str) {
        for container in engine.running(&of_namespace(namespace)) {
            engine.docker(&["exec", &container, "touch", "/go"]);
        }
    }

    /// Submits it and returns its run.
    pub(crate) async fn submit(&self, dogi: &Dogi) -> Submitted {
        let target = self.target() + "&output=status&output_type=async";
        let answer = dogi.get(&target).await;
        assert!([200, 202].contains(&answer.status), "{}", answer.text());
        let run = answer.json()["run"].as_str().expect("a run").to_owned();
        Submitted {
            job: self.clone(),
            run,
        }
    }
}

/// A time of a status.
pub(crate) fn moment(status: &Value, name: &str) -> OffsetDateTime {
    let text = status[name].as_str().unwrap_or_default();
    OffsetDateTime::parse(text, &Rfc3339)
        .unwrap_or_else(|error| panic!("{name}: {error}: {status:#}"))
}

/// A job that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Submitted {
    pub(crate) job: Job,
    pub(crate) run: String,
}

impl Submitted {
    /// The target of one of its outputs.
    pub(crate) fn output(&self, name: &str) -> String {
        format!("/runs/{}/{name}", self.run)
    }

    pub(crate) async fn status(&self, dogi: &Dogi) -> Value {
        dogi.get(&format!("/runs/{}", self.run)).await.json()
    }

    /// Waits until it has printed something.
    pub(crate) async fn prints(&self, dogi: &Dogi, limit: Duration) {
        let what = format!("{} to print", self.job.id);
        let begun = || async {
            self.streams(dogi)
                .await
                .contains_key("stdout")
                .then_some(())
        };
        if let Err(error) = wait::within(limit, &what, begun).await {
            let (status, streams) = (self.status(dogi).await, self.streams(dogi).await);
            panic!("{error}: {status:#} {streams:#?}");
        }
    }

    /// Waits until it is over.
    pub(crate) async fn ends(&self, dogi: &Dogi, limit: Duration) {
        let what = format!("{} to end", self.job.id);
        let over = || async {
            self.status(dogi).await["finished_at"]
                .is_string()
                .then_some(())
        };
        wait::within(limit, &what, over).await.expect("it ends");
    }

    /// What is there of an output now.
    async fn text(&self, dogi: &Dogi, output: &str) -> String {
        let now = format!("{}?output_type=async", self.output(output));
        dogi.get(&now).await.text()
    }

    /// What is there of its log now, by stream: `stdout`, `stderr`, `system`.
    pub(crate) async fn streams(&self, dogi: &Dogi) -> BTreeMap<String, String> {
        let request = dogi
            .request("GET", &format!("{}?output_type=async", self.output("log")))
            .header("accept", "application/x-ndjson");
        let answer = dogi.ask(request).await;
        let mut streams: BTreeMap<String, String> = BTreeMap::new();
        for line in answer.text().lines() {
            let object: Value = serde_json::from_str(line).expect("a JSON object a line");
            if let Some(data) = object["data"].as_str() {
                let stream = object["stream"].as_str().expect("logs have streams");
                streams.entry(stream.to_owned()).or_default().push_str(data);
            }
        }
        streams
    }

    /// Asserts that it ended as it was to, and that every line is there once and in order.
    pub(crate) async fn assert_complete(&self, dogi: &Dogi) {
        let status = self.status(dogi).await;
        let state = if self.job.code == 0 {
            "succeeded"
        } else {
            "failed"
        };
        assert_eq!(
            (&status["state"], &status["exit_code"]),
            (&state.into(), &self.job.code.into()),
            "{status:#} {:#?}",
            self.streams(dogi).await
        );
        let found = self.assert_lines_once(dogi).await;
        assert!(
            found.values().all(|lines| *lines == self.job.lines),
            "the output of {} is cut: {found:?}: {:?}",
            self.job.id,
            self.streams(dogi).await.remove("system")
        );
        if self.job.code != 0 {
            let told = format!("dogi: Execution failed with code {}\n", self.job.code);
            let system = self.streams(dogi).await.remove("system");
            let times = system.map_or(0, |system| system.matches(&told).count());
            assert_eq!(times, 1, "the log of {} tells its end once", self.job.id);
        }
    }

    /// As [`assert_complete`](Self::assert_complete), of a job that ended while the engine was away:
    /// where its last lines are missing, the log says so.
    pub(crate) async fn assert_complete_or_marked(&self, dogi: &Dogi) {
        let status = self.status(dogi).await;
        assert_eq!(status["exit_code"], self.job.code, "{status:#}");
        let found = self.assert_lines_once(dogi).await;
        let marked = self.text(dogi, "log").await.contains("may be missing");
        let complete = found.values().all(|lines| *lines == self.job.lines);
        assert!(complete || marked, "{found:?}");
    }

    /// Asserts that it is told as lost, with the reason, and that of what it printed everything is
    /// there once that came before its end. Returns how many lines there are of each output.
    pub(crate) async fn assert_lost(&self, dogi: &Dogi) -> BTreeMap<&'static str, usize> {
        let status = self.status(dogi).await;
        assert_eq!(status["state"], "lost", "{status:#}");
        let told = status["errors"][0].as_str().unwrap_or_default();
        assert!(told.contains("engine stopped"), "{status:#}");
        let system = self
            .streams(dogi)
            .await
            .remove("system")
            .unwrap_or_default();
        assert_eq!(system.matches(told).count(), 1, "the log tells it once");
        self.assert_lines_once(dogi).await
    }

    /// Asserts that every line that is there is there once and in order, without a gap; of the
    /// followed file too. Returns how many there are of each output.
    pub(crate) async fn assert_lines_once(&self, dogi: &Dogi) -> BTreeMap<&'static str, usize> {
        let Job { id, tty, .. } = &self.job;
        let mut streams = self.streams(dogi).await;
        let mut of = |stream: &str| streams.remove(stream).unwrap_or_default();
        let mut found = BTreeMap::new();
        let mut check = |what, text: &str, names: &[&str], end| {
            let lines = text.lines().count().div_ceil(names.len());
            let expected = numbered(names, lines, end);
            let cut_short = expected.get(..text.len()).unwrap_or(&expected);
            assert_same(id, what, text, cut_short);
            found.insert(what, text.matches(end).count() / names.len());
        };
        if *tty {
            check("stdout", &of("stdout"), &["o", "e"], "\r\n");
        } else {
            check("stdout", &of("stdout"), &["o"], "\n");
            check("stderr", &of("stderr"), &["e"], "\n");
        }
        if self.job.file {
            let file = self.text(dogi, "file_data").await;
            check("file_data", &file, &["f"], "\n");
        }
        found
    }

    /// Asserts that a follower saw exactly what is in an output.
    pub(crate) async fn assert_followed(&self, dogi: &Dogi, output: &str, seen: &Followed) {
        let there = self.text(dogi, output).await;
        let seen_text = seen.text.get(output).map_or("", String::as_str);
        let name = format!("what a follower saw of {output}");
        assert_same(&self.job.id, &name, seen_text, &there.replace("\r\n", "\n"));
        assert_eq!(
            seen.restarts, 0,
            "{output} of {} never starts over",
            self.job.id
        );
        assert_eq!(
            seen.status["run"], *self.run,
            "the last event is the status"
        );
    }
}

/// Lines with each of these names and a number.
fn numbered(names: &[&str], lines: usize, end: &str) -> String {
    let mut text = String::new();
    for line in 1..=lines {
        for name in names {
            write!(text, "{name} {line}{end}").expect("a String takes everything");
        }
    }
    text
}

/// As `assert_eq`, and says where the difference is instead of showing everything.
fn assert_same(id: &str, what: &str, found: &str, expected: &str) {
    let same = found
        .bytes()
        .zip(expected.bytes())
        .take_while(|(found, expected)| found == expected)
        .count();
    if same < found.len().max(expected.len()) {
        let around = |text: &str| {
            let window = same.saturating_sub(40)..(same + 40).min(text.len());
            text.get(window).unwrap_or("(shorter)").to_owned()
        };
        panic!(
            "{what} of {id}: {} bytes instead of {}; at byte {same}: {:?} instead of {:?}",
            found.len(),
            expected.len(),
            around(found),
            around(expected)
        );
    }
}
