//! What a task tells the person at the terminal. A closed pipe is not an error.

use std::{
    fmt::Display,
    io::{self, Write as _},
    time::{Duration, Instant},
};

/// A line on standard output.
pub fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// What is being done now.
pub fn step(text: impl Display) {
    line(format_args!("==> {text}"));
}

/// What went wrong, on standard error.
pub fn error(text: &str) {
    let _ = io::stdout().flush();
    let _ = writeln!(io::stderr().lock(), "xtask: {text}");
}

/// A stop-watch.
#[derive(Clone, Copy, Debug)]
pub struct Watch(Instant);

impl Watch {
    /// Starts it.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it runs.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The same, for reading: `7.3 s`, `2 min 05 s`.
    pub fn text(&self) -> String {
        duration(self.elapsed())
    }
}

/// A duration for reading: `7.3 s`, `2 min 05 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
