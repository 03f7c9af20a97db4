//! What a run's log is to say of secrets that are not masked.

use dogi_stream::mask::{Coverage, Masks};

pub(super) fn warning(variable: &str, coverage: Coverage) -> Option<String> {
    let shortest = Masks::SHORTEST;
    match coverage {
        Coverage::Whole => None,
        Coverage::ButShortLines { lines } => Some(format!(
            "{lines} lines of the secret {variable} are shorter than {shortest} characters, \
             and are not masked by themselves"
        )),
        Coverage::TooShort => Some(format!(
            "the secret {variable} is shorter than {shortest} characters, and is not masked"
        )),
    }
}
