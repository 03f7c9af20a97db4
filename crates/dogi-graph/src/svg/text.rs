use std::fmt::Write as _;

use super::NodeView;

/// Longest name and detail that are shown, in characters.
const MAX_NAME: usize = 28;
const MAX_STATE: usize = 16;
const MAX_NOTE: usize = 20;

/// How wide a character is, in pixels, a little more than it is in most fonts.
const NAME_CHAR: i64 = 8;
const DETAIL_CHAR: i64 = 7;
/// What a box has left and right of its text, together.
const PADDING: i64 = 30;

/// What is written on a box.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) detail: String,
}

impl Label {
    pub(super) fn of(node: &NodeView<'_>) -> Self {
        let state = clipped(node.state, MAX_STATE);
        let note = node.note.map(|note| clipped(note, MAX_NOTE));
        let note = note.map_or_else(String::new, |note| format!(" · {note}"));
        Self {
            name: clipped(node.name, MAX_NAME),
            detail: format!("{state}{note}"),
        }
    }

    /// How wide a box it needs, in pixels.
    pub(super) fn width(&self) -> i64 {
        // Both are clipped, so that their lengths are small.
        let pixels = |text: &str, each| i64::try_from(text.chars().count()).unwrap_or(0) * each;
        let text = pixels(&self.name, NAME_CHAR).max(pixels(&self.detail, DETAIL_CHAR));
        text + PADDING
    }
}

/// The beginning of a text that is too long.
fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// A text as content or attribute of XML, which has no way to write most control characters.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                write!(out, "&#{};", u32::from(c)).expect("a String takes everything");
            }
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
