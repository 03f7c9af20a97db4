//! JSON as Go's `encoding/json` reads it, within limits.
//!
//! Not `serde_json`: numbers must stay as they were written, and bytes that are no UTF-8 and
//! lone surrogates are replaced instead of refused. The same code checks a body without keeping
//! anything, and builds the values when somebody asks for one.

use super::json_text;
use crate::incoming::limits::{MAX_DEPTH, MAX_VALUES};
use crate::incoming::{BadRequest, Map, Value};

/// Reads the JSON value that a text begins with. What follows it is ignored, as by Go's decoder.
///
/// Of a key that stands twice the last value counts. Numbers stay as they were written. Bytes
/// that are no UTF-8, and lone surrogates, become U+FFFD.
///
/// # Errors
/// When the text does not begin with a JSON value, or when that is nested deeper than 512 levels
/// or has more than a million values.
pub fn parse_json(text: &[u8]) -> Result<Value, BadRequest> {
    Parser::<Tree>::new(text).value(0)
}

/// What a JSON body is as a payload.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::incoming) enum Top<N> {
    /// Nothing, or `null`.
    Nothing,
    Object(N),
    List(N),
}

/// Checks a JSON body: whether there is a payload.
pub(in crate::incoming) fn check(body: &[u8]) -> Result<bool, BadRequest> {
    Ok(top::<Check>(body)? != Top::Nothing)
}

/// The payload of a JSON body. A list is the payload's `root`.
pub(in crate::incoming) fn payload(body: &[u8]) -> Result<Option<Value>, BadRequest> {
    Ok(match top::<Tree>(body)? {
        Top::Nothing => None,
        Top::Object(value) => Some(value),
        Top::List(value) => Some(Value::Map(Map::from_iter([(b"root".to_vec(), value)]))),
    })
}

fn top<S: Sink>(body: &[u8]) -> Result<Top<S::Node>, BadRequest> {
    let mut parser = Parser::<S>::new(body);
    parser.space();
    let Some(first) = parser.peek() else {
        return Ok(Top::Nothing);
    };
    let value = parser.value(0)?;
    match first {
        b'{' => Ok(Top::Object(value)),
        b'[' => Ok(Top::List(value)),
        b'n' => Ok(Top::Nothing),
        _ => Err(BadRequest::Scalar),
    }
}

/// What becomes of what is read.
pub(super) trait Sink {
    type Key;
    type Node: PartialEq;
    type List: Default;
    type Map: Default;
    fn null() -> Self::Node;
    fn bool(value: bool) -> Self::Node;
    fn number(text: &[u8]) -> Self::Node;
    fn text(raw: &[u8]) -> Self::Node;
    fn key(raw: &[u8]) -> Self::Key;
    fn push(list: &mut Self::List, item: Self::Node);
    fn insert(map: &mut Self::Map, key: Self::Key, value: Self::Node);
    fn list(list: Self::List) -> Self::Node;
    fn map(map: Self::Map) -> Self::Node;
}

/// Keeps nothing.
pub(super) struct Check;

impl Sink for Check {
    type Key = ();
    type Node = ();
    type List = ();
    type Map = ();
    fn null() {}
    fn bool(_: bool) {}
    fn number(_: &[u8]) {}
    fn text(_: &[u8]) {}
    fn key(_: &[u8]) {}
    fn push((): &mut (), (): ()) {}
    fn insert((): &mut (), (): (), (): ()) {}
    fn list((): ()) {}
    fn map((): ()) {}
}

/// Builds values.
struct Tree;

impl Sink for Tree {
    type Key = Vec<u8>;
    type Node = Value;
    type List = Vec<Value>;
    type Map = Vec<(Vec<u8>, Value)>;
    fn null() -> Value {
        Value::Null
    }
    fn bool(value: bool) -> Value {
        Value::Bool(value)
    }
    fn number(text: &[u8]) -> Value {
        Value::Number(text.iter().copied().map(char::from).collect())
    }
    fn text(raw: &[u8]) -> Value {
        Value::Text(json_text::decode(raw))
    }
    fn key(raw: &[u8]) -> Vec<u8> {
        json_text::decode(raw)
    }
    fn push(list: &mut Vec<Value>, item: Value) {
        list.push(item);
    }
    fn insert(map: &mut Self::Map, key: Vec<u8>, value: Value) {
        map.push((key, value));
    }
    fn list(mut list: Vec<Value>) -> Value {
        list.shrink_to_fit();
        Value::List(list)
    }
    fn map(map: Self::Map) -> Value {
        Value::Map(Map::last_wins(map))
    }
}

pub(super) struct Parser<'t, S> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    values: usize,
    sink: std::marker::PhantomData<S>,
}

impl<'t, S: Sink> Parser<'t, S> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            values: 0,
            sink: std::marker::PhantomData,
        }
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<S::Node, BadRequest> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let (what, limit) = ("too many values", MAX_VALUES);
            return Err(BadRequest::TooMuch { what, limit });
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.list(self.deeper(depth)?),
            Some(b'"') => Ok(S::text(self.string()?)),
            Some(b't') => self.word(b"true").map(|()| S::bool(true)),
            Some(b'f') => self.word(b"false").map(|()| S::bool(false)),
            Some(b'n') => self.word(b"null").map(|()| S::null()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wanted("a value was expected")),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, BadRequest> {
        if depth == MAX_DEPTH {
            let (what, limit) = ("too many levels of lists and objects", MAX_DEPTH);
            return Err(BadRequest::TooMuch { what, limit });
        }
        Ok(depth + 1)
    }

    fn object(&mut self, depth: usize) -> Result<S::Node, BadRequest> {
        self.at += 1;
        let mut map = S::Map::default();
        self.space();
        if self.eat(b'}') {
            return Ok(S::map(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wanted("a key in double quotes was expected"));
            }
            let key = S::key(self.string()?);
            self.space();
            if !self.eat(b':') {
                return Err(self.wanted("`:` was expected"));
            }
            let value = self.value(depth)?;
            S::insert(&mut map, key, value);
            self.space();
            if self.eat(b'}') {
                return Ok(S::map(map));
            }
            if !self.eat(b',') {
                return Err(self.wanted("`,` or `}` was expected"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<S::Node, BadRequest> {
        self.at += 1;
        let mut list = S::List::default();
        self.space();
        if self.eat(b']') {
            return Ok(S::list(list));
        }
        loop {
            let item = self.value(depth)?;
            S::push(&mut list, item);
            self.space();
            if self.eat(b']') {
                return Ok(S::list(list));
            }
            if !self.eat(b',') {
                return Err(self.wanted("`,` or `]` was expected"));
            }
        }
    }

    /// What stands between the quotes, checked.
    pub(super) fn string(&mut self) -> Result<&'t [u8], BadRequest> {
        let start = self.at + 1;
        match json_text::end(self.text, start) {
            Ok(end) => {
                self.at = end + 1;
                Ok(&self.text[start..end])
            }
            Err((at, problem)) => Err(BadRequest::Json { at, problem }),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), BadRequest> {
        for wanted in word {
            if !self.eat(*wanted) {
                return Err(self.wanted("`true`, `false` or `null` was expected"));
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<S::Node, BadRequest> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(S::number(&self.text[start..self.at]))
    }

    fn digits(&mut self) -> Result<(), BadRequest> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.wanted("a digit was expected"));
        }
        Ok(())
    }

    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn wanted(&self, problem: &'static str) -> BadRequest {
        let problem = if self.at == self.text.len() {
            "it ends too early"
        } else {
            problem
        };
        BadRequest::Json {
            at: self.at,
            problem,
        }
    }
}
