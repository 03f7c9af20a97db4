//! What a body may have at most. Each is far above what a forge sends, and low enough that a body
//! of 25 MB (the most that GitHub sends) costs memory and time in proportion to its size.

use super::BadRequest;

/// How deep lists, mappings and elements may be nested.
///
/// Values are walked and dropped recursively; 512 levels take a small part of a thread's stack.
/// Real payloads have less than twenty.
pub(super) const MAX_DEPTH: usize = 512;

/// How many values JSON and XML of one request may have together, see [`Budget`]: a value takes
/// less than 100 bytes besides its texts, where `[]` takes three bytes of a body.
pub(super) const MAX_VALUES: usize = 1_000_000;

/// How many fields a form may have.
pub(super) const MAX_FIELDS: usize = 10_000;

/// How many parts a multipart form may have, as Go's `mime/multipart` bounds it.
pub(super) const MAX_PARTS: usize = 1_000;

/// How many header lines all parts of a multipart form may have together.
pub(super) const MAX_PART_HEADERS: usize = 10_000;

/// How many values of a request may still be read. The body, the JSON parts of a multipart form and
/// the texts of `parse-parameters-as-json` share one, or else each of a thousand parts had its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// What JSON that exceeds it is refused with.
    pub(super) const EXCEEDED: BadRequest = BadRequest::TooMuch {
        what: "too many values",
        limit: MAX_VALUES,
    };

    /// Takes one value; `false` where none is left.
    pub(super) fn take(&mut self) -> bool {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// All of them.
impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_VALUES }
    }
}
