use std::fmt;

use futures::future::BoxFuture;

/// Keeps small values that outlive the process, by a key within a space: which image was built of
/// what, for example.
pub trait Values: fmt::Debug + Send + Sync {
    /// Puts `value` in the place of whatever `key` had.
    fn put<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), ValueError>>;

    /// Removes the value of `key`, if it has one.
    fn remove<'a>(&'a self, space: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), ValueError>>;

    /// Every key of `space` with its value, in the order of the keys.
    fn list<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Listed, ValueError>>;
}

/// Keys with their values.
pub type Listed = Vec<(String, Vec<u8>)>;

/// A value was not kept or not found.
#[derive(Debug, thiserror::Error)]
#[error("the store could not {what} values of {space:?}")]
pub struct ValueError {
    /// What it should have done.
    pub what: &'static str,
    /// In which space.
    pub space: String,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
