//! What a body may have at most. Each is far above what a forge sends, and low enough that a body
//! of 25 MB (the most that GitHub sends) costs memory and time in proportion to its size.

/// How deep lists, mappings and elements may be nested.
///
/// Values are walked and dropped recursively; 512 levels take a small part of a thread's stack.
/// Real payloads have less than twenty.
pub(super) const MAX_DEPTH: usize = 512;

/// How many values a JSON or XML body may have: a value takes less than 100 bytes besides its
/// texts, where `[]` takes three bytes of a body.
pub(super) const MAX_VALUES: usize = 1_000_000;

/// How many fields a form may have.
pub(super) const MAX_FIELDS: usize = 10_000;

/// How many parts a multipart form may have, as Go's `mime/multipart` bounds it.
pub(super) const MAX_PARTS: usize = 1_000;

/// How many header lines all parts of a multipart form may have together.
pub(super) const MAX_PART_HEADERS: usize = 10_000;
