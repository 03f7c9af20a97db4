//! Graph files as graphs, graphs as plans and pictures.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bounds;
mod cycles;
mod mistakes;
mod plan;
mod properties;
mod read;
mod record;
mod subgraphs;
mod support;
mod svg;
mod triggers;
