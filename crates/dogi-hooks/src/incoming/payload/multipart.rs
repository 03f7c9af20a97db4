//! Multipart forms, as Go's `mime/multipart` reads them, from a whole body.

use std::borrow::Cow;

use memchr::memmem;

use super::media_type::MediaType;
use super::part_headers::{PartHeaders, line};
use super::quoted_printable;
use crate::incoming::BadRequest;
use crate::incoming::limits::{MAX_PART_HEADERS, MAX_PARTS};

/// A field of a form: a value, or a file when it has a file name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'b> {
    /// Which part of the body it is, counted from 1.
    pub(super) number: usize,
    pub(super) name: Vec<u8>,
    pub(super) is_file: bool,
    pub(super) is_json: bool,
    pub(super) content: Cow<'b, [u8]>,
}

/// All parts of a body that are fields, in their order.
pub(super) fn parts<'b>(body: &'b [u8], boundary: &[u8]) -> Result<Vec<Part<'b>>, BadRequest> {
    let mut reader = Reader::new(body, boundary);
    let mut parts = Vec::new();
    while reader.next_boundary()? {
        if reader.count == MAX_PARTS {
            return Err(too_much("too many parts", MAX_PARTS));
        }
        let headers = reader.headers()?;
        let raw = reader.content()?;
        let quoted = headers
            .first("content-transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"quoted-printable"));
        let content = if quoted {
            let decoded = quoted_printable::decode(raw);
            Cow::Owned(decoded.map_err(|problem| reader.malformed(problem))?)
        } else {
            Cow::Borrowed(raw)
        };
        reader.count += 1;
        parts.extend(field(reader.count, &headers, content));
    }
    Ok(parts)
}

/// `None` for a part that is no field of a form.
fn field<'b>(number: usize, headers: &PartHeaders<'_>, content: Cow<'b, [u8]>) -> Option<Part<'b>> {
    let disposition = headers.first("content-disposition")?;
    let disposition = MediaType::parse(disposition).filter(|it| it.kind == b"form-data")?;
    let name = disposition.param("name").filter(|name| !name.is_empty())?;
    let file_name = disposition.param("filename").unwrap_or_default();
    Some(Part {
        number,
        name: name.to_vec(),
        is_file: !file_name.is_empty(),
        is_json: headers
            .all("content-type")
            .any(|value| value == b"application/json"),
        content,
    })
}

fn too_much(what: &'static str, limit: usize) -> BadRequest {
    BadRequest::TooMuch { what, limit }
}

struct Reader<'b> {
    rest: &'b [u8],
    /// `\r\n--boundary`
    mark: Vec<u8>,
    /// Whether lines end in `\n` alone: decided by the line of the first boundary.
    bare: bool,
    /// Parts whose content has been read.
    count: usize,
    header_lines: usize,
}

impl<'b> Reader<'b> {
    fn new(body: &'b [u8], boundary: &[u8]) -> Self {
        Self {
            rest: body,
            mark: [b"\r\n--", boundary].concat(),
            bare: false,
            count: 0,
            header_lines: 0,
        }
    }

    fn malformed(&self, problem: &'static str) -> BadRequest {
        BadRequest::Multipart {
            parts: self.count,
            problem,
        }
    }

    fn newline(&self) -> &'static [u8] {
        if self.bare { b"\n" } else { b"\r\n" }
    }

    fn dashes(&self) -> &[u8] {
        &self.mark[2..]
    }

    /// Goes behind the line of the next boundary; `false` at the one that ends the form.
    fn next_boundary(&mut self) -> Result<bool, BadRequest> {
        let mut between = false;
        loop {
            let Some((line, rest)) = line(self.rest) else {
                return Err(self.malformed("no closing boundary stands"));
            };
            self.rest = rest;
            if let Some(after) = line.strip_prefix(self.dashes()) {
                let blank = trim_blank(after);
                self.bare |= self.count == 0 && blank == b"\n";
                if blank == self.newline() {
                    return Ok(true);
                }
                let closing = after.strip_prefix(b"--").map(trim_blank);
                if closing.is_some_and(|end| end.is_empty() || end == self.newline()) {
                    return Ok(false);
                }
            }
            if !line.ends_with(b"\n") {
                return Err(self.malformed("no closing boundary stands"));
            }
            // Before the first boundary anything may stand, between two parts a line break.
            if self.count > 0 {
                if between || line != self.newline() {
                    return Err(self.malformed("something other than a boundary stands"));
                }
                between = true;
            }
        }
    }

    fn headers(&mut self) -> Result<PartHeaders<'b>, BadRequest> {
        let (headers, rest) =
            PartHeaders::parse(self.rest).map_err(|problem| self.malformed(problem))?;
        self.rest = rest;
        self.header_lines += headers.len();
        if self.header_lines > MAX_PART_HEADERS {
            return Err(too_much("too many headers of parts", MAX_PART_HEADERS));
        }
        Ok(headers)
    }

    /// What stands before the next boundary; goes there.
    fn content(&mut self) -> Result<&'b [u8], BadRequest> {
        let body = self.rest;
        if body.starts_with(self.dashes()) && ends(&body[self.dashes().len()..]) {
            return Ok(&[]);
        }
        let mark = &self.mark[usize::from(self.bare)..];
        let found = memmem::find_iter(body, mark).find(|at| ends(&body[at + mark.len()..]));
        let Some(at) = found else {
            return Err(self.malformed("a part without an end stands"));
        };
        self.rest = &body[at..];
        Ok(&body[..at])
    }
}

/// Whether a boundary is whole, given what follows it.
fn ends(after: &[u8]) -> bool {
    matches!(
        after,
        [] | [b' ' | b'\t' | b'\r' | b'\n', ..] | [b'-', b'-', ..]
    )
}

fn trim_blank(text: &[u8]) -> &[u8] {
    let blank = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    &text[blank.count()..]
}
