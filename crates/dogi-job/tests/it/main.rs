//! The behaviour of dogi-job, as a specification.

mod admission;
mod callback;
mod command;
mod events;
mod graph;
mod resume;
mod run;
mod secret;
mod slot;
