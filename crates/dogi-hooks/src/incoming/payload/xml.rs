//! XML as mappings, in the form of Go's `mxj`: attributes have a `-` before their name, the text
//! of an element that has attributes or children is `#text`, repeated elements are a list, an
//! empty element is an empty text, prefixes of namespaces are left out, everything is a text.
//!
//! Entities are those five that XML defines and references to characters. A document's own are
//! never expanded: whoever refers to one is refused.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesDecl, BytesStart, Event};

use super::xml_text::{expand, is_name, local, plain, reference};
use crate::incoming::limits::{Budget, MAX_DEPTH, MAX_VALUES};
use crate::incoming::{BadRequest, Map, Value};

/// The first element of a body, under its name. What follows it is not read.
pub(in crate::incoming) fn payload(
    body: &[u8],
    budget: &mut Budget,
) -> Result<Option<Value>, BadRequest> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(body).map_err(|e| BadRequest::Xml {
        line: line(&body[..e.valid_up_to()]),
        problem: "bytes that are no UTF-8 stand",
    })?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut document = Document {
        open: Vec::new(),
        run: None,
        budget,
    };
    loop {
        let step = reader.read_event().map_err(|e| fault(&e));
        match step.and_then(|event| document.take(event)) {
            Ok(None) => {}
            Ok(Some(root)) => return Ok(Some(root)),
            Err(Fault::Malformed(problem)) => {
                let at = usize::try_from(reader.buffer_position()).unwrap_or(body.len());
                let line = line(&body[..at.min(body.len())]);
                return Err(BadRequest::Xml { line, problem });
            }
            Err(Fault::TooMuch(what, limit)) => return Err(BadRequest::TooMuch { what, limit }),
        }
    }
}

fn line(before: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', before).count() + 1
}

enum Fault {
    Malformed(&'static str),
    TooMuch(&'static str, usize),
}

impl From<&'static str> for Fault {
    fn from(problem: &'static str) -> Self {
        Self::Malformed(problem)
    }
}

/// The library's texts name tags, which are the sender's.
fn fault(error: &Error) -> Fault {
    Fault::Malformed(match error {
        Error::Syntax(_) => "markup that is not closed stands",
        Error::IllFormed(
            IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_),
        ) => "an end tag without its start tag stands",
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "`--` in a comment stands",
        Error::IllFormed(IllFormedError::UnclosedReference) => "an `&` without `;` stands",
        Error::InvalidAttr(AttrError::ExpectedEq(_)) => "an attribute without `=` stands",
        Error::InvalidAttr(_) => "an attribute without a quoted value stands",
        _ => "ill-formed markup stands",
    })
}

/// An element whose end has not come.
struct Element {
    name: Vec<u8>,
    /// The last text before any child.
    text: Option<Vec<u8>>,
    /// Attributes, children, and the last text after one of them.
    nodes: BTreeMap<Vec<u8>, Value>,
}

struct Document<'b> {
    open: Vec<Element>,
    /// Text that may go on.
    run: Option<String>,
    budget: &'b mut Budget,
}

impl Document<'_> {
    /// The root, under its name, when it has ended.
    fn take(&mut self, event: Event<'_>) -> Result<Option<Value>, Fault> {
        match event {
            Event::Text(text) => {
                let text = plain(&text.into_inner())?;
                self.run.get_or_insert_default().push_str(&text);
                return Ok(None);
            }
            Event::GeneralRef(name) => {
                let c = reference(&name.into_inner())?;
                self.run.get_or_insert_default().push(c);
                return Ok(None);
            }
            _ => self.end_run()?,
        }
        match event {
            Event::Start(tag) => self.start(&tag)?,
            Event::End(_) => return self.end(),
            Event::CData(text) => {
                self.run = Some(super::xml_text::cdata(&text.into_inner())?);
                self.end_run()?;
            }
            Event::Decl(declaration) => check_declaration(&declaration)?,
            Event::Eof => return Err("the end of the body before that of the root element".into()),
            _ => {}
        }
        Ok(None)
    }

    fn count(&mut self) -> Result<(), Fault> {
        if !self.budget.take() {
            return Err(Fault::TooMuch("too many elements", MAX_VALUES));
        }
        Ok(())
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        self.count()?;
        if self.open.len() == MAX_DEPTH {
            return Err(Fault::TooMuch("too many levels of elements", MAX_DEPTH));
        }
        let name = tag.name().into_inner();
        if !is_name(name) {
            return Err("an element with a bad name stands".into());
        }
        let mut nodes = BTreeMap::new();
        // A repeated attribute is not refused, and its last value counts.
        for attribute in tag.attributes().with_checks(false) {
            self.count()?;
            let attribute = attribute.map_err(|e| fault(&e.into()))?;
            let attribute_name = attribute.key.into_inner();
            if !is_name(attribute_name) {
                return Err("an attribute with a bad name stands".into());
            }
            let key = [b"-", local(attribute_name).as_bytes()].concat();
            nodes.insert(key, Value::Text(expand(&attribute.value)?.into_bytes()));
        }
        self.open.push(Element {
            name: local(name).as_bytes().to_vec(),
            text: None,
            nodes,
        });
        Ok(())
    }

    fn end_run(&mut self) -> Result<(), Fault> {
        let Some(run) = self.run.take() else {
            return Ok(());
        };
        let text = run.trim_matches(['\t', '\r', '\u{8}', '\n', ' ']);
        let Some(element) = self.open.last_mut().filter(|_| !text.is_empty()) else {
            return Ok(());
        };
        let text = text.as_bytes().to_vec();
        if element.nodes.is_empty() {
            element.text = Some(text);
        } else {
            element.nodes.insert(b"#text".to_vec(), Value::Text(text));
        }
        self.count()
    }

    fn end(&mut self) -> Result<Option<Value>, Fault> {
        let Some(element) = self.open.pop() else {
            return Err("an end tag without its start tag stands".into());
        };
        let (name, value) = element.close();
        let Some(parent) = self.open.last_mut() else {
            return Ok(Some(Value::Map(Map::from_iter([(name, value)]))));
        };
        match parent.nodes.get_mut(&name) {
            Some(Value::List(siblings)) => siblings.push(value),
            Some(sibling) => {
                let first = std::mem::replace(sibling, Value::Null);
                *sibling = Value::List(vec![first, value]);
            }
            None => drop(parent.nodes.insert(name, value)),
        }
        Ok(None)
    }
}

impl Element {
    fn close(mut self) -> (Vec<u8>, Value) {
        let value = match self.text {
            text if self.nodes.is_empty() => Value::Text(text.unwrap_or_default()),
            text => {
                // A text before the first child wins over one that stands after it.
                if let Some(text) = text {
                    self.nodes.insert(b"#text".to_vec(), Value::Text(text));
                }
                Value::Map(self.nodes.into_iter().collect())
            }
        };
        (self.name, value)
    }
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), Fault> {
    if declaration.version().is_ok_and(|version| version != "1.0") {
        return Err("a version other than 1.0 stands".into());
    }
    match declaration.encoding() {
        Some(Ok(encoding)) if !encoding.eq_ignore_ascii_case("utf-8") => {
            Err("an encoding other than UTF-8 stands".into())
        }
        _ => Ok(()),
    }
}
