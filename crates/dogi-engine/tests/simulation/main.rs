//! The engine over a made-up world, thousands of times: everything that may go wrong goes wrong,
//! the server crashes wherever it can, again and again, and in the end nothing is lost.
//!
//! A seed decides everything. One that fails is printed with the command that plays it again;
//! docs/development.md tells how to read it.

mod chance;
mod checks;
mod clients;
mod life;
mod plan;
mod ports;
mod spec;
mod world;

use std::{
    num::NonZero,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use life::{History, simulate};

/// Seeds of a normal run.
const SEEDS: u64 = 4_000;
/// Lines of the trace that are printed with a failure.
const LAST: usize = 80;

/// Says which seed to play, if only one.
const SEED: &str = "DOGI_SIM_SEED";
/// Says how many to play.
const COUNT: &str = "DOGI_SIM_SEEDS";

#[expect(
    clippy::disallowed_methods,
    reason = "whoever starts the tests says which seeds to play"
)]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// What is printed of a history that went wrong.
fn report(seed: u64, history: &History, lines: usize) -> String {
    let skipped = history.trace.len().saturating_sub(lines);
    format!(
        "seed {seed} fails:\n  {}\nafter {skipped} lines more:\n{}\nplay it again, with its whole trace:\n  \
         {SEED}={seed} cargo nextest run -p dogi-engine --test simulation nothing_is_lost",
        history.violations.join("\n  "),
        history.trace[skipped..].join("\n")
    )
}

#[test]
#[expect(clippy::print_stdout, reason = "the trace of a seed was asked for")]
fn nothing_is_lost() {
    if let Some(seed) = number(SEED) {
        let history = simulate(seed);
        let report = report(seed, &history, usize::MAX);
        assert!(history.violations.is_empty(), "{report}");
        println!("{}", history.trace.join("\n"));
        return;
    }
    let seeds = number(COUNT).unwrap_or(SEEDS);
    assert!(
        seeds > 0,
        "{COUNT}=0: nothing would be played, and nothing shown"
    );
    let next = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let play = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let history = simulate(seed);
            if !history.violations.is_empty() {
                failed.store(true, Ordering::Relaxed);
                panic!("{}", report(seed, &history, LAST));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(play);
        }
    });
}

#[test]
fn a_seed_gives_the_same_history_every_time() {
    for seed in 0..40 {
        let (first, second) = (simulate(seed), simulate(seed));
        let other = first.trace.iter().zip(&second.trace).find(|(a, b)| a != b);
        assert_eq!(other, None, "seed {seed}");
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}
