//! A YAML or JSON document as a tree in which every node knows its line, for files that people
//! write: all mistakes of a file are gathered, each with file, line, key, value and what was
//! expected.
//!
//! ```
//! use std::path::Path;
//! use dogi_yaml::{Reader, parse};
//!
//! let file = Path::new("jobs.yaml");
//! let root = parse(file, "name: nightly\nmode: 0755\nretries: [1]\ntimout: 9s\n")?;
//! let mut mistakes = Vec::new();
//! let mut reader = Reader::new(file, &mut mistakes);
//! let [name, mode, retries, _] =
//!     reader.fields(root, "", ["name", "mode", "retries", "timeout"]);
//! assert_eq!(name.and_then(|node| reader.scalar(node, "name", "a name")).as_deref(), Some("nightly"));
//! // As it is written, not what YAML would make of it.
//! assert_eq!(mode.and_then(|node| reader.scalar(node, "mode", "a mode")).as_deref(), Some("0755"));
//! retries.and_then(|node| reader.scalar(node, "retries", "a number"));
//! let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
//! assert_eq!(texts, [
//!     "jobs.yaml:4: timout: unknown key; did you mean \"timeout\"?",
//!     "jobs.yaml:3: retries: expected a number, not a list",
//! ]);
//! # Ok::<(), dogi_yaml::Mistake>(())
//! ```
//!
//! # Limitations
//!
//! One document per file. Scalars are texts as the file spells them: what they mean is the
//! reader's business, which knows what it expects. A key that stands twice and a key that is no
//! scalar are mistakes. Anchors, aliases and merge keys work as far as
//! serde-saphyr knows them, whose budget bounds what aliases can blow a file up to. Lists and
//! mappings may be nested 40 deep. The first
//! mistake of the syntax hides what follows it.
//!
//! # Features
//!
//! None.

mod mistake;
mod parse;
mod reader;

pub use mistake::{Mistake, did_you_mean};
pub use parse::{Key, Node, Value, parse};
pub use reader::{Reader, index, join};
