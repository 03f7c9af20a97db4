//! Whether an archive came to its end.

use std::io;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};

/// A tar ends with two blocks of zeros.
const END: usize = 2 * 512;

/// The same archive, failing at its end if that is not the end of a tar.
///
/// An engine that can't read on ends its answer as if all were well, perhaps with an error's text; and
/// one that unpacks takes an archive that ends between two files for a whole one.
pub(super) fn whole(
    archive: BoxStream<'static, io::Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures::stream::try_unfold((archive, 0), |(mut archive, zeros)| async move {
        match archive.try_next().await? {
            Some(chunk) => {
                let zeros = zeros_at_end(&chunk, zeros);
                Ok(Some((chunk, (archive, zeros))))
            }
            None if zeros >= END => Ok(None),
            None => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive stopped before its end",
            )),
        }
    })
    .boxed()
}

/// How many zeros stand at the end of what has come so far, if `before` stood there before the chunk.
fn zeros_at_end(chunk: &[u8], before: usize) -> usize {
    match chunk.iter().rev().position(|byte| *byte != 0) {
        Some(zeros) => zeros,
        None => before.saturating_add(chunk.len()),
    }
}
