//! The server's own log, on standard error. One process has one: only commands start it. Embedders
//! put a layer into a subscriber of their own.

use std::fmt::{self, Write as _};

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatFields, Writer, debug_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Begins to write what `filter` lets through. A second call changes nothing.
pub(super) fn start(filter: &str, json: bool) {
    use std::io::IsTerminal as _;
    let targets: Targets = filter.parse().unwrap_or_default();
    let layer = match json {
        true => json_lines(std::io::stderr),
        false => plain_lines(std::io::stderr, std::io::stderr().is_terminal()),
    };
    // Tests run commands in one process: the first one's log is everybody's.
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .try_init();
}

/// One JSON object a line, with the spans that an event happened in and their fields.
pub fn json_lines<S, W>(writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    layer().json().with_writer(writer).boxed()
}

/// One line for each event, for people. Whatever a value holds (answers of other servers, paths,
/// commit messages), it can neither begin a new line nor speak to the terminal.
pub fn plain_lines<S, W>(writer: W, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    layer()
        .with_ansi(colours)
        .fmt_fields(fields())
        .with_writer(writer)
        .boxed()
}

/// `name=value`, the message without its name.
fn fields() -> impl for<'a> FormatFields<'a> + Send + Sync + 'static {
    debug_fn(|writer: &mut Writer<'_>, field, value| {
        if field.name() != "message" {
            write!(writer, "{field}=")?;
        }
        write!(Inert(writer), "{value:?}")
    })
    .delimited(" ")
}

/// Writes text in which control characters are escaped, and those that turn text around.
struct Inert<'a, W>(&'a mut W);

impl<W: fmt::Write> fmt::Write for Inert<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match is_inert(c) {
                true => self.0.write_char(c)?,
                false => write!(self.0, "{}", c.escape_default())?,
            }
        }
        Ok(())
    }
}

fn is_inert(c: char) -> bool {
    let breaks_or_turns = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !breaks_or_turns
}
