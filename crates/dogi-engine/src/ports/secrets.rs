use std::{collections::BTreeMap, error::Error, fmt};

use dogi_job::SecretName;
use dogi_url::EnvName;
use futures::future::BoxFuture;

/// What knows the values of the operator's secrets.
///
/// It is asked when a container is about to be made. What it gives goes into the container's environment
/// and nowhere else: no event, no answer, no output. A container that is taken up by a later life of the
/// server has them already.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// Gives the value of every variable, or fails.
    ///
    /// Cancel safe: nothing is left behind by a future that is dropped.
    fn reveal<'a>(
        &'a self,
        names: &'a BTreeMap<EnvName, SecretName>,
    ) -> BoxFuture<'a, Result<SecretValues, RevealError>>;
}

/// The secrets of one container, by the variables that it gets them in.
pub type SecretValues = BTreeMap<EnvName, SecretValue>;

/// The value of a secret. Printing it for debugging shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

/// The value of a secret that can't be an environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value of the secret has a NUL byte at {at}, which no environment variable can hold")]
pub struct InvalidSecretValue {
    /// Bytes before it.
    pub at: usize,
}

impl SecretValue {
    /// Takes any text that an environment variable can hold.
    ///
    /// # Errors
    /// When there is a NUL byte in it.
    pub fn new(value: impl Into<String>) -> Result<Self, InvalidSecretValue> {
        let value = value.into();
        match value.find('\0') {
            Some(at) => Err(InvalidSecretValue { at }),
            None => Ok(Self(value)),
        }
    }

    /// The value, for whoever must have it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// A secret that a run can't have.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// The operator has none of that name.
    #[error("the server has no secret {name} for {variable}")]
    Unknown {
        /// The variable that was to hold it.
        variable: EnvName,
        /// What was asked for.
        name: SecretName,
    },
    /// It is somewhere, and can't be had now.
    #[error("the secret {name} for {variable} can't be read")]
    Unreadable {
        /// The variable that was to hold it.
        variable: EnvName,
        /// What was asked for.
        name: SecretName,
        /// Why not. Whoever asked for the run is not told.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Secrets that don't change, of a program that embeds the engine, for example.
///
/// ```
/// use dogi_engine::ports::{FixedSecrets, SecretValue, Secrets as _};
/// use dogi_job::SecretName;
/// use dogi_url::EnvName;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = SecretName::parse("npm")?;
/// let secrets = FixedSecrets::from_iter([(name.clone(), SecretValue::new("s3cr3t")?)]);
/// let values = secrets.reveal(&[(EnvName::new("NPM_TOKEN")?, name)].into()).await?;
/// assert_eq!(values.values().next().map(SecretValue::expose), Some("s3cr3t"));
/// assert_eq!(format!("{values:?}"), "{EnvName(\"NPM_TOKEN\"): SecretValue(..)}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct FixedSecrets {
    values: BTreeMap<SecretName, SecretValue>,
}

impl FromIterator<(SecretName, SecretValue)> for FixedSecrets {
    fn from_iter<T: IntoIterator<Item = (SecretName, SecretValue)>>(values: T) -> Self {
        Self {
            values: values.into_iter().collect(),
        }
    }
}

impl Secrets for FixedSecrets {
    fn reveal<'a>(
        &'a self,
        names: &'a BTreeMap<EnvName, SecretName>,
    ) -> BoxFuture<'a, Result<SecretValues, RevealError>> {
        let reveal = |(variable, name): (&EnvName, &SecretName)| {
            let value = self.values.get(name).ok_or_else(|| RevealError::Unknown {
                variable: variable.clone(),
                name: name.clone(),
            })?;
            Ok((variable.clone(), value.clone()))
        };
        let values = names.iter().map(reveal).collect();
        Box::pin(async { values })
    }
}
