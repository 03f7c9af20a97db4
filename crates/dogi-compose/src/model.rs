//! The resolved model, as the program prints it and as it is written for the program again.
//!
//! `dogi-yaml` reads what people write: a scalar is the text as it is spelled, quoted or not, with its line.
//! Here a program has written it, and `"5"` and `5` are two things.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

/// Reads JSON, which version 2 prints.
pub(crate) fn from_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Reads what 1.29 prints. That is YAML 1.1 as Python writes it, in which `12e4` and `0o17` are texts:
/// numbers are read as Python reads them, since a commit must not become another one.
pub(crate) fn from_yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 60 },
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
    };
    let raw = serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options)
        .map_err(|error| error.without_snippet().to_string())?;
    Ok(plain(raw, text))
}

/// JSON that is also the YAML that both programs read: nothing in it that Python's reader takes for
/// unprintable.
pub(crate) fn to_text(model: &Value) -> String {
    let json = format!("{model:#}");
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text
}

enum Raw {
    Null,
    Text(String),
    Bool(bool),
    /// To be read again from the source; what the parser made of it if it can't be.
    Number(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(String, Spanned<Raw>)>),
}

fn plain(raw: Spanned<Raw>, source: &str) -> Value {
    match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::String(text),
        Raw::Bool(value) => match spelling(raw.defined, source) {
            Some(text) if !matches!(text, "true" | "false") => Value::String(text.to_owned()),
            _ => Value::Bool(value),
        },
        Raw::Number(parsed) => number(spelling(raw.defined, source).unwrap_or(&parsed)),
        Raw::List(items) => items.into_iter().map(|item| plain(item, source)).collect(),
        Raw::Map(entries) => {
            let entries = entries.into_iter();
            let entries = entries.map(|(key, value)| (key, plain(value, source)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// What Python writes for a number: digits, or a float with a point. Anything else is a text.
fn number(text: &str) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    let integer = || {
        let signed = text.parse::<i64>().map(Number::from);
        signed.or_else(|_| text.parse::<u64>().map(Number::from))
    };
    let float = || text.parse::<f64>().ok().and_then(Number::from_f64);
    let number = if is_integer {
        integer().ok()
    } else if digits.contains('.') && digits.starts_with(|c: char| c.is_ascii_digit()) {
        float()
    } else {
        None
    };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn spelling(at: Location, source: &str) -> Option<&str> {
    let start = usize::try_from(at.span().byte_offset()?).ok()?;
    let len = usize::try_from(at.span().byte_len()?).ok()?;
    let text = source.get(start..start.checked_add(len)?)?.trim();
    (!text.is_empty()).then_some(text)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

macro_rules! numbers {
    ($($visit:ident($type:ty)),*) => {$(
        fn $visit<E>(self, value: $type) -> Result<Raw, E> {
            Ok(Raw::Number(value.to_string()))
        }
    )*};
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    numbers!(
        visit_i64(i64),
        visit_u64(u64),
        visit_i128(i128),
        visit_u128(u128),
        visit_f64(f64)
    );

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries: Vec<(String, Spanned<Raw>)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Spanned<Raw>>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
            entries.push((key, value));
        }
        Ok(Raw::Map(entries))
    }
}
