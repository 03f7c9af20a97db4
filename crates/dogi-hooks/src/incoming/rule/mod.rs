//! Rules: what a request has to be like for a hook to run.

mod analysis;
mod evaluate;
mod hmac;
mod ip;
mod names;
mod read;
mod scalr;
mod verdict;

use super::{Argument, Pattern, Secret};

pub(super) use analysis::{contradiction, is_guarded, questions, unguarded_alternatives};
pub use evaluate::Signatures;
pub use hmac::{Algorithm, Hmac};
pub use ip::{IpRanges, RangeError};
pub(super) use read::RuleReader;
pub use scalr::Scalr;
pub use verdict::{Reason, Verdict, Why};

/// A rule of three values; see [`Rule::evaluate`].
#[derive(Clone, Debug)]
pub enum Rule {
    /// True when all are; the first that is not decides. True when there is none.
    And(Vec<Rule>),
    /// True as soon as one is; unknown when none is and one is unknown. False when there is none.
    Or(Vec<Rule>),
    /// The other way round; unknown stays unknown.
    Not(Box<Rule>),
    /// A question to the request.
    Match(Match),
    /// A mapping without a rule in it: unknown, so that it triggers nothing, even below a `not`.
    Nothing,
}

/// A question to the request.
#[derive(Clone, Debug)]
pub enum Match {
    /// `value`: the parameter is one of these texts.
    Value {
        /// What is asked about.
        parameter: Argument,
        /// Any of them; hidden, since some are tokens.
        values: Vec<Secret>,
    },
    /// `regex`: the pattern matches somewhere in the parameter.
    Regex {
        /// What is asked about.
        parameter: Argument,
        /// The pattern.
        pattern: Pattern,
    },
    /// `payload-hmac-sha256` and its like: the parameter signs the body.
    Hmac(Hmac),
    /// `ip-whitelist`: the sender's address is in one of these ranges.
    IpWhitelist(IpRanges),
    /// `scalr-signature`: body and date are signed as Scalr does, within five minutes.
    ScalrSignature(Scalr),
}
