//! What a job is: its specification, its lifecycle and its queue.
//!
//! Nothing in here does anything: no I/O, no clock, no runtime. Events go in by
//! [`Run::apply`], and [`Run::wanted`] says what should be going on now. Whoever performs that
//! (dogi-engine, or your own program) starts what is wanted and not yet under way, and stops what
//! is under way and no longer wanted. Cancelling, retrying and resuming are therefore one code
//! path, and replaying the events of a run after a crash repeats nothing.
//!
//! ```
//! use dogi_job::{Effect, Event, Phase, Run, RunId, Spec, State, UnixMillis};
//! use dogi_url::{Commit, InstanceId, Namespace, RepoUrl};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let repo = RepoUrl::from_clone_url("https://github.com/o/r.git")?;
//! let instance = InstanceId::new(&Namespace::default(), &repo, None);
//! let at = UnixMillis(0);
//! let mut run = Run::new(RunId::parse("0000000000000000000000000000000a")?, Spec::new(instance, repo), at);
//! assert!(run.wanted(at).effects.is_empty(), "a run waits until it is admitted");
//!
//! run.apply(at, &Event::Admitted);
//! let wanted = run.wanted(at);
//! assert!(matches!(wanted.effects.values().next(), Some(Effect::Checkout)));
//!
//! let commit = Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34")?;
//! run.apply(at, &Event::CheckedOut { commit: Some(commit), revision: None });
//! assert_eq!(run.state(), State::Building);
//! # Ok(())
//! # }
//! ```
//!
//! # Limitations
//!
//! A node of a container graph that failed is not tried again.
//!
//! # Features
//!
//! None.

mod admission;
mod callback;
mod effect;
mod event;
mod failure;
mod id;
mod nodes;
mod of_node;
mod report;
mod run;
mod secret;
mod slot;
mod spec;
mod status;
mod verdict;
mod words;

pub use admission::{Admission, AdmissionLimits, Refusal, Ticket};
pub use callback::{CallbackExchange, CallbackProgress, CallbackRequest, CallbackResponse};
pub use dogi_url::UnixMillis;
pub use effect::{Effect, EffectKey, Perform, Phase, StepName, Wanted};
pub use event::{Event, NodeEvent, StopCause};
pub use failure::{Failure, FailureKind};
pub use id::{RunId, RunIdError};
pub use of_node::output_of;
pub use report::{MailOn, MailReport, Outcome, Report, StatusReport};
pub use run::{Exit, Run};
pub use secret::{SecretName, SecretNameError};
pub use slot::{Slot, SlotDecision, Standing, Submit};
pub use spec::{
    Compose, ComposeAllow, ComposeTest, HostCommand, Local, Origin, SourceRef, Spec, Workspace,
};
pub use status::{NodeState, NodeStatus, RunStatus, State};
