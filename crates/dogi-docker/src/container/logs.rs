//! Reading the engine's own copy of a container's output.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::Method;

use super::demux::{Demux, Source};
use super::messages::{Messages, Part, Stamp};
use super::recent::Recent;
use super::rewriting::{Rewriting, RewrittenCopy};
use super::{Channel, Container};
use crate::client::body_bytes;
use crate::error::EngineError;

/// Messages that are looked at to see how far the copy has come: the channels' times may be a little out
/// of order.
const NEWEST: usize = 10;
/// Messages in which the end of what is known is looked for.
const LAST: usize = 1000;
const WHAT: &str = "send the container's log";

/// The engine's copy, from its beginning.
pub(super) struct Copy {
    ended: bool,
    container: Container,
    body: BoxStream<'static, Result<Bytes, hyper::Error>>,
    demux: Demux,
    stdout: Messages,
    stderr: Messages,
}

/// What comes next in a copy.
pub(super) enum Next {
    Parts(Vec<(Channel, Part)>),
    /// That was all; for stdout and stderr: whether a newline may be missing at the very end.
    End {
        parts: Vec<(Channel, Part)>,
        open: [bool; 2],
    },
}

impl Container {
    /// Opens the engine's copy of the output; with `follow` it goes on while the container runs.
    pub(super) async fn copy(&self, follow: bool) -> Result<Copy, EngineError> {
        self.open_copy(&format!("follow={}", u8::from(follow)))
            .await
    }

    /// The time of the newest message in the engine's copy so far.
    pub(super) async fn newest_in_copy(&self) -> Result<Stamp, EngineError> {
        let mut copy = self.open_copy(&format!("tail={NEWEST}")).await?;
        let mut newest = Stamp::default();
        while let Some(parts) = copy.parts().await? {
            newest = parts
                .iter()
                .fold(newest, |newest, (_, part)| newest.max(part.stamp));
        }
        Ok(newest)
    }

    /// The last [`LAST`] messages of the engine's copy so far, rewritten, as far as they are kept in mind.
    pub(super) async fn last_of_copy(&self, rewriting: &Rewriting) -> Result<Recent, EngineError> {
        let mut rewritten = RewrittenCopy::new(rewriting);
        let mut copy = self.open_copy(&format!("tail={LAST}")).await?;
        let mut recent = Recent::default();
        while let Some(parts) = copy.parts().await? {
            for (channel, part) in parts {
                recent.push(channel, rewritten.part(channel, part));
            }
        }
        Ok(recent)
    }

    async fn open_copy(&self, options: &str) -> Result<Copy, EngineError> {
        let path = self.path(&format!("logs?stdout=1&stderr=1&timestamps=1&{options}"));
        let response = self
            .docker
            .raw(WHAT, Method::GET, &path, |builder| builder, Bytes::new())
            .await?;
        Ok(Copy {
            ended: false,
            container: self.clone(),
            body: body_bytes(response.into_body()),
            demux: Demux::new(self.tty),
            stdout: Messages::new(!self.tty),
            stderr: Messages::new(!self.tty),
        })
    }
}

impl Copy {
    /// The next parts, where it does not matter how the copy ends; `None` after the last.
    pub(super) async fn parts(&mut self) -> Result<Option<Vec<(Channel, Part)>>, EngineError> {
        if self.ended {
            return Ok(None);
        }
        match self.next().await? {
            Next::Parts(parts) => Ok(Some(parts)),
            Next::End { parts, .. } => {
                self.ended = true;
                Ok(Some(parts))
            }
        }
    }

    pub(super) async fn next(&mut self) -> Result<Next, EngineError> {
        let mut parts = Vec::new();
        match self.body.next().await {
            Some(Ok(bytes)) => {
                self.take(&bytes, &mut parts)?;
                Ok(Next::Parts(parts))
            }
            Some(Err(error)) => Err(self.container.docker.lost(WHAT, error)),
            None if !self.demux.at_boundary() => {
                let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                Err(self.container.docker.lost(WHAT, cut))
            }
            None => {
                let mut ended = |messages: &mut Messages, channel| {
                    let mut rest = Vec::new();
                    let open = messages.finish(&mut rest);
                    parts.extend(rest.into_iter().map(|part| (channel, part)));
                    open
                };
                let open = [
                    ended(&mut self.stdout, Channel::Stdout),
                    ended(&mut self.stderr, Channel::Stderr),
                ];
                Ok(Next::End { parts, open })
            }
        }
    }

    fn take(&mut self, bytes: &[u8], parts: &mut Vec<(Channel, Part)>) -> Result<(), EngineError> {
        let Copy {
            demux,
            stdout,
            stderr,
            ..
        } = self;
        let mut trouble = None;
        let mut found = Vec::new();
        let split = demux.split(bytes, |source, begins, bytes| {
            let (channel, messages) = match source {
                Source::Job(Channel::Stdout) => (Channel::Stdout, &mut *stdout),
                Source::Job(Channel::Stderr) => (Channel::Stderr, &mut *stderr),
                Source::Engine => {
                    trouble.get_or_insert(String::from_utf8_lossy(bytes).trim().to_owned());
                    return;
                }
            };
            if let Err(error) = messages.push(begins, bytes, &mut found) {
                trouble.get_or_insert(error.to_string());
            }
            parts.extend(found.drain(..).map(|part| (channel, part)));
        });
        let trouble = trouble.or(split.err().map(|error| error.to_string()));
        match trouble {
            None => Ok(()),
            Some(reason) => Err(EngineError::Garbled {
                what: WHAT.to_owned(),
                reason,
            }),
        }
    }
}
