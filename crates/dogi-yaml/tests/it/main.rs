//! Documents as trees, and the mistakes in them.

mod parse;
mod reader;
