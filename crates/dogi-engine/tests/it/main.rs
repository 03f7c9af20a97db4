//! The behaviour of the engine over fake ports, as a specification.

mod ceilings;
mod commands;
#[cfg(feature = "docker")]
mod docker;
mod fakes;
mod governor;
mod graphs;
#[cfg(feature = "command")]
mod host;
mod left_behind;
mod lifecycle;
mod lives;
mod output_lines;
mod outputs;
#[cfg(feature = "compose")]
mod own_container;
mod plan;
mod records;
mod recovery;
mod reports;
#[cfg(feature = "docker")]
mod secrets;
mod small_disk;
mod submissions;
mod taken_back;
mod unrecorded;
