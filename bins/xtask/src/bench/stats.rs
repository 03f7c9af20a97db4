//! Medians, percentiles and how they are written.

use std::time::Duration;

/// The value in the middle.
pub(crate) fn median(values: &mut [Duration]) -> Duration {
    percentile(values, 50)
}

/// The value that `percent` of a hundred do not exceed; zero for no values.
pub(crate) fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    let at = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or_default()
}

/// The ratio of two durations.
pub(crate) fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(f64::EPSILON)
}

/// Milliseconds with the digits that mean something.
pub(crate) fn millis(time: Duration) -> String {
    let value = time.as_secs_f64() * 1000.0;
    match value {
        0.0..10.0 => format!("{value:.2} ms"),
        10.0..100.0 => format!("{value:.1} ms"),
        _ => format!("{value:.0} ms"),
    }
}

/// The smallest and the largest, after the median, for the reader's own judgement.
pub(crate) fn spread(values: &mut [Duration]) -> String {
    let median = median(values);
    let (least, most) = (percentile(values, 0), percentile(values, 100));
    format!("{} ({} to {})", millis(median), millis(least), millis(most))
}
