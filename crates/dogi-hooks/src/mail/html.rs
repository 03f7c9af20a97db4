//! The HTML part. Style stands in the elements: programs that show mails drop style sheets.

use std::fmt::Write;

use super::{
    style::Style,
    terminal::{Row, rows},
};

const PAPER: &str = "background:#1e2228;color:#d0d4d8";
const GROUND: &str = "#1e2228";
const INK: &str = "#d0d4d8";

/// Appends a text in which nothing is markup any more.
pub(super) fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

/// A text in which nothing is markup any more.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    push_escaped(&mut html, text);
    html
}

/// Appends a part of a log with its colours.
pub(super) fn push_log(html: &mut String, log: &[u8]) {
    let _ = write!(
        html,
        "<pre style=\"{PAPER};padding:12px;white-space:pre-wrap;font-family:monospace\">"
    );
    for row in rows(log) {
        push_row(html, &row);
        html.push('\n');
    }
    html.push_str("</pre>\n");
}

fn push_row(html: &mut String, row: &Row) {
    for (style, text) in row.pieces() {
        let css = css(&style);
        if css.is_empty() {
            push_escaped(html, &text);
        } else {
            // Writing to a string does not fail.
            let _ = write!(html, "<span style=\"{css}\">");
            push_escaped(html, &text);
            html.push_str("</span>");
        }
    }
}

fn css(style: &Style) -> String {
    let mut css = String::new();
    let mut add = |text: &str| {
        if !css.is_empty() {
            css.push(';');
        }
        css.push_str(text);
    };
    let shown = |color: Option<_>, page: &str| {
        color.map_or_else(|| page.to_owned(), |c: super::style::Color| c.to_string())
    };
    if style.reversed {
        add(&format!("color:{}", shown(style.background, GROUND)));
        add(&format!("background:{}", shown(style.foreground, INK)));
    } else {
        if let Some(color) = style.foreground {
            add(&format!("color:{color}"));
        }
        if let Some(color) = style.background {
            add(&format!("background:{color}"));
        }
    }
    if style.bold {
        add("font-weight:bold");
    }
    if style.faint {
        add("opacity:0.7");
    }
    if style.italic {
        add("font-style:italic");
    }
    match (style.underlined, style.crossed_out) {
        (true, true) => add("text-decoration:underline line-through"),
        (true, false) => add("text-decoration:underline"),
        (false, true) => add("text-decoration:line-through"),
        (false, false) => (),
    }
    css
}
