//! What `dogi run` prints: the job's output on standard output, everything else on standard error.

use std::io;
use std::time::Duration;

use dogi_engine::RunHandle;
use dogi_job::State;
use dogi_stream::{Channel, Follower, Piece, Position};
use dogi_url::{OutputName, OutputSelection};
use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll};
use tokio::time::Instant;

use super::console::Console;
use crate::http::{Links, status_json};

/// How often the line that shows progress is drawn anew.
const TICK: Duration = Duration::from_secs(1);

/// Prints one run.
pub(super) struct Show<'a> {
    console: &'a mut Console,
    run: RunHandle,
    wanted: Vec<OutputName>,
    quiet: bool,
    began: Instant,
    /// Whose bytes came last, where there are several outputs.
    last: Option<OutputName>,
    /// A line of progress stands on the terminal.
    drawn: bool,
    /// What came last on standard error did not end its line.
    mid_line: bool,
    /// The last of the log was the program's.
    after_program: bool,
}

type Pieces = SelectAll<BoxStream<'static, io::Result<(OutputName, Piece)>>>;

impl<'a> Show<'a> {
    pub(super) fn new(
        console: &'a mut Console,
        run: &RunHandle,
        output: &OutputSelection,
        quiet: bool,
    ) -> Self {
        Self {
            console,
            run: run.clone(),
            wanted: output.names().to_vec(),
            quiet,
            began: Instant::now(),
            last: None,
            drawn: false,
            mid_line: false,
            after_program: false,
        }
    }

    /// Prints until the run is over and all of it is printed.
    pub(super) async fn until_the_end(&mut self, links: &Links) -> io::Result<()> {
        let mut pieces = self.pieces();
        let run = self.run.clone();
        let mut nodes_known = std::pin::pin!(run.outputs_known());
        let mut nodes_wanted = self.wanted.iter().any(is_node);
        let mut state = State::Queued;
        let mut ticks = tokio::time::interval(TICK);
        let mut news = self.run.subscribe();
        loop {
            tokio::select! {
                // What was printed before a change of state is shown before it.
                biased;
                () = &mut nodes_known, if nodes_wanted => {
                    nodes_wanted = false;
                    self.add_nodes(&mut pieces);
                }
                piece = pieces.next(), if !(nodes_wanted && pieces.is_empty()) => match piece {
                    None => break,
                    Some(piece) => {
                        let (name, piece) = piece?;
                        self.piece(&name, piece)?;
                    }
                },
                Ok(()) = news.changed() => {
                    let now = news.borrow_and_update().state;
                    if now != state && !now.is_final() {
                        state = now;
                        self.tell_state(state);
                    }
                }
                _ = ticks.tick() => self.draw(state),
            }
        }
        self.clear();
        let status = self.run.finished().await;
        if self.wanted.contains(&OutputName::Status) {
            self.console.line(status_json(&status, links));
        }
        Ok(())
    }

    /// The outputs that were asked for, and the log in any case: its system lines are progress.
    fn pieces(&self) -> Pieces {
        let names = self
            .run
            .outputs()
            .filter(|(name, _)| !is_node(name))
            .filter(|(name, _)| *name == OutputName::Log || self.wanted.contains(name));
        names
            .map(|(name, log)| named(name, log.follow(Position::START)))
            .collect()
    }

    /// The outputs of nodes that were asked for, now that it is known which there are.
    fn add_nodes(&mut self, pieces: &mut Pieces) {
        let wanted: Vec<OutputName> = self
            .wanted
            .iter()
            .filter(|name| is_node(name))
            .cloned()
            .collect();
        for name in wanted {
            match self.run.output(&name) {
                Some(log) => pieces.push(named(name, log.follow(Position::START))),
                None => self.say(&format!("dogi: the run has no output {name}")),
            }
        }
    }

    fn piece(&mut self, name: &OutputName, piece: Piece) -> io::Result<()> {
        let (channel, bytes) = match piece {
            Piece::Data { channel, bytes, .. } => (channel, bytes),
            Piece::Restarted { .. } => {
                self.say(&format!("dogi: {name} starts over"));
                return Ok(());
            }
        };
        let log = *name == OutputName::Log;
        if log && channel == Channel::System {
            self.system(&bytes);
            return Ok(());
        }
        self.after_program |= log;
        if !self.wanted.contains(name) {
            return Ok(());
        }
        self.clear();
        if log && channel == Channel::Stderr {
            self.err(&bytes);
            return Ok(());
        }
        self.header(name)?;
        self.console.write(&bytes)
    }

    /// A line of dogi's own. Where the program's last line lacked its end, the log has one before
    /// it; on standard error alone there is nothing to end.
    fn system(&mut self, bytes: &[u8]) {
        let after_program = std::mem::take(&mut self.after_program);
        let apart = after_program && !self.mid_line && !self.console.out_is_terminal();
        let bytes = if apart {
            bytes.strip_prefix(b"\n").unwrap_or(bytes)
        } else {
            bytes
        };
        if !self.quiet {
            self.err(bytes);
        }
    }

    /// `==> NAME <==`, as `tail` tells several files apart.
    fn header(&mut self, name: &OutputName) -> io::Result<()> {
        let several = self
            .wanted
            .iter()
            .filter(|name| **name != OutputName::Status)
            .count()
            > 1;
        if !several || self.last.as_ref() == Some(name) {
            return Ok(());
        }
        let blank = if self.last.is_some() { "\n" } else { "" };
        self.last = Some(name.clone());
        self.console
            .write(format!("{blank}==> {name} <==\n").as_bytes())
    }

    fn err(&mut self, bytes: &[u8]) {
        self.clear();
        self.console.write_err(bytes);
        self.mid_line = bytes.last().is_some_and(|last| *last != b'\n');
    }

    fn say(&mut self, line: &str) {
        self.clear();
        let newline = if self.mid_line { "\n" } else { "" };
        self.mid_line = false;
        self.console
            .write_err(format!("{newline}{line}\n").as_bytes());
    }

    /// A plain line where nobody looks at a terminal; there, the line at the bottom tells it.
    fn tell_state(&mut self, state: State) {
        if self.quiet {
            return;
        }
        match self.console.is_terminal() {
            true => self.draw(state),
            false => self.say(&format!("dogi: {}", words(state))),
        }
    }

    /// One line at the bottom of the terminal, until the program itself has it.
    fn draw(&mut self, state: State) {
        if self.quiet || !self.console.is_terminal() || state >= State::Running || self.mid_line {
            return self.clear();
        }
        let seconds = self.began.elapsed().as_secs();
        let line = format!("\r\x1b[K\x1b[2m{}… {seconds} s\x1b[0m", words(state));
        self.console.write_err(line.as_bytes());
        self.drawn = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.console.write_err(b"\r\x1b[K");
        }
    }
}

fn is_node(name: &OutputName) -> bool {
    matches!(name, OutputName::Node(_))
}

fn words(state: State) -> &'static str {
    match state {
        State::Queued => "waiting",
        State::CallingBack => "calling back",
        state => state.as_str(),
    }
}

fn named(
    name: OutputName,
    follower: Follower,
) -> BoxStream<'static, io::Result<(OutputName, Piece)>> {
    follower
        .map(move |piece| Ok((name.clone(), piece?)))
        .boxed()
}
