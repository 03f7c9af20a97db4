//! One request and its answer, in the three parts that gix wants to hold: it writes the request's
//! body, drops it, reads the answer's headers, then the answer's body.

use std::io::{self, BufRead, Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};

use super::super::{Fault, Link, chain};
use super::{accepted, send};
use crate::net::pipe::SILENT;

pub(super) struct Exchange {
    link: Arc<Link>,
    request: Option<(RequestBuilder, Vec<u8>)>,
    response: Option<Response>,
}

type Shared = Arc<Mutex<Exchange>>;

impl Exchange {
    /// A request that is sent as soon as its answer is read.
    pub(super) fn prepared(request: RequestBuilder, link: Arc<Link>) -> Shared {
        let request = Some((request, Vec::new()));
        Arc::new(Mutex::new(Exchange {
            link,
            request,
            response: None,
        }))
    }

    /// The headers of the answer are there.
    pub(super) fn answered(response: Response, link: Arc<Link>) -> Shared {
        Arc::new(Mutex::new(Exchange {
            link,
            request: None,
            response: Some(response),
        }))
    }

    fn perform(&mut self) -> io::Result<()> {
        let Some((request, body)) = self.request.take() else {
            return Ok(());
        };
        let response = send(&self.link, request.body(body))?;
        self.response = Some(accepted(&self.link, response, true)?);
        Ok(())
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Exchange> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of the request, while it is written.
pub(super) struct PostBody(Shared);

impl PostBody {
    pub(super) fn of(exchange: &Shared) -> PostBody {
        PostBody(exchange.clone())
    }
}

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut lock(&self.0).request {
            Some((_, body)) => body.extend_from_slice(bytes),
            None => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The headers of the answer, as lines.
pub(super) struct Headers {
    exchange: Shared,
    lines: Option<Cursor<Vec<u8>>>,
}

impl Headers {
    pub(super) fn of(exchange: &Shared) -> Headers {
        Headers {
            exchange: exchange.clone(),
            lines: None,
        }
    }

    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let mut exchange = lock(&self.exchange);
            exchange.perform()?;
            let headers = exchange.response.as_ref().map(Response::headers);
            let text = headers.map(text).unwrap_or_default();
            self.lines = Some(Cursor::new(text));
        }
        Ok(self.lines.get_or_insert_default())
    }
}

fn text(headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

/// The body of the answer.
pub(super) struct Body {
    exchange: Shared,
    response: Option<Response>,
    chunk: Bytes,
}

impl Body {
    pub(super) fn of(exchange: &Shared) -> Body {
        Body {
            exchange: exchange.clone(),
            response: None,
            chunk: Bytes::new(),
        }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let link = {
            let mut exchange = lock(&self.exchange);
            exchange.perform()?;
            if let Some(response) = exchange.response.take() {
                self.response = Some(response);
            }
            exchange.link.clone()
        };
        let Some(response) = &mut self.response else {
            return Ok(());
        };
        let next = link.wait(link.limits.stall, SILENT, async {
            Ok(response.chunk().await)
        })?;
        let next = next.map_err(|error| {
            let reason = chain(&error.without_url());
            link.fail(Fault::Connection {
                reason,
                source: None,
            })
        })?;
        self.chunk = next.unwrap_or_default();
        link.count(self.chunk.len())
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut chunk = self.fill_buf()?;
        let read = chunk.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.is_empty() {
            self.next_chunk()?;
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount.min(self.chunk.len()));
    }
}
