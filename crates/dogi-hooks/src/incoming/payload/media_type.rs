//! Fields such as `form-data; name="a"`, as Go's `mime.ParseMediaType` reads them.

use std::collections::BTreeMap;

use super::form::hex_byte;

/// A value with parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MediaType {
    /// What stands before the first `;`, in lower case.
    pub(super) kind: Vec<u8>,
    /// The parameters; names in lower case.
    params: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MediaType {
    /// `None` for what is malformed.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let semicolon = memchr::memchr(b';', text).unwrap_or(text.len());
        let (kind, mut rest) = text.split_at(semicolon);
        let kind = kind.trim_ascii().to_ascii_lowercase();
        if !kind.split(|byte| *byte == b'/').all(is_token) {
            return None;
        }
        let mut raw = BTreeMap::new();
        while let [b';', after @ ..] = rest.trim_ascii_start() {
            let after = after.trim_ascii_start();
            if after.is_empty() {
                break;
            }
            let (name, value, after) = param(after)?;
            if raw.insert(name, value).is_some() {
                return None;
            }
            rest = after;
        }
        let whole = matches!(rest.trim_ascii(), b"" | b";");
        let params = join(raw);
        whole.then_some(Self { kind, params })
    }

    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        self.params.get(name.as_bytes()).map(Vec::as_slice)
    }
}

fn param(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>, &[u8])> {
    let (name, rest) = token(text)?;
    let rest = rest.trim_ascii_start().strip_prefix(b"=")?;
    let rest = rest.trim_ascii_start();
    let (value, rest) = match rest.strip_prefix(b"\"") {
        Some(rest) => quoted(rest)?,
        None => token(rest).map(|(value, rest)| (value.to_vec(), rest))?,
    };
    Some((name.to_ascii_lowercase(), value, rest))
}

fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = text.iter().take_while(|byte| is_token_byte(**byte)).count();
    (len > 0).then(|| text.split_at(len))
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !is_special(byte)
}

/// `tspecials` of RFC 2045.
fn is_special(byte: u8) -> bool {
    b"()<>@,;:\\\"/[]?=".contains(&byte)
}

fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [b'"', after @ ..] => return Some((value, after)),
            // A backslash before anything else is one of a Windows path.
            [b'\\', escaped, after @ ..] if is_special(*escaped) => {
                value.push(*escaped);
                rest = after;
            }
            [b'\r' | b'\n', ..] | [] => return None,
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
        }
    }
}

/// Puts together what RFC 2231 takes apart: `name*`, and `name*0`, `name*1*`, ….
fn join(raw: BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut params = BTreeMap::new();
    for (name, value) in &raw {
        let Some(star) = memchr::memchr(b'*', name) else {
            params.entry(name.clone()).or_insert_with(|| value.clone());
            continue;
        };
        let base = &name[..star];
        let whole = raw.get([base, b"*"].concat().as_slice());
        let joined = match whole {
            Some(value) => extended(value),
            None => continued(&raw, base),
        };
        if let Some(joined) = joined {
            params.insert(base.to_vec(), joined);
        }
    }
    params
}

fn continued(raw: &BTreeMap<Vec<u8>, Vec<u8>>, base: &[u8]) -> Option<Vec<u8>> {
    let mut joined = None;
    for place in 0.. {
        let plain = [base, format!("*{place}").as_bytes()].concat();
        let encoded = [plain.as_slice(), b"*"].concat();
        let piece = match (raw.get(&plain), raw.get(&encoded)) {
            (Some(value), _) => value.clone(),
            (None, Some(value)) if place == 0 => extended(value).unwrap_or_default(),
            (None, Some(value)) => unescape(value).unwrap_or_default(),
            (None, None) => break,
        };
        joined.get_or_insert_with(Vec::new).extend(piece);
    }
    joined
}

/// `charset'language'text`, where the charset is one of which nothing has to be converted.
fn extended(value: &[u8]) -> Option<Vec<u8>> {
    let mut pieces = value.splitn(3, |byte| *byte == b'\'');
    let charset = pieces.next()?.to_ascii_lowercase();
    let text = pieces.nth(1)?;
    matches!(charset.as_slice(), b"utf-8" | b"us-ascii").then(|| unescape(text))?
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        out.push(match first {
            b'%' => {
                let byte = hex_byte(tail.first_chunk()?)?;
                rest = &tail[2..];
                byte
            }
            other => *other,
        });
    }
    Some(out)
}
