//! What a context is made of, wherever it comes from.

use std::fs::File;

use gix::bstr::BStr;

use crate::error::ContextError;
use crate::tree::{Descend, Kind};

/// One file, directory or symlink on its way into a context.
pub(crate) trait Entry {
    /// Relative to the context.
    fn path(&self) -> &BStr;
    fn kind(&self) -> Kind;
    /// Permission bits.
    fn mode(&self) -> u32;
    /// Seconds since 1970.
    fn modified(&self) -> u64;
    /// Adds what the content is, but for path and mode, to a digest.
    fn identify(&mut self, digest: &mut ring::digest::Context) -> Result<(), ContextError>;
    /// The content, or a symlink's target.
    fn content(&mut self, buffer: &mut Vec<u8>) -> Result<Content, ContextError>;
    /// The size of a file, before a checkout does anything to it.
    fn size(&mut self) -> Result<u64, ContextError>;
    /// Whether the directory is a repository of its own inside this one.
    fn is_repository(&self) -> bool;
    /// Whether the file is meant to be kept by Git LFS.
    fn is_lfs(&mut self) -> bool;
}

/// Where the content is.
pub(crate) enum Content {
    /// In the buffer.
    Buffer,
    /// In a file, so many bytes.
    File(File, u64),
}

/// The visitor of a source.
pub(crate) type Visit<'a> = dyn FnMut(&mut dyn Entry) -> Result<Descend, ContextError> + 'a;

/// What a blob of Git LFS looks like.
pub(crate) fn is_lfs_pointer(content: &[u8]) -> bool {
    content.len() < 1024 && content.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
}
