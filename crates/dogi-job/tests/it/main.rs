//! The behaviour of dogi-job, as a specification.

mod admission;
mod run;
mod slot;
