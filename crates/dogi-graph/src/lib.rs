//! The container graph of a repository: read and checked, planned for a run, drawn as SVG.
//!
//! A graph is what all graph files of a repository say together: nodes, each a command in an image,
//! that hand variables, files and an order of events to each other. A [`Reader`] gathers the files
//! and tells every mistake of all of them at once; [`Graph::plan`] picks the nodes that a run needs,
//! in a form that can be recorded; [`svg`](svg()) draws them as they stand. It is pure: no I/O, no
//! clock, no environment.
//!
//! ```
//! use dogi_graph::{EnvValue, Reader, Selection};
//!
//! let mut reader = Reader::new();
//! reader.file("ci/app.dockercise.yaml", br#"
//! version: {img: "alpine:3.20", vol: code, run: cat code/VERSION}
//! build:
//!   img: rust:1
//!   on: code
//!   env: [version, token]
//!   run: ./build.sh "$VERSION" "$TOKEN"
//!   triggers: src/
//! "#);
//! let graph = reader.finish()?;
//!
//! let push = Selection::Touched(vec!["src/main.rs".to_owned()]);
//! let plan = graph.plan(&push, &|name| name.as_str() == "TOKEN")?;
//! assert_eq!(plan.nodes.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["build", "version"]);
//! let build = plan.container(&"build".parse()?).expect("it has an image");
//! assert!(build.uses_code());
//! assert_eq!(build.env["VERSION"], EnvValue::Output("version".parse()?));
//! assert_eq!(build.env["TOKEN"], EnvValue::Outside("TOKEN".parse()?));
//!
//! let mut reader = Reader::new();
//! reader.file("a.graphci.yaml", b"build: {img: rust, run: make, aftr: test}\ntest:\n  after: bild");
//! let mistakes = reader.finish().unwrap_err();
//! assert_eq!(
//!     mistakes.to_string(),
//!     "a.graphci.yaml:1: build.aftr: unknown key; did you mean \"after\"?\n\
//!      a.graphci.yaml:3: test.after: \"bild\": no node has this name; did you mean \"build\"?",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limitations
//!
//! Bounds are [`MAX_FILE`], [`MAX_FILES`], [`MAX_BYTES`], [`MAX_LINES`], [`MAX_DEPENDENCIES`],
//! [`MAX_NODES`], [`MAX_SUBGRAPHS`], [`MAX_TRIGGERS`] and [`MAX_GLOBS`]; of the mistakes the first
//! [`MAX_MISTAKES`] are told. Names are ASCII. What a run means (which directory
//! `on` copies to, what a failed node stops) is decided by whoever runs the plan. A drawing leaves
//! out arrows that other arrows imply, and estimates the width of its letters.
//!
//! # Features
//!
//! None.

mod cycle;
mod error;
mod graph;
mod plan;
mod read;
mod select;
mod svg;
mod triggers;
mod variable;

pub use dogi_yaml::Mistake;
pub use error::{GraphError, NotGiven, PlanError};
pub use graph::Graph;
pub use plan::{ContainerNode, EnvValue, NodeWork, Plan, PlannedNode, VolumeSource};
pub use read::{Reader, is_graph_file};
pub use select::Selection;
pub use svg::{NodeView, svg};

/// Longest graph file, and longest output of a subgraph's image, in bytes.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Most graph files of a repository.
pub const MAX_FILES: usize = 256;

/// How many bytes all files and subgraphs of a graph may have together.
pub const MAX_BYTES: u64 = 4 * MAX_FILE;

/// How many lines and commas all files and subgraphs of a graph may have together: reading takes time
/// with the square of how many keys a mapping has.
pub const MAX_LINES: usize = 30_000;

/// Dependencies of all nodes together, at most.
pub const MAX_DEPENDENCIES: usize = 4096;

/// Most nodes of a graph; also most names in one list of a node.
pub const MAX_NODES: usize = 256;

/// Most images that `meta.subgraphs` may name, all in all.
pub const MAX_SUBGRAPHS: usize = 32;

/// Most globs in the `triggers` of one node.
pub const MAX_TRIGGERS: usize = 64;

/// How long the triggers of all nodes may be together, in bytes: each takes time to be made ready.
pub const MAX_GLOBS: usize = 64 * 1024;

/// How many mistakes are told.
pub const MAX_MISTAKES: usize = 100;
