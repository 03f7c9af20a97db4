//! Chance that can be had again.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Numbers from a seed, which is printed when the test fails.
#[derive(Debug)]
pub(crate) struct Random {
    seed: u64,
    state: Cell<u64>,
}

impl Random {
    /// A seed that nobody knows. To have a failure again, put the seed that it printed here.
    pub(crate) fn new() -> Self {
        Self::of(RandomState::new().hash_one(std::process::id()))
    }

    pub(crate) fn of(seed: u64) -> Self {
        Self {
            seed,
            state: Cell::new(seed),
        }
    }

    /// A number below `end`. (SplitMix64: `Steele et al., Fast Splittable Pseudorandom Number
    /// Generators`.)
    pub(crate) fn below(&self, end: u64) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Lets between `least` and `most` milliseconds pass: the moment of a crash.
    pub(crate) async fn moment(&self, least: u64, most: u64) {
        let moment = least + self.below(most - least);
        tokio::time::sleep(Duration::from_millis(moment)).await;
    }
}

impl Drop for Random {
    #[expect(clippy::print_stderr, reason = "the seed, to have a failure again")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the same again: Random::of({:#x})", self.seed);
        }
    }
}
