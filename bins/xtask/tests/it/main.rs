//! The tasks' own tests: each rule of `tidy` is shown a violation.

mod args;
mod mask;
mod runner;
mod tidy;
