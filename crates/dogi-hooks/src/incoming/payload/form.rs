//! URL-encoded forms and queries, as Go's `net/url` reads them.

use crate::incoming::limits::MAX_FIELDS;
use crate::incoming::{BadRequest, Map, Value};

/// The fields of a body: the first value of each.
pub(in crate::incoming) fn payload(body: &[u8]) -> Result<Map, BadRequest> {
    if body.split(|byte| *byte == b'&').count() > MAX_FIELDS {
        let (what, limit) = ("too many form fields", MAX_FIELDS);
        return Err(BadRequest::TooMuch { what, limit });
    }
    let fields = fields(body).enumerate().map(|(place, field)| {
        let field_number = place + 1;
        field.map_err(|problem| BadRequest::Form {
            field: field_number,
            problem,
        })
    });
    Ok(Map::first_wins(fields.collect::<Result<_, _>>()?))
}

/// The parameters of a query: the first value of each. What is malformed is left out.
pub(in crate::incoming) fn query(query: &[u8]) -> Map {
    Map::first_wins(fields(query).flatten().collect())
}

/// A name with its value, a [`Value::Text`].
type Field = (Vec<u8>, Value);

/// Each field in the order in which it stands, also of names that stand more than once.
pub(crate) fn fields(text: &[u8]) -> impl Iterator<Item = Result<Field, &'static str>> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(field)
}

fn field(pair: &[u8]) -> Result<Field, &'static str> {
    // It used to separate fields: programs that disagree about it can be played off against
    // each other, so that Go refuses it.
    if pair.contains(&b';') {
        return Err("an unescaped `;` stands");
    }
    let (key, value) = match memchr::memchr(b'=', pair) {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[][..]),
    };
    Ok((unescape(key)?, Value::Text(unescape(value)?)))
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        out.push(match first {
            b'+' => b' ',
            b'%' => {
                let byte = tail.first_chunk().and_then(hex_byte);
                rest = tail.get(2..).unwrap_or_default();
                byte.ok_or("a `%` without two hexadecimal digits stands")?
            }
            other => *other,
        });
    }
    Ok(out)
}

/// A byte as two hexadecimal digits.
pub(super) fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}
