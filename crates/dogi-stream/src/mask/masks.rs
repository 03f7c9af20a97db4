//! A set of secrets, made once and looked for in many streams.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

use super::Masker;
use super::forms::{self, Patterns};

/// Secret values, in every form in which they are looked for; see the [module](super). Cheap to clone.
///
/// Printing it for debugging shows none of them.
#[derive(Clone, Default)]
pub struct Masks {
    /// `None`: there is nothing to mask.
    pub(super) finder: Option<Arc<Finder>>,
}

impl Masks {
    /// The fewest bytes that are masked.
    pub const SHORTEST: usize = 4;

    /// Begins a set.
    #[must_use]
    pub fn builder() -> MasksBuilder {
        MasksBuilder::default()
    }

    /// Whether there is nothing to mask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.finder.is_none()
    }

    /// Masks a text that is there as a whole.
    #[must_use]
    pub fn mask(&self, text: &[u8]) -> Vec<u8> {
        let mut masker = Masker::new(self);
        let begin = masker.push(text.to_vec().into());
        [begin, masker.finish()].concat()
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self
            .finder
            .as_ref()
            .map_or(0, |finder| finder.nfa.patterns_len());
        f.debug_struct("Masks")
            .field("patterns", &patterns)
            .finish_non_exhaustive()
    }
}

/// Gathers the values of a set.
#[derive(Default)]
pub struct MasksBuilder {
    patterns: Patterns,
}

impl fmt::Debug for MasksBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.patterns.len();
        f.debug_struct("MasksBuilder")
            .field("patterns", &patterns)
            .finish_non_exhaustive()
    }
}

/// How much of a value is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is not masked is to be told"]
pub enum Coverage {
    /// Wherever it stands.
    Whole,
    /// All but lines that are too short, where they stand without the others.
    ButShortLines {
        /// How many such lines there are.
        lines: usize,
    },
    /// It has less than [`Masks::SHORTEST`] bytes, white space around it not counted: nothing of it.
    TooShort,
}

/// A set that can't be looked for.
#[derive(Debug, thiserror::Error)]
#[error("the forms of the secrets have {bytes} bytes, which is more than can be looked for")]
pub struct BuildMasksError {
    /// Their size together.
    pub bytes: usize,
    /// What the search found too large.
    #[source]
    source: BuildError,
}

impl MasksBuilder {
    /// Adds a value, and tells how much of it is masked.
    pub fn add(&mut self, value: &[u8]) -> Coverage {
        let value = value.trim_ascii();
        if value.len() < Masks::SHORTEST {
            return Coverage::TooShort;
        }
        forms::add_all(&mut self.patterns, value);
        let short = |line: &&[u8]| !line.is_empty() && line.len() < Masks::SHORTEST;
        match forms::lines(value).filter(short).count() {
            0 => Coverage::Whole,
            lines => Coverage::ButShortLines { lines },
        }
    }

    /// Makes the set.
    ///
    /// # Errors
    /// When the values are too many and too long: some hundred million bytes.
    pub fn build(self) -> Result<Masks, BuildMasksError> {
        if self.patterns.is_empty() {
            return Ok(Masks::default());
        }
        let finder = Finder::new(&self.patterns).map_err(|source| BuildMasksError {
            bytes: self.patterns.iter().map(Vec::len).sum(),
            source,
        })?;
        Ok(Masks {
            finder: Some(Arc::new(finder)),
        })
    }
}

/// Finds the patterns byte by byte: its state says which beginning of a pattern the bytes so far end in.
pub(super) struct Finder {
    nfa: NFA,
    pub(super) start: StateID,
    /// The length of the beginning that a state stands for.
    depths: HashMap<StateID, usize>,
    /// The bytes that patterns begin with.
    first: [bool; 256],
}

impl Finder {
    fn new(patterns: &Patterns) -> Result<Self, BuildError> {
        // Every match is wanted, and not only those that don't overlap.
        let nfa = NFA::builder()
            .match_kind(MatchKind::Standard)
            .build(patterns)?;
        let start = nfa
            .start_state(Anchored::No)
            .expect("this kind of automaton searches anywhere");
        let mut depths = HashMap::from([(start, 0)]);
        let mut first = [false; 256];
        for pattern in patterns {
            first[usize::from(pattern[0])] = true;
            let mut state = start;
            for (index, byte) in pattern.iter().enumerate() {
                state = nfa.next_state(Anchored::No, state, *byte);
                depths.insert(state, index + 1);
            }
        }
        Ok(Self {
            nfa,
            start,
            depths,
            first,
        })
    }

    pub(super) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.nfa.next_state(Anchored::No, state, byte)
    }

    /// How many of the last bytes may belong to a secret that is not complete yet.
    pub(super) fn depth(&self, state: StateID) -> usize {
        self.depths[&state]
    }

    /// The length of the longest pattern that ends here; `None` if none does.
    pub(super) fn ends(&self, state: StateID) -> Option<usize> {
        if !self.nfa.is_match(state) {
            return None;
        }
        let all = (0..self.nfa.match_len(state)).map(|index| self.nfa.match_pattern(state, index));
        all.map(|pattern| self.nfa.pattern_len(pattern)).max()
    }

    /// Whether a pattern begins with this byte.
    pub(super) fn is_first(&self, byte: u8) -> bool {
        self.first[usize::from(byte)]
    }
}
