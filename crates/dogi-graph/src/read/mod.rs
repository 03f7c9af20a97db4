//! Files become drafts of nodes, one file after the other; then the drafts of all files become a
//! graph.

mod check;
mod draft;
mod fields;
mod file;
mod merge;
mod names;
mod node;
mod reader;

pub use file::is_graph_file;
pub use reader::Reader;
