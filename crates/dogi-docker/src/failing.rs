//! Keeping the error of a stream that is given away as a request's body.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{Stream, StreamExt};

/// The first error of a stream that somebody else consumed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    pub(crate) fn take(&self) -> Option<io::Error> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }

    fn set(&self, error: io::Error) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
    }
}

/// The HTTP client only says that the body failed; this remembers why.
pub(crate) fn watch_errors<S>(
    stream: S,
) -> (
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    Failure,
)
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let failure = Failure::default();
    let seen = failure.clone();
    let watched = stream.map(move |item| {
        item.map_err(|err| {
            let copy = io::Error::new(err.kind(), err.to_string());
            seen.set(err);
            copy
        })
    });
    (watched, failure)
}
