//! What the engine needs from the world, as traits; `adapters` has the real ones.

mod deliverer;
mod host;
mod keeper;
mod local;
mod notifier;
mod observer;
mod runner;
mod secrets;
mod source;
mod store;
mod values;
mod work;
mod workers;

pub use deliverer::{Attempted, Deliverer, Delivery};
pub use host::{CommandRequest, Host, NoHost};
pub use keeper::{KeepError, Keeper, Kept, KeptKind, Leftover, Removal, Sweep};
pub use local::{Local, LocalRequest, NoLocal};
pub use notifier::{NoNotifier, Notice, Notifier, Told};
pub use observer::{Observer, Unobserved};
pub use runner::{
    Alive, Begin, BuildRequest, BuiltImage, ContainerRequest, FileOut, NodeRequest, PrintRequest,
    PullRequest, Runner, ShareRequest,
};
pub use secrets::{
    FixedSecrets, InvalidSecretValue, RevealError, SecretValue, SecretValues, Secrets,
};
pub use source::{
    BoxStream, Checkout, CheckoutRequest, Context, ContextRequest, FileLimits, RepoFile, Source,
};
pub use store::{
    Entry, History, Promise, PromiseChange, Record, Recorded, Safety, Store, StoreError, Submission,
};
pub use values::{Listed, ValueError, Values};
pub(crate) use work::Report;
pub use work::{StepError, Work};
pub use workers::{BlockingThreads, Job, Workers};
