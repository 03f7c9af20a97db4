use std::{io, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream};

/// How a request is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    delay: Duration,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    Raw {
        bytes: Vec<u8>,
        then_hang: bool,
    },
    Hang,
    Close,
}

impl Answer {
    /// An answer with this status and no body.
    pub fn status(status: u16) -> Self {
        Self::of(Kind::Http {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    /// 200 with a JSON body.
    pub fn json(value: &serde_json::Value) -> Self {
        let answer = Self::status(200).header("Content-Type", "application/json");
        answer.body(value.to_string())
    }

    /// A redirect with this status to `location`.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("Location", location)
    }

    /// These bytes as they are, status line and all, and the end of the connection.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Kind::Raw {
            bytes: bytes.into(),
            then_hang: false,
        })
    }

    /// These bytes as they are, and then nothing; the connection stays open.
    pub fn raw_then_hang(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Kind::Raw {
            bytes: bytes.into(),
            then_hang: true,
        })
    }

    /// No answer; the connection stays open.
    pub fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    /// No answer; the connection is closed.
    pub fn close() -> Self {
        Self::of(Kind::Close)
    }

    /// Adds a header field; of no effect where the bytes are given.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Http { headers, .. } = &mut self.kind {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets the body; of no effect where the bytes are given.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        if let Kind::Http { body, .. } = &mut self.kind {
            *body = bytes.into();
        }
        self
    }

    /// Waits before it is given.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn of(kind: Kind) -> Self {
        Self {
            delay: Duration::ZERO,
            kind,
        }
    }

    pub(super) async fn give(self, to: &mut TcpStream, head_only: bool) -> io::Result<()> {
        tokio::time::sleep(self.delay).await;
        match self.kind {
            Kind::Http {
                status,
                headers,
                body,
            } => {
                to.write_all(head(status, &headers, body.len()).as_bytes())
                    .await?;
                if head_only {
                    Ok(())
                } else {
                    to.write_all(&body).await
                }
            }
            Kind::Raw { bytes, then_hang } => {
                to.write_all(&bytes).await?;
                if then_hang {
                    std::future::pending().await
                } else {
                    Ok(())
                }
            }
            Kind::Hang => std::future::pending().await,
            Kind::Close => Ok(()),
        }
    }
}

fn head(status: u16, headers: &[(String, String)], length: usize) -> String {
    let mut head = format!("HTTP/1.1 {status} \r\nConnection: close\r\n");
    if !matches!(status, 100..200 | 204 | 304) {
        head += &format!("Content-Length: {length}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}
