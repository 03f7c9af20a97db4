use super::Value;

/// A mapping from keys to values, in the order of the keys' bytes.
///
/// A sorted list: half the memory of a tree where most mappings have few keys, and they are
/// built at once and not changed afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map(Vec<(Vec<u8>, Value)>);

impl Map {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        self.find(key).map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.find(key).map(|at| &mut self.0[at].1)
    }

    /// All keys with their values, in the order of the keys' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Value)> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of several values of one key the first counts, as in forms and headers.
    pub(super) fn first_wins(mut pairs: Vec<(Vec<u8>, Value)>) -> Self {
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs.dedup_by(|(later, _), (earlier, _)| later == earlier);
        pairs.shrink_to_fit();
        Self(pairs)
    }

    /// Of several values of one key the last counts, as in JSON.
    pub(super) fn last_wins(mut pairs: Vec<(Vec<u8>, Value)>) -> Self {
        pairs.reverse();
        Self::first_wins(pairs)
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        self.0
            .binary_search_by(|(other, _)| other.as_slice().cmp(key))
            .ok()
    }
}

/// Of several values of one key the last counts.
impl FromIterator<(Vec<u8>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Vec<u8>, Value)>>(pairs: I) -> Self {
        Self::last_wins(pairs.into_iter().collect())
    }
}
