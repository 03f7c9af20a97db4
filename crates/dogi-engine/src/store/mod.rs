//! Stores that come with the engine, and how records are written down.

pub mod codec;
mod memory;

pub use memory::MemoryStore;
