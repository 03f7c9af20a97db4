//! The engine's ports, acting on the world.

mod deliverer;
mod machine;
mod runner;
mod source;
mod store;

use std::sync::Arc;

use crate::world::World;

pub(crate) use runner::job_bytes;

/// Every port in one, as the world is one.
#[derive(Debug, Clone)]
pub(crate) struct Ports(pub(crate) Arc<World>);
