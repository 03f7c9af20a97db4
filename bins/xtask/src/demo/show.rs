//! Two streams side by side, as they come.

use std::time::Duration;

use super::repo::{LINES, expected_file};
use crate::{Failure, Result, http, say};

/// What came on one stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    text: String,
    /// When each line was complete.
    lines: Vec<Duration>,
    state: Option<String>,
}

/// What came on both.
#[derive(Debug)]
pub(crate) struct Streams {
    log: Stream,
    file: Stream,
}

/// Opens both and prints each line with its time and the stream's name.
pub(crate) async fn side_by_side(log: &str, file: &str) -> Result<Streams> {
    let watch = say::Watch::start();
    let (log, file) = tokio::join!(follow(log, "log ", watch), follow(file, "file", watch));
    Ok(Streams {
        log: log?,
        file: file?,
    })
}

async fn follow(url: &str, name: &str, watch: say::Watch) -> Result<Stream> {
    let mut answer = http::get(url).await?.ok().await?;
    let mut stream = Stream::default();
    let mut rest = String::new();
    while let Some(piece) = answer.next().await? {
        rest.push_str(&String::from_utf8_lossy(&piece));
        while let Some(end) = rest.find('\n') {
            let line: String = rest.drain(..=end).collect();
            stream.line(&line, name, watch);
        }
    }
    if !rest.is_empty() {
        stream.line(&rest, name, watch);
    }
    stream.state = answer.trailer("dogi-state").map(str::to_owned);
    Ok(stream)
}

impl Stream {
    fn line(&mut self, line: &str, name: &str, watch: say::Watch) {
        let time = watch.elapsed();
        say::line(format_args!(
            "{:6.2} s {name} │ {}",
            time.as_secs_f64(),
            line.trim_end()
        ));
        self.text.push_str(line);
        self.lines.push(time);
    }
}

impl Streams {
    /// Whether all came, and came while the program ran.
    pub(crate) fn check(&self) -> Result<()> {
        for n in 1..=LINES {
            let line = format!("working on number {n} of {LINES}");
            if !self.log.text.contains(&line) {
                return Failure::err(format!("the log lacks the line `{line}`"));
            }
        }
        if self.log.text.lines().last().map(str::trim) != Some("done") {
            return Failure::err("the last line of the log is not the program's last line");
        }
        if self.file.text != expected_file() {
            return Failure::err(format!("the file is not complete: {:?}", self.file.text));
        }
        if self.file.lines.first() >= self.log.lines.last() {
            return Failure::err("the file came only after the log's end: it was not followed");
        }
        for (name, stream) in [("log", &self.log), ("file", &self.file)] {
            if stream.state.as_deref() != Some("succeeded") {
                let state = &stream.state;
                return Failure::err(format!("the {name}'s trailer Dogi-State is {state:?}"));
            }
        }
        Ok(())
    }
}
