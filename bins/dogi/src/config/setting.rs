//! What is said of a setting.

/// A setting: one flag, one environment variable, one key of `dogi.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable, which is also the setting's name in the code.
    pub env: &'static str,
    /// Further spellings of the variable, tried first.
    pub also: &'static [&'static str],
    /// The flag, without `--`.
    pub flag: &'static str,
    /// What `--help` calls the value.
    pub value: &'static str,
    /// The default as a person would write it; empty: none.
    pub default: &'static str,
    /// Where `--help` lists it.
    pub group: Group,
    /// How its value is treated.
    pub kind: Kind,
    /// What a good value looks like, to go after "expected".
    pub expected: &'static str,
    /// What it is for.
    pub help: &'static str,
}

impl Setting {
    /// The key in `dogi.yaml`: the variable in lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.env.to_ascii_lowercase()
    }
}

/// How a setting's value is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Plain,
    /// The flag needs no value.
    Switch,
    /// Never shown; in `dogi.yaml` also `{env: NAME}` or `{file: PATH}`.
    Secret,
    /// A secret, or in `dogi.yaml` a list of them.
    Secrets,
    /// In `dogi.yaml` also a mapping, taken as JSON.
    Object,
    /// In `dogi.yaml` also a list, taken as comma-separated.
    List,
    /// One or more paths: the flag may be repeated, the variable is comma-separated, and in
    /// `dogi.yaml` it may be a list.
    Paths,
}

/// Headings of `--help` and of the documentation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Where it listens.
    Listener,
    /// Who may do what.
    Access,
    /// Where things are kept and for how long.
    Storage,
    /// What a job may take.
    Jobs,
    /// The engine.
    Docker,
    /// Repositories and other hosts.
    Network,
    /// Callbacks.
    Callbacks,
    /// Generic webhooks.
    Hooks,
    /// Mails about results.
    Mail,
    /// One repository and its compose project.
    ComposeCi,
    /// Everything else.
    Other,
}

impl Group {
    /// The heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Listener => "Listener",
            Self::Access => "Access",
            Self::Storage => "Storage",
            Self::Jobs => "Jobs",
            Self::Docker => "Docker",
            Self::Network => "Network",
            Self::Callbacks => "Callbacks",
            Self::Hooks => "Hooks",
            Self::Mail => "Mail",
            Self::ComposeCi => "compose-ci",
            Self::Other => "Other",
        }
    }
}
