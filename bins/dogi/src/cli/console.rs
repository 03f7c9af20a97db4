//! Where the commands print.

use std::fmt;
use std::io::{self, Write};

/// Standard output and standard error, or what a test puts in their place.
pub struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    terminal: bool,
    out_terminal: bool,
}

impl Console {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        use std::io::IsTerminal as _;
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            terminal: io::stderr().is_terminal(),
            out_terminal: io::stdout().is_terminal(),
        }
    }

    /// Any two writers, taken for files.
    pub fn new(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            terminal: false,
            out_terminal: false,
        }
    }

    /// Whether standard error is a terminal that a person looks at.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether standard output is a terminal.
    #[must_use]
    pub fn out_is_terminal(&self) -> bool {
        self.out_terminal
    }

    /// Bytes for the person, flushed. Nobody there: nobody told.
    pub fn write_err(&mut self, bytes: &[u8]) {
        let _ = self.err.write_all(bytes).and_then(|()| self.err.flush());
    }

    /// Results, as bytes; flushed, so that a reader has them at once.
    ///
    /// # Errors
    /// When the reader is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// A result, as a line. A reader that is gone is not told.
    pub fn line(&mut self, line: impl fmt::Display) {
        let _ = self.write(format!("{line}\n").as_bytes());
    }

    /// A word to the person, as a line. Nobody there: nobody told.
    pub fn say(&mut self, line: impl fmt::Display) {
        let _ = self.err.write_all(format!("{line}\n").as_bytes());
        let _ = self.err.flush();
    }

    /// A mistake: `dogi: …`.
    pub fn error(&mut self, text: impl fmt::Display) {
        self.say(format_args!("dogi: {text}"));
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}
