//! How a result is written as a message.

use std::fmt::Write;

use mail_builder::{
    MessageBuilder,
    headers::{content_type::ContentType, raw::Raw},
    mime::{BodyPart, MimePart},
};

use super::{
    MailAddress, ResultMail,
    html::{escaped, push_log},
    terminal::rows,
};
use crate::MessageId;

pub(super) fn message(result: &ResultMail, from: &MailAddress, to: &MailAddress) -> Vec<u8> {
    let (text, html) = (text(result), html(result));
    // No log can hold a boundary that is a hash of that log.
    let boundary = MessageId::derive(&[result.id.as_str(), &text, &html]);
    let kind = ContentType::new("multipart/alternative").attribute("boundary", boundary.as_str());
    let parts = vec![
        MimePart::new("text/plain", BodyPart::Text(text.into())),
        MimePart::new("text/html", BodyPart::Text(html.into())),
    ];
    let date = i64::try_from(result.date.as_secs()).unwrap_or(i64::MAX);
    let mut message = Vec::new();
    MessageBuilder::new()
        .from(from.header())
        .to(to.header())
        .subject(result.subject())
        .date(date)
        .message_id(format!("{}@{}", result.id, from.domain()))
        // Absence notices are not wanted in answer (RFC 3834, section 5).
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .body(MimePart::new(kind, parts))
        .serialize(&mut message);
    message
}

/// What is told in lines: `Branch: main`.
fn facts(result: &ResultMail) -> Vec<(&'static str, &str)> {
    let optional = [
        ("Branch", &result.branch),
        ("Message", &result.title),
        ("Author", &result.author),
    ];
    let mut facts = vec![
        ("Repository", result.repo.as_str()),
        ("Commit", result.commit.as_str()),
    ];
    facts.extend(
        optional
            .into_iter()
            .filter_map(|(name, line)| Some((name, line.as_ref()?.as_str()))),
    );
    facts.push(("Result", result.result.as_str()));
    facts.extend(result.link.as_ref().map(|link| ("Log", link.as_str())));
    facts
}

/// `… 12345 bytes are left out: https://…`
fn left_out(result: &ResultMail) -> String {
    let bytes = result.log.left_out();
    match &result.link {
        Some(link) => format!("… {bytes} bytes are left out here; all of it: {link}"),
        None => format!("… {bytes} bytes are left out here"),
    }
}

pub(super) fn text(result: &ResultMail) -> String {
    let mut text = String::new();
    for (name, value) in facts(result) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push('\n');
    push_plain(&mut text, result.log.head());
    if result.log.left_out() > 0 {
        let _ = writeln!(text, "\n{}\n", left_out(result));
        push_plain(&mut text, result.log.tail());
    }
    let _ = writeln!(text, "\nRun: {}", result.run.as_str());
    text
}

fn push_plain(text: &mut String, log: &[u8]) {
    for row in rows(log) {
        text.extend(row.text());
        text.push('\n');
    }
}

pub(super) fn html(result: &ResultMail) -> String {
    let mut html = String::from(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\
         <body style=\"font-family:sans-serif\">\n<table>\n",
    );
    for (name, value) in facts(result) {
        let value = match (name, &result.link) {
            ("Log", Some(link)) => link_to(link),
            _ => escaped(value),
        };
        let _ = writeln!(
            html,
            "<tr><td style=\"padding-right:12px\">{name}</td><td>{value}</td></tr>"
        );
    }
    html.push_str("</table>\n");
    push_log(&mut html, result.log.head());
    if result.log.left_out() > 0 {
        let bytes = result.log.left_out();
        let link = result.link.as_ref().map(link_to);
        let link = link.map_or_else(String::new, |link| format!("; all of it: {link}"));
        let _ = writeln!(html, "<p>… {bytes} bytes are left out here{link}</p>");
        push_log(&mut html, result.log.tail());
    }
    let _ = writeln!(
        html,
        "<p>Run: {}</p>\n</body></html>",
        escaped(result.run.as_str())
    );
    html
}

fn link_to(link: &url::Url) -> String {
    let link = escaped(link.as_str());
    format!("<a href=\"{link}\">{link}</a>")
}
