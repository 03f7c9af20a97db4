//! Settings: one table of them, all mistakes in one report, and nothing else in the program that
//! reads the environment.
//!
//! Texts first, types second: [`reference::flags`] and [`Environment`] say what was set,
//! [`Settings::load`] says what it means.

mod compose_ci;
mod env;
mod events;
mod file;
mod mail;
mod masked;
mod parse;
mod plain;
mod problem;
pub mod reference;
mod repos;
mod runs;
mod secret;
mod setting;
mod settings;
mod sources;
mod table;
mod volatile;
mod webhooks;

pub use compose_ci::ComposeCi;
pub use dogi_yaml::did_you_mean;
pub use env::Environment;
pub use file::{FileSettings, Forge, ForgeKind, GitSettings, Registry, RepoPatterns};
pub use mail::{Mail, MailAddress};
pub use masked::{masked, masked_sentence};
pub use plain::PlainName;
pub use problem::{Origin, Problem, Report};
pub use repos::{Allowance, MailOn, MailRule, RepoRule};
pub use runs::{ComposeTests, Pipeline, RunEntry, Work};
pub use secret::Secret;
pub use setting::{Group, Kind, Setting};
pub use settings::{
    Access, Callbacks, ClientSettings, Docker, Hooks, Jobs, Listen, Log, Network, Purpose,
    Settings, Storage, hook_files, signing_keys,
};
pub use sources::Flags;
pub use table::{SETTINGS, secret_variables, setting};
pub use volatile::volatile;
pub use webhooks::Webhooks;
