//! What of a run nobody is to read: the values of its secrets.

use bytes::Bytes;
use dogi_docker::{Container, Rewrite, Rewriting};
use dogi_job::{FailureKind, Spec};
use dogi_stream::{
    Channel,
    mask::{Masker, Masks},
};

use super::error;
use crate::adapters::coverage::warning;
use crate::ports::{SecretValue, SecretValues, StepError, Work};

/// Values beside those of the container's own secrets, with what they are called.
pub(super) type Hidden<'a> = &'a [(String, SecretValue)];

fn named(hidden: Hidden<'_>) -> impl Iterator<Item = (&str, &str)> {
    hidden
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
}

/// Masks what comes from a container; for a run without secrets, nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrecy {
    masks: Masks,
    /// What the run's log is to say of secrets that are not masked.
    warnings: Vec<String>,
}

impl Secrecy {
    /// The secrets of a container that is to be made, and what else of its run is to be hidden.
    pub(super) fn of(values: &SecretValues, hidden: Hidden<'_>) -> Result<Self, StepError> {
        let values = values
            .iter()
            .map(|(variable, value)| (variable.as_str(), value.expose()));
        Self::new(values.chain(named(hidden)))
    }

    /// Those of a container that an earlier life of the server made. What they are now for the operator
    /// does not matter: the container has the values of that time.
    pub(super) async fn of_container(
        container: &Container,
        spec: &Spec,
        hidden: Hidden<'_>,
        work: &Work,
    ) -> Result<Self, StepError> {
        if spec.secrets.is_empty() {
            return Self::new(named(hidden));
        }
        let docker = container.docker();
        let environment = docker.patiently(|| container.environment());
        let environment = work.unless_cancelled(environment).await?;
        let environment = environment.map_err(|error| error::running(&error))?;
        let variables = spec.secrets.keys().map(|variable| variable.as_str());
        let values =
            variables.filter_map(|variable| Some((variable, environment.get(variable)?.as_str())));
        Self::new(values.chain(named(hidden)))
    }

    fn new<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, StepError> {
        let mut builder = Masks::builder();
        let mut warnings = Vec::new();
        for (variable, value) in values {
            warnings.extend(warning(variable, builder.add(value.as_bytes())));
        }
        let masks = builder.build().map_err(|error| {
            let message = format!("the secrets can't be masked: {error}");
            StepError::failed(FailureKind::Start, message)
        })?;
        Ok(Self { masks, warnings })
    }

    /// Tells the run's log and the server's which secrets are not masked.
    pub(super) async fn warn(&self, work: &Work) {
        for warning in &self.warnings {
            tracing::warn!(run = %work.run, instance = %work.instance, "{warning}");
            work.console.line(format!("dogi: {warning}")).await;
        }
    }

    /// How what is taken up was rewritten.
    pub(super) fn rewriting(&self) -> Rewriting {
        if self.masks.is_empty() {
            return Rewriting::none();
        }
        let masks = self.masks.clone();
        Rewriting::new(move || Box::new(Masking(Masker::new(&masks))))
    }

    /// What is read by attach, from its beginning.
    pub(super) fn channels(&self) -> Channels {
        let masker = || Masker::new(&self.masks);
        Channels {
            stdout: masker(),
            stderr: masker(),
        }
    }

    /// What may stand in a message of the engine.
    pub(super) fn hide(&self, text: String) -> String {
        if self.masks.is_empty() {
            return text;
        }
        String::from_utf8_lossy(&self.masks.mask(text.as_bytes())).into_owned()
    }

    pub(super) fn hide_in(&self, error: StepError) -> StepError {
        match error {
            StepError::Cancelled => StepError::Cancelled,
            StepError::Failed { kind, message } => StepError::Failed {
                kind,
                message: self.hide(message),
            },
            StepError::Lost { reason } => StepError::Lost {
                reason: self.hide(reason),
            },
        }
    }
}

struct Masking(Masker);

impl Rewrite for Masking {
    fn push(&mut self, bytes: Bytes) -> Bytes {
        self.0.push(bytes)
    }

    fn finish(&mut self) -> Bytes {
        self.0.finish()
    }
}

/// Masks both channels of an output.
#[derive(Debug)]
pub(super) struct Channels {
    stdout: Masker,
    stderr: Masker,
}

impl Channels {
    /// What of it can be shown by now, perhaps nothing.
    pub(super) fn push(&mut self, channel: Channel, bytes: Bytes) -> Bytes {
        match channel {
            Channel::Stderr => self.stderr.push(bytes),
            _ => self.stdout.push(bytes),
        }
    }

    /// The output has ended: what was held back, where that is anything.
    pub(super) fn finish(&mut self) -> Vec<(Channel, Bytes)> {
        let mut rest = vec![
            (Channel::Stdout, self.stdout.finish()),
            (Channel::Stderr, self.stderr.finish()),
        ];
        rest.retain(|(_, bytes)| !bytes.is_empty());
        rest
    }
}
