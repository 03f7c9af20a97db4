use std::time::{Duration, SystemTime};

use dogi_hooks::{Attempt, FailureKind, Next, RetryPolicy, retry_after};
use http::{HeaderMap, header::RETRY_AFTER};
use proptest::prelude::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 503 with `Retry-After`.
fn busy(wait: u64) -> Attempt {
    let Attempt::Answered(mut answer) = Attempt::answered(503) else {
        unreachable!()
    };
    answer.retry_after = Some(seconds(wait));
    Attempt::Answered(answer)
}

#[test]
fn what_is_worth_repeating() {
    for status in [429, 502, 503, 504] {
        assert!(Attempt::answered(status).is_worth_repeating(), "{status}");
    }
    for status in [
        200, 204, 301, 302, 307, 400, 401, 403, 404, 408, 410, 413, 500, 501, 505,
    ] {
        assert!(!Attempt::answered(status).is_worth_repeating(), "{status}");
        assert_eq!(
            Attempt::answered(status).is_success(),
            status < 300,
            "{status}"
        );
    }
    use FailureKind::{Broken, Connect, Denied, Invalid, TimedOut};
    let cases = [
        (Connect, true),
        (Broken, true),
        (TimedOut, true),
        (Denied, false),
        (Invalid, false),
    ];
    for (kind, wanted) in cases {
        assert_eq!(
            Attempt::failed(kind, "x").is_worth_repeating(),
            wanted,
            "{kind:?}"
        );
        assert!(!Attempt::failed(kind, "x").is_success());
    }
}

#[test]
fn when_it_is_repeated() {
    let plain = Attempt::answered(503);
    let policy = RetryPolicy::default();
    let cases = [
        (1, 0, &plain, 1.0, Some(10_000)),
        (1, 0, &plain, 0.0, Some(5_000)),
        (2, 12, &plain, 1.0, Some(20_000)),
        (3, 40, &plain, 1.0, Some(40_000)),
        (4, 90, &plain, 1.0, Some(80_000)),
        (5, 180, &plain, 1.0, Some(160_000)),
        (5, 180, &plain, 0.5, Some(120_000)),
        (6, 350, &plain, 0.5, None),
        // Not beyond the window.
        (5, 440, &plain, 1.0, Some(160_000)),
        (5, 441, &plain, 1.0, None),
        // As the receiver asks, and never sooner.
        (1, 0, &busy(30), 0.0, Some(30_000)),
        (1, 0, &busy(30), 1.0, Some(31_000)),
        (1, 0, &busy(0), 0.0, Some(1_000)),
        (1, 0, &busy(600), 0.0, Some(600_000)),
        (1, 1, &busy(600), 0.0, None),
        (1, 0, &busy(u64::MAX), 1.0, None),
        (6, 0, &busy(1), 0.0, None),
        // Random numbers that are none.
        (1, 0, &plain, 7.0, Some(10_000)),
        (1, 0, &plain, -7.0, Some(5_000)),
    ];
    for (attempt, elapsed, outcome, random, wanted) in cases {
        let wanted = wanted.map_or(Next::Stop, |ms| Next::RetryAfter(Duration::from_millis(ms)));
        let got = policy.next(attempt, seconds(elapsed), outcome, random);
        assert_eq!(
            got, wanted,
            "attempt {attempt} after {elapsed} s, {outcome:?}, {random}"
        );
    }
    let stop = policy.next(1, seconds(0), &Attempt::answered(500), 0.5);
    assert_eq!(stop, Next::Stop);
}

#[test]
fn retry_after_in_seconds_and_as_date() {
    let now = SystemTime::UNIX_EPOCH + seconds(784_111_777);
    let cases = [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
        ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
        ("99999999999999999999999", Some(u64::MAX)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ];
    for (value, wanted) in cases {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        assert_eq!(retry_after(&headers, now), wanted.map(seconds), "{value}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

proptest! {
    /// However long attempts take and whatever receivers ask.
    #[test]
    fn at_most_five_times_within_ten_minutes(
        attempts in prop::collection::vec((0..40_u64, prop::option::of(0..700_u64), 0.0..1.0), 10),
    ) {
        let policy = RetryPolicy::default();
        let (mut elapsed, mut sent) = (Duration::ZERO, 0);
        for (took, asked, random) in attempts {
            sent += 1;
            prop_assert!(elapsed <= seconds(600));
            elapsed += seconds(took);
            let outcome = asked.map_or(Attempt::answered(502), busy);
            match policy.next(sent, elapsed, &outcome, random) {
                Next::Stop => break,
                Next::RetryAfter(delay) => {
                    prop_assert!(delay >= asked.map_or(seconds(5), seconds));
                    elapsed += delay;
                }
            }
        }
        prop_assert!(sent <= 6);
    }
}
