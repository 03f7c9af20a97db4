use std::time::Duration;

use dogi_hooks::{Next, Outcome, Patience};
use proptest::prelude::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn busy(after: Option<u64>) -> Outcome {
    Outcome::Retry {
        after: after.map(seconds),
        reason: "busy".into(),
    }
}

#[test]
fn when_it_is_repeated() {
    const DAY: u64 = 24 * 60 * 60;
    let patience = Patience::default();
    let plain = busy(None);
    let cases = [
        (1, 0, &plain, 1.0, Some(10_000)),
        (1, 0, &plain, 0.0, Some(5_000)),
        (2, 12, &plain, 1.0, Some(20_000)),
        (8, 12, &plain, 1.0, Some(1_280_000)),
        // Not longer than half an hour, however often.
        (9, 12, &plain, 1.0, Some(1_800_000)),
        (u32::MAX, 12, &plain, 0.5, Some(1_350_000)),
        // Not beyond the day.
        (40, DAY - 1800, &plain, 1.0, Some(1_800_000)),
        (40, DAY - 1799, &plain, 1.0, None),
        // As the other side asks, and never sooner.
        (1, 0, &busy(Some(3600)), 0.0, Some(3_600_000)),
        (1, 0, &busy(Some(3600)), 1.0, Some(3_601_000)),
        (1, 0, &busy(Some(0)), 0.0, Some(1_000)),
        (1, 1, &busy(Some(DAY)), 0.0, None),
        (1, 0, &busy(Some(u64::MAX)), 1.0, None),
        // Random numbers that are none.
        (1, 0, &plain, 7.0, Some(10_000)),
        (1, 0, &Outcome::Told, 0.5, None),
        (
            1,
            0,
            &Outcome::Refused {
                reason: "no".into(),
            },
            0.5,
            None,
        ),
    ];
    for (attempt, elapsed, outcome, random, wanted) in cases {
        let wanted = wanted.map_or(Next::Stop, |ms| Next::RetryAfter(Duration::from_millis(ms)));
        let got = patience.next(attempt, seconds(elapsed), outcome, random);
        assert_eq!(
            got, wanted,
            "attempt {attempt} after {elapsed} s, {outcome}, {random}"
        );
    }
}

proptest! {
    /// A forge that is down all night is asked often enough, and neither too often nor too long.
    #[test]
    fn some_dozens_of_times_within_a_day(
        took in 0..30_u64,
        randoms in prop::collection::vec(0.0..1.0_f64, 200),
    ) {
        let patience = Patience::default();
        let (mut elapsed, mut attempt) = (Duration::ZERO, 1);
        for random in randoms {
            elapsed += seconds(took);
            match patience.next(attempt, elapsed, &busy(None), random) {
                Next::Stop => break,
                Next::RetryAfter(delay) => {
                    prop_assert!(delay <= patience.longest_delay);
                    elapsed += delay;
                    prop_assert!(elapsed <= patience.window);
                }
            }
            attempt += 1;
        }
        prop_assert!((48..120).contains(&attempt), "{attempt}");
        prop_assert!(elapsed >= patience.window - patience.longest_delay - seconds(30));
    }
}
