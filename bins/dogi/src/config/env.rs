//! The environment: this is the only place that reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use dogi_url::EnvName;

/// A snapshot of environment variables. An empty one counts as not set.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// This process's own.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The text of a variable.
    ///
    /// # Errors
    /// With the value made readable, when it is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<&str>, String> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(Some)
                .ok_or_else(|| value.to_string_lossy().into_owned()),
        }
    }

    /// All of it less what `hidden` names: what a command of the operator's inherits.
    pub fn without<'a>(
        &'a self,
        hidden: &'a [&str],
    ) -> impl Iterator<Item = (OsString, OsString)> + 'a {
        self.0
            .iter()
            .filter(|(name, _)| !hidden.iter().any(|hidden| name.as_os_str() == *hidden))
            .map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Those of [`Environment::without`] that a container can have, for nodes of a container graph that
    /// ask for one.
    #[must_use]
    pub fn variables_without(&self, hidden: &[&str]) -> BTreeMap<EnvName, String> {
        let variables = self.without(hidden).filter_map(|(name, value)| {
            let name = EnvName::new(name.to_str()?).ok()?;
            Some((name, value.into_string().ok()?))
        });
        variables.collect()
    }

    /// A variable that may hold any bytes, such as a path.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(
            iter.into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
