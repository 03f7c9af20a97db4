//! The text formats that scrapers read.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// A format of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' own text format, which everything reads.
    Plain,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// Its `Content-Type`.
    #[must_use]
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

pub(super) fn expose(registry: &Registry, format: Format) -> String {
    let mut text = String::new();
    encode(&mut text, registry).expect("a String takes everything");
    match format {
        Format::OpenMetrics => text,
        Format::Plain => plain(&text),
    }
}

/// OpenMetrics as the older format has it: a counter's family is named with its `_total`, and there
/// are neither units nor an end.
///
/// Sources: the exposition formats of Prometheus (text 0.0.4) and OpenMetrics 1.0.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        // The type comes right after the help.
        let counter = [Some(&line), lines.peek()]
            .into_iter()
            .flatten()
            .any(|line| line.starts_with("# TYPE ") && line.ends_with(" counter"));
        match comment(line).filter(|_| counter) {
            Some((keyword, name, rest)) => {
                text.push_str(&format!("# {keyword} {name}_total {rest}\n"));
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// Keyword, name and the rest of a line that describes a family.
fn comment(line: &str) -> Option<(&str, &str, &str)> {
    let mut parts = line.strip_prefix("# ")?.splitn(3, ' ');
    Some((parts.next()?, parts.next()?, parts.next()?))
}
