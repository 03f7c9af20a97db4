//! The behaviour of dogi-job, as a specification.

mod admission;
mod callback;
mod command;
mod events;
mod resume;
mod run;
mod secret;
mod slot;
