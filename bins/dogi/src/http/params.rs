//! Query parameters of the routes that are no run URLs (those belong to `dogi-url`).

use std::collections::BTreeMap;

use dogi_url::Verified;

use super::problem::Problem;
use crate::config::did_you_mean;

/// The parameters of a query, decoded, without those that belong to signing.
///
/// # Errors
/// 400 for one that is not among `known`, stands twice, or can't be decoded.
pub(super) fn params(
    verified: &Verified<'_>,
    known: &[&'static str],
) -> Result<BTreeMap<&'static str, String>, Problem> {
    let mut given = BTreeMap::new();
    for (name, value) in verified.params()? {
        let Some(name) = known.iter().find(|known| **known == name) else {
            return Err(unknown(&name, known));
        };
        given.insert(*name, value);
    }
    Ok(given)
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let short: String = name.chars().take(80).collect();
    let allowed = match known {
        [] => "; this route takes none".to_owned(),
        known => format!("; known here: {}", known.join(", ")),
    };
    let near = did_you_mean(name, known.iter().copied());
    let detail = format!("unknown parameter `{short}`{near}{allowed}");
    Problem::bad_request(detail).with("parameter", short)
}
