use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use dogi_stream::{Channel, Log};

use super::{
    OutputWriter,
    lines::{LONGEST, Lines},
};

/// So many bytes are handed over at once: what else is written there waits no longer than for them.
const BATCH: usize = 64 * 1024;

/// Repeats what is written to one output in another, line by line, each with its source in front:
/// lines of several outputs that are written at once stay whole.
#[derive(Debug)]
pub(super) struct Echo {
    to: OutputWriter,
    prefix: String,
    begun: Mutex<Begun>,
}

/// What is no whole line yet.
#[derive(Debug, Default)]
struct Begun {
    stdout: Lines,
    stderr: Lines,
    system: Lines,
}

impl Echo {
    pub(super) fn new(to: OutputWriter, source: &str) -> Self {
        Self {
            to,
            prefix: format!("{source} | "),
            begun: Mutex::default(),
        }
    }

    /// Takes up where an earlier life of the server ended: a line that had begun then is repeated when
    /// it is whole; blocking.
    pub(super) fn resume(&self, of: &Log) -> io::Result<()> {
        let end = of.position().offset;
        let mut begun = self.lock();
        for (channel, bytes) in of.read(end.saturating_sub(LONGEST as u64))? {
            begun.of(channel).push(&bytes, |_, _| {});
        }
        Ok(())
    }

    /// Waits until everything is repeated that was written before; blocking.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn {
            echo: self,
            begun: self.lock(),
        }
    }

    /// There is no more: a line without an end is one; blocking.
    pub(super) fn finish(&self) {
        let mut turn = self.turn();
        turn.repeat(|begun, batch| {
            for channel in [Channel::Stdout, Channel::Stderr, Channel::System] {
                begun.of(channel).finish(|a, b| batch.line(channel, a, b));
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    fn of(&mut self, channel: Channel) -> &mut Lines {
        match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
            Channel::System => &mut self.system,
        }
    }
}

/// The right to be repeated next. Who writes takes it first, so that lines keep their order although
/// the output itself is free again while they are repeated.
pub(super) struct Turn<'a> {
    echo: &'a Echo,
    begun: MutexGuard<'a, Begun>,
}

impl Turn<'_> {
    /// Repeats the lines that are whole by now; blocking.
    pub(super) fn push(mut self, pieces: &[(Channel, Bytes)]) {
        self.repeat(|begun, batch| {
            for (channel, bytes) in pieces {
                if batch.cut {
                    return;
                }
                let lines = begun.of(*channel);
                lines.push(bytes, |a, b| batch.line(*channel, a, b));
            }
        });
    }

    /// Repeats a line of dogi's own, on a line of its own; blocking.
    pub(super) fn line(mut self, text: &str) {
        self.repeat(|begun, batch| {
            let lines = begun.of(Channel::System);
            lines.finish(|a, b| batch.line(Channel::System, a, b));
            let line = format!("{text}\n");
            lines.push(line.as_bytes(), |a, b| batch.line(Channel::System, a, b));
        });
    }

    /// Hands over the lines that `give` finds. Once the other output is cut there is nothing to do any
    /// more, and nothing to keep.
    fn repeat(&mut self, give: impl FnOnce(&mut Begun, &mut Batch<'_>)) {
        let mut batch = Batch::new(self.echo);
        if !batch.cut {
            give(&mut self.begun, &mut batch);
            batch.hand_over();
        }
        if batch.cut {
            *self.begun = Begun::default();
        }
    }
}

/// Lines that are to be handed over, those of one channel that follow each other in one buffer.
struct Batch<'a> {
    echo: &'a Echo,
    runs: Vec<(Channel, Vec<u8>)>,
    /// Bytes of all runs.
    size: usize,
    /// Whether the other output takes no more.
    cut: bool,
}

impl<'a> Batch<'a> {
    fn new(echo: &'a Echo) -> Self {
        Self {
            echo,
            runs: Vec::new(),
            size: 0,
            cut: echo.to.cut().is_some(),
        }
    }

    /// A line of which `before` and `now` are there, without its end.
    fn line(&mut self, channel: Channel, before: &[u8], now: &[u8]) {
        if self.cut {
            return;
        }
        let parts = [self.echo.prefix.as_bytes(), before, now, b"\n"];
        let run = self.run(channel);
        parts.iter().for_each(|part| run.extend_from_slice(part));
        self.size += parts.iter().map(|part| part.len()).sum::<usize>();
        if self.size >= BATCH {
            self.hand_over();
        }
    }

    fn run(&mut self, channel: Channel) -> &mut Vec<u8> {
        if self.runs.last().is_none_or(|(of, _)| *of != channel) {
            self.runs.push((channel, Vec::new()));
        }
        let (_, run) = self.runs.last_mut().expect("pushed above");
        run
    }

    fn hand_over(&mut self) {
        let runs = self.runs.drain(..);
        let runs: Vec<_> = runs.map(|(of, run)| (of, Bytes::from(run))).collect();
        if !runs.is_empty() {
            self.echo.to.append_now(&runs);
            self.size = 0;
            self.cut = self.echo.to.cut().is_some();
        }
    }
}
