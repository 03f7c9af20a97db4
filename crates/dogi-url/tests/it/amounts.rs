//! Durations, sizes, moments.

use std::time::Duration;

use dogi_url::{UnixMillis, duration, size};

#[test]
fn durations() {
    let cases = [
        ("90s", 90_000, "1m30s"),
        ("5m", 300_000, "5m"),
        ("6h", 21_600_000, "6h"),
        ("7d", 604_800_000, "7d"),
        ("1h30m", 5_400_000, "1h30m"),
        ("1d1h1m1s1ms", 90_061_001, "1d1h1m1s1ms"),
        ("500ms", 500, "500ms"),
        ("90", 90_000, "1m30s"),
        ("0d1s", 1000, "1s"),
        ("3650d", 315_360_000_000, "3650d"),
    ];
    for (text, millis, printed) in cases {
        let parsed = duration::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed, Duration::from_millis(millis), "{text}");
        assert_eq!(duration::format(parsed), printed);
        assert_eq!(duration::parse(printed), Ok(parsed));
    }
    let bad = [
        "",
        "0",
        "0s",
        "0h0m",
        "s",
        "-1s",
        "+1s",
        "1.5h",
        "1 s",
        " 1s",
        "1s ",
        "1m1h",
        "1s1s",
        "1y",
        "1M",
        "1µs",
        "3651d",
        "99999999999999999999s",
        "99999999999999d",
        "18446744073709551615",
        "1h30",
    ];
    for text in bad {
        assert!(duration::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn sizes() {
    let cases = [
        ("512m", 512 << 20, "512MiB"),
        ("512M", 512 << 20, "512MiB"),
        ("512MB", 512 << 20, "512MiB"),
        ("1GiB", 1 << 30, "1GiB"),
        ("1536k", 1536 << 10, "1536KiB"),
        ("1000", 1000, "1000B"),
        ("10b", 10, "10B"),
        ("0", 0, "0B"),
        ("2t", 2 << 40, "2TiB"),
        ("1024k", 1 << 20, "1MiB"),
    ];
    for (text, bytes, printed) in cases {
        assert_eq!(size::parse_bytes(text), Ok(bytes), "{text}");
        assert_eq!(size::format_bytes(bytes), printed);
        assert_eq!(size::parse_bytes(printed), Ok(bytes));
    }
    for text in [
        "",
        "m",
        "-1",
        "1.5g",
        "1 g",
        "1x",
        "1gg",
        "1mib ",
        "99999999999999999999",
        "8388608t",
        "1ib",
    ] {
        assert!(size::parse_bytes(text).is_err(), "{text:?}");
    }
}

#[test]
fn moments() {
    assert_eq!(UnixMillis::from_secs(u64::MAX), UnixMillis(u64::MAX));
    assert_eq!(UnixMillis(1999).as_secs(), 1);
    assert_eq!(
        UnixMillis(u64::MAX).saturating_add(Duration::MAX),
        UnixMillis(u64::MAX)
    );
    assert_eq!(
        UnixMillis(5).saturating_since(UnixMillis(9)),
        Duration::ZERO
    );
    assert_eq!(
        UnixMillis(9).saturating_since(UnixMillis(5)),
        Duration::from_millis(4)
    );
}
