//! Single values of a JSON body: found by passing over the others, which are not built.

use std::borrow::Cow;

use super::json::{Check, Parser, parse_json};
use super::json_text;
use crate::incoming::value;

/// The text of what [`Value::at`](crate::incoming::Value::at) finds in the payload of a body that
/// was [checked](super::json::check).
pub(super) fn text_at<'b>(body: &'b [u8], path: &[u8]) -> Option<Cow<'b, [u8]>> {
    let found = find(body, path)?;
    Some(match found.first()? {
        b'"' => json_text::text(found.get(1..found.len() - 1)?),
        b'n' => Cow::Borrowed(b"<nil>"),
        b'{' | b'[' => Cow::Owned(parse_json(found).ok()?.to_json()),
        _ => Cow::Borrowed(found),
    })
}

/// A text that is the value, or the whole body, where that is a list: what stands behind it is
/// ignored.
fn find<'b>(body: &'b [u8], path: &[u8]) -> Option<&'b [u8]> {
    let mut parser = Parser::<Check>::new(body);
    parser.space();
    let mut text = &body[parser.at..];
    let mut path = path;
    if text.first() == Some(&b'[') {
        // A list is the payload's `root`.
        match value::split(path) {
            (b"root", Some(rest)) => path = rest,
            (b"root", None) => return Some(text),
            _ => return None,
        }
    }
    loop {
        let (head, rest) = value::split(path);
        let found = match text.first()? {
            b'[' => item(text, value::index(head)?)?,
            b'{' => {
                let members = members(text, path, rest.and(Some(head)));
                if members.whole.is_some() {
                    return members.whole;
                }
                members.head?
            }
            _ => return None,
        };
        match rest {
            Some(rest) => (text, path) = (found, rest),
            None => return Some(found),
        }
    }
}

/// The values of an object that a path may mean.
#[derive(Debug, Default)]
struct Members<'t> {
    /// The one whose key is all of the path.
    whole: Option<&'t [u8]>,
    /// The one whose key stands before the path's first dot.
    head: Option<&'t [u8]>,
}

/// Of a key that stands twice the last value counts, so that all have to be looked at.
fn members<'t>(text: &'t [u8], path: &[u8], head: Option<&[u8]>) -> Members<'t> {
    let mut found = Members::default();
    let mut parser = Parser::<Check>::new(text);
    let mut next = || {
        (parser.eat(b'{') || parser.eat(b',')).then_some(())?;
        parser.space();
        // An empty object has no key.
        (parser.peek() == Some(b'"')).then_some(())?;
        let key = parser.string().ok()?;
        parser.space();
        parser.eat(b':');
        Some((key, span(&mut parser)?))
    };
    while let Some((key, value)) = next() {
        let key = json_text::text(key);
        if *key == *path {
            found.whole = Some(value);
        } else if head.is_some_and(|head| *key == *head) {
            found.head = Some(value);
        }
    }
    found
}

/// An item of a list.
fn item(text: &[u8], index: usize) -> Option<&[u8]> {
    let mut parser = Parser::<Check>::new(text);
    parser.eat(b'[');
    for _ in 0..index {
        span(&mut parser)?;
        parser.eat(b',').then_some(())?;
    }
    span(&mut parser)
}

/// The value that comes next; the parser stands at what follows it.
fn span<'t>(parser: &mut Parser<'t, Check>) -> Option<&'t [u8]> {
    parser.space();
    let start = parser.at;
    parser.value(0).ok()?;
    let value = &parser.text[start..parser.at];
    parser.space();
    Some(value)
}
