//! What the engine needs from the world, as traits; `adapters` has the real ones.

mod deliverer;
mod runner;
mod source;
mod store;
mod work;

pub use deliverer::{Attempted, Deliverer, Delivery};
pub use runner::{BuildRequest, BuiltImage, ContainerRequest, Runner};
pub use source::{BoxStream, Checkout, Context, ContextRequest, Source};
pub use store::{Record, Recorded, Store, StoreError};
pub use work::{StepError, Work};
