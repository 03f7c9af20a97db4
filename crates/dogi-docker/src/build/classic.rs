//! The classic builder's log. Pure.

/// Standard error of a step comes wrapped in red by the classic builder, whatever it holds.
const RED: &str = "\x1b[91m";
const RESET: &str = "\x1b[0m";

/// A step's text without the builder's own colours; the program's stay.
pub(super) fn uncolour(text: &str) -> &str {
    text.strip_prefix(RED)
        .and_then(|text| text.strip_suffix(RESET))
        .unwrap_or(text)
}

/// The instruction of a step that begins: `Step 2/3 : RUN make`.
pub(super) fn step(text: &str) -> Option<&str> {
    let (_, instruction) = text.strip_prefix("Step ")?.split_once(" : ")?;
    Some(instruction.trim_end())
}

/// The container that a step runs in: ` ---> Running in 0123456789ab`.
pub(super) fn running_in(text: &str) -> Option<&str> {
    let id = text.strip_prefix(" ---> Running in ")?.trim_end();
    (id.len() >= 12 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

/// A status of a pull as a line, unless it is one of the many that only move a progress bar.
pub(crate) fn status_line(id: Option<&str>, status: &str) -> Option<String> {
    const BARS: &[&str] = &[
        "Downloading",
        "Extracting",
        "Waiting",
        "Verifying Checksum",
        "Download complete",
        "Pulling fs layer",
    ];
    if BARS.contains(&status) {
        return None;
    }
    Some(match id {
        Some(id) if !id.is_empty() => format!("{id}: {status}\n"),
        _ => format!("{status}\n"),
    })
}
