//! Output that is not kept as it was printed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Channel;
use super::messages::{Part, Stamp};

/// How an output is rewritten before it is kept: secrets are masked in it, for example.
///
/// Whoever takes up an output, or follows a file, from where that was left has only what was kept. It is
/// compared with what the engine has, rewritten from its beginning in the same way. So the same bytes must
/// give the same, however they are cut into pieces.
///
/// ```
/// use dogi_docker::{Rewrite, Rewriting};
/// use bytes::Bytes;
///
/// /// Shouts.
/// struct Upper;
///
/// impl Rewrite for Upper {
///     fn push(&mut self, bytes: Bytes) -> Bytes {
///         bytes.to_ascii_uppercase().into()
///     }
///
///     fn finish(&mut self) -> Bytes {
///         Bytes::new()
///     }
/// }
///
/// let rewriting = Rewriting::new(|| Box::new(Upper));
/// # let _ = rewriting;
/// ```
#[derive(Clone, Default)]
pub struct Rewriting(Option<Arc<Begin>>);

type Begin = dyn Fn() -> Box<dyn Rewrite> + Send + Sync;

/// Rewrites one channel or one file, from its first byte.
pub trait Rewrite: Send {
    /// Takes the next bytes, and gives what is certain by now, perhaps nothing.
    fn push(&mut self, bytes: Bytes) -> Bytes;

    /// That was all: gives what was held back. Doing it twice gives nothing more.
    fn finish(&mut self) -> Bytes;
}

impl Rewriting {
    /// Each channel and each file is rewritten by what `begin` makes.
    pub fn new(begin: impl Fn() -> Box<dyn Rewrite> + Send + Sync + 'static) -> Rewriting {
        Rewriting(Some(Arc::new(begin)))
    }

    /// Everything is kept as it is.
    pub fn none() -> Rewriting {
        Rewriting::default()
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn begin(&self) -> Rewriter {
        Rewriter(self.0.as_ref().map(|begin| begin()))
    }
}

impl fmt::Debug for Rewriting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_none() { "none" } else { "some" };
        f.debug_tuple("Rewriting").field(&what).finish()
    }
}

/// One rewriting under way.
pub(crate) struct Rewriter(Option<Box<dyn Rewrite>>);

impl Rewriter {
    pub(crate) fn push(&mut self, bytes: Bytes) -> Bytes {
        match &mut self.0 {
            Some(rewrite) => rewrite.push(bytes),
            None => bytes,
        }
    }

    pub(crate) fn finish(&mut self) -> Bytes {
        self.0
            .as_mut()
            .map_or_else(Bytes::new, |rewrite| rewrite.finish())
    }
}

impl fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriter").finish_non_exhaustive()
    }
}

/// Both channels of one reading of the engine's copy.
pub(super) struct RewrittenCopy {
    sides: [(Rewriter, Stamp); 2],
}

impl RewrittenCopy {
    pub(super) fn new(rewriting: &Rewriting) -> RewrittenCopy {
        let side = || (rewriting.begin(), Stamp::default());
        RewrittenCopy {
            sides: [side(), side()],
        }
    }

    /// What becomes of the next part. What was held back before counts as of its time.
    pub(super) fn part(&mut self, channel: Channel, part: Part) -> Part {
        let (rewriter, last) = &mut self.sides[channel.index()];
        *last = part.stamp;
        Part {
            stamp: part.stamp,
            bytes: rewriter.push(part.bytes),
        }
    }

    /// What was held back to the end of the copy.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (Channel, Part)> {
        let channels = [Channel::Stdout, Channel::Stderr];
        let rest = channels.into_iter().zip(&mut self.sides);
        rest.filter_map(|(channel, (rewriter, last))| {
            let bytes = rewriter.finish();
            (!bytes.is_empty()).then_some((
                channel,
                Part {
                    stamp: *last,
                    bytes,
                },
            ))
        })
    }
}
