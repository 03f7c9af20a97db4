//! The forms in which a secret is looked for.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::Masks;

pub(super) type Patterns = BTreeSet<Vec<u8>>;

/// Adds what is long enough not to mask anything else.
fn add(patterns: &mut Patterns, form: &[u8]) {
    if form.len() >= Masks::SHORTEST {
        patterns.insert(form.to_vec());
    }
}

/// Adds every form of `value`, which has no white space around it.
pub(super) fn add_all(patterns: &mut Patterns, value: &[u8]) {
    add(patterns, value);
    add(patterns, &with_carriage_returns(value));
    lines(value).for_each(|line| add(patterns, line));
    for alphabet in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        add_base64(patterns, value, alphabet);
    }
    add_percent_encoded(patterns, value);
}

/// The lines of a value of several, without white space around each; of a value of one line, none.
pub(super) fn lines(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let several = value.contains(&b'\n');
    let lines = value.split(|byte| *byte == b'\n').filter(move |_| several);
    lines.map(<[u8]>::trim_ascii)
}

/// As a terminal prints it.
fn with_carriage_returns(value: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// The widths of lines of base64: those of PEM files, and of MIME and the program of that name.
const WIDTHS: [usize; 2] = [64, 76];

fn add_base64(patterns: &mut Patterns, value: &[u8], alphabet: &GeneralPurpose) {
    let alone = alphabet.encode(value);
    let padded = format!("{alone}{}", "=".repeat((4 - alone.len() % 4) % 4));
    for form in [
        alone.as_bytes(),
        padded.as_bytes(),
        &inner(value, 0, alphabet),
    ] {
        add(patterns, form);
        for width in WIDTHS.into_iter().filter(|width| form.len() > *width) {
            form.chunks(width).for_each(|line| add(patterns, line));
        }
    }
    for before in 1..3 {
        add(patterns, &inner(value, before, alphabet));
    }
}

/// The characters of base64 that `value` alone determines, when so many bytes stand before it, counted
/// in threes. Each character has six bits.
fn inner(value: &[u8], before: usize, alphabet: &GeneralPurpose) -> Vec<u8> {
    let mut text = vec![0; before];
    text.extend_from_slice(value);
    let encoded = alphabet.encode(&text).into_bytes();
    encoded[(before * 8).div_ceil(6)..text.len() * 8 / 6].to_vec()
}

/// RFC 3986, section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What ECMAScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// What is encoded in a path, whose separators stay.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');
/// `application/x-www-form-urlencoded`, where a space is a `+`: the URL standard, section 5.2.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

fn add_percent_encoded(patterns: &mut Patterns, value: &[u8]) {
    let encode = |set| percent_encode(value, set).to_string();
    let form = encode(FORM).replace("%20", "+");
    for text in [encode(UNRESERVED), encode(COMPONENT), encode(PATH), form] {
        add(patterns, lower_case_escapes(&text).as_bytes());
        add(patterns, text.as_bytes());
    }
}

/// Some programs write the digits of an escape in lower case.
fn lower_case_escapes(text: &str) -> String {
    let mut digits = 0;
    let lower = |c: char| {
        let escape = digits > 0;
        digits = if c == '%' { 2 } else { digits.max(1) - 1 };
        if escape { c.to_ascii_lowercase() } else { c }
    };
    text.chars().map(lower).collect()
}
