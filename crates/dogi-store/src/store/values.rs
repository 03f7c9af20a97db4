use rusqlite::Connection;

use crate::{ReadError, Store, WriteError, read, write::Write};

/// Small values.
impl Store {
    /// Sets the value of a key in a space.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn put(&self, space: &str, key: &str, value: Vec<u8>) -> Result<(), WriteError> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.change(Write::Put { space, key, value }).await?;
        Ok(())
    }

    /// Removes a key of a space. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub async fn remove(&self, space: &str, key: &str) -> Result<bool, WriteError> {
        let (space, key) = (space.to_owned(), key.to_owned());
        Ok(self.change(Write::Remove { space, key }).await? > 0)
    }

    /// The keys and values of a space, in the order of the keys' bytes.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn list(&self, space: &str) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        let name = space.to_owned();
        let query = move |connection: &Connection| read::list(connection, &name);
        self.query(|| format!("the values of {space:?}"), query)
            .await
    }
}
