//! Stores that come with the engine.

mod memory;

pub use memory::MemoryStore;
