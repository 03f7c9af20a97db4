//! BuildKit's status messages as the text that `docker build --progress=plain` prints. Pure.

use std::collections::HashMap;
use std::fmt::Write;

use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};

/// Turns status messages into lines, numbering the steps in the order in which they begin.
#[derive(Debug, Default)]
pub struct Progress {
    steps: HashMap<String, Step>,
    begun: usize,
}

#[derive(Debug, Default)]
struct Step {
    number: usize,
    started: Option<Instant>,
    ended: bool,
    /// Lines whose end has not come yet: of standard output, and of standard error.
    partial: [Vec<u8>; 2],
    /// Downloads that were told.
    done: Vec<String>,
}

/// Nanoseconds since the epoch, by the engine's clock.
type Instant = i128;

/// Number of standard error in the messages.
const STDERR: i64 = 2;
/// A line that does not end is printed in parts of this size.
const LONGEST_LINE: usize = 16 * 1024;

impl Progress {
    /// No step yet.
    pub fn new() -> Progress {
        Progress::default()
    }

    /// The text that a message adds to the log.
    pub fn take(&mut self, message: &StatusResponse) -> Vec<u8> {
        let mut text = Vec::new();
        for vertex in &message.vertexes {
            self.begin(vertex, &mut text);
            if vertex.cached {
                self.end(vertex, &mut text);
            }
        }
        for status in &message.statuses {
            self.download(status, &mut text);
        }
        for log in &message.logs {
            self.output(log, &mut text);
        }
        for warning in &message.warnings {
            let short = String::from_utf8_lossy(&warning.short);
            let number = self
                .steps
                .get(&warning.vertex)
                .map_or(0, |step| step.number);
            line(&mut text, number, &format!("WARN: {short}"));
        }
        for vertex in &message.vertexes {
            self.end(vertex, &mut text);
        }
        text
    }

    fn begin(&mut self, vertex: &Vertex, text: &mut Vec<u8>) {
        let started = vertex
            .started
            .as_ref()
            .map(|at| nanos(at.seconds, at.nanos));
        if started.is_none() && !vertex.cached {
            return;
        }
        let known = self.steps.contains_key(&vertex.digest);
        let begun = &mut self.begun;
        let step = self.steps.entry(vertex.digest.clone()).or_insert_with(|| {
            *begun += 1;
            Step {
                number: *begun,
                ..Step::default()
            }
        });
        step.started = step.started.or(started);
        if !known {
            line(text, step.number, &vertex.name);
        }
    }

    fn end(&mut self, vertex: &Vertex, text: &mut Vec<u8>) {
        let Some(step) = self.steps.get_mut(&vertex.digest) else {
            return;
        };
        let Some(completed) = vertex.completed.as_ref().filter(|_| !step.ended) else {
            return;
        };
        step.ended = true;
        for stream in 0..step.partial.len() {
            step.flush(stream, text, None);
        }
        let seconds = step.since_start(nanos(completed.seconds, completed.nanos));
        let outcome = match vertex {
            Vertex { error, .. } if !error.is_empty() => format!("ERROR: {}", error.trim_end()),
            Vertex { cached: true, .. } => "CACHED".to_owned(),
            _ => format!("DONE {seconds:.1}s"),
        };
        line(text, step.number, &outcome);
    }

    /// Downloads are told once, when they are complete.
    fn download(&mut self, status: &VertexStatus, text: &mut Vec<u8>) {
        let Some(step) = self.steps.get_mut(&status.vertex) else {
            return;
        };
        if status.completed.is_none() || step.done.contains(&status.id) {
            return;
        }
        step.done.push(status.id.clone());
        let mut what = status.id.clone();
        if status.total > 0 {
            // Writing to a string can't fail.
            let _ = write!(what, " {}", size(status.total));
        }
        line(text, step.number, &format!("{what} done"));
    }

    fn output(&mut self, log: &VertexLog, text: &mut Vec<u8>) {
        let Some(step) = self.steps.get_mut(&log.vertex) else {
            return;
        };
        let at = log.timestamp.as_ref().map(|at| nanos(at.seconds, at.nanos));
        let stream = usize::from(log.stream == STDERR);
        for part in log.msg.split_inclusive(|byte| *byte == b'\n') {
            step.partial[stream].extend_from_slice(part);
            if part.ends_with(b"\n") || step.partial[stream].len() >= LONGEST_LINE {
                step.flush(stream, text, at);
            }
        }
    }
}

impl Step {
    fn since_start(&self, at: Instant) -> f64 {
        let nanos = self.started.map_or(0, |started| at - started).max(0);
        nanos as f64 / 1e9
    }

    fn flush(&mut self, stream: usize, text: &mut Vec<u8>, at: Option<Instant>) {
        if self.partial[stream].is_empty() {
            return;
        }
        let prefix = match at {
            Some(at) => format!("#{} {:.3} ", self.number, self.since_start(at)),
            None => format!("#{} ", self.number),
        };
        text.extend_from_slice(prefix.as_bytes());
        text.append(&mut self.partial[stream]);
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
}

fn nanos(seconds: i64, nanos: i32) -> Instant {
    Instant::from(seconds) * 1_000_000_000 + Instant::from(nanos)
}

fn line(text: &mut Vec<u8>, number: usize, content: &str) {
    text.extend_from_slice(format!("#{number} {content}\n").as_bytes());
}

fn size(bytes: i64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b >= 1e9 => format!("{:.2}GB", b / 1e9),
        b if b >= 1e6 => format!("{:.2}MB", b / 1e6),
        b if b >= 1e3 => format!("{:.2}kB", b / 1e3),
        b => format!("{b}B"),
    }
}
