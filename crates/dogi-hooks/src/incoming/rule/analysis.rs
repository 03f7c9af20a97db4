//! What can be proven of a rule without a request.
//!
//! A guard is what a stranger does not have: a signature, an address, a value whose name says that
//! it is a token. A rule is guarded when it can't be true without one.

use dogi_yaml::{index, join};

use super::names::is_named_like_a_secret;
use super::{Match, Rule};
use crate::incoming::{Secret, Source};

/// Why a rule is never true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::incoming) struct Contradiction {
    /// The path of the rule.
    pub(in crate::incoming) path: String,
    /// Why, as half a sentence.
    pub(in crate::incoming) why: String,
}

/// Whether a rule can be true only for who has a guard's secret or address.
pub(in crate::incoming) fn is_guarded(rule: &Rule) -> bool {
    match rule {
        Rule::And(rules) => rules.iter().any(is_guarded),
        Rule::Or(rules) => rules.iter().all(is_guarded),
        Rule::Not(rule) => is_false_only_guarded(rule),
        Rule::Match(Match::Hmac(_) | Match::ScalrSignature(_) | Match::IpWhitelist(_)) => true,
        Rule::Match(Match::Value { parameter, .. } | Match::Regex { parameter, .. }) => {
            is_named_like_a_secret(parameter) || never(rule, "").is_some()
        }
        Rule::Nothing => true,
    }
}

/// Whether a rule can be false (and not unknown) only for who has a guard's secret.
fn is_false_only_guarded(rule: &Rule) -> bool {
    match rule {
        Rule::And(rules) => rules.iter().all(is_false_only_guarded),
        Rule::Or(rules) => rules.iter().any(is_false_only_guarded),
        Rule::Not(rule) => is_guarded(rule),
        // Never false: vacuously so.
        Rule::Match(Match::Hmac(_) | Match::ScalrSignature(_)) | Rule::Nothing => true,
        Rule::Match(_) => false,
    }
}

/// The alternatives of an `or` that need no guard while others of it do.
pub(in crate::incoming) fn unguarded_alternatives(rule: &Rule, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    match rule {
        Rule::And(rules) if !is_guarded(rule) => {
            for (at, rule) in rules.iter().enumerate() {
                let here = index(&join(path, "and"), at);
                found.extend(unguarded_alternatives(rule, &here));
            }
        }
        Rule::Or(rules) => {
            let is_mixed = rules.iter().any(is_guarded);
            for (at, rule) in rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| !is_guarded(rule))
            {
                let here = index(&join(path, "or"), at);
                let inner = unguarded_alternatives(rule, &here);
                match inner.is_empty() && is_mixed {
                    true => found.push(here),
                    false => found.extend(inner),
                }
            }
        }
        _ => {}
    }
    found
}

/// Why a rule is never true, if that can be proven.
pub(in crate::incoming) fn contradiction(rule: &Rule, path: &str) -> Option<Contradiction> {
    never(rule, path)
}

fn never(rule: &Rule, path: &str) -> Option<Contradiction> {
    let because = |path: String, why: &str| {
        let why = why.to_owned();
        Some(Contradiction { path, why })
    };
    match rule {
        Rule::And(rules) => {
            let here = join(path, "and");
            let each = rules.iter().enumerate();
            each.clone()
                .find_map(|(at, rule)| never(rule, &index(&here, at)))
                .or_else(|| two_values(rules, &here))
        }
        Rule::Or(rules) => {
            let here = join(path, "or");
            let each = rules.iter().enumerate();
            let is_never = each
                .clone()
                .all(|(at, rule)| never(rule, &index(&here, at)).is_some());
            match (rules.is_empty(), is_never) {
                (true, _) => because(here, "has no alternatives"),
                (false, true) => because(here, "none of its alternatives can be true"),
                (false, false) => None,
            }
        }
        Rule::Not(inner) => match cannot_be_false(inner) {
            true => because(
                join(path, "not"),
                "denies what is never false (a wrong signature is unknown, and stays so)",
            ),
            false => None,
        },
        Rule::Match(question) => {
            constant(question, false).and_then(|why| because(join(path, "match"), why))
        }
        Rule::Nothing => because(path.to_owned(), "asks nothing"),
    }
}

fn cannot_be_false(rule: &Rule) -> bool {
    match rule {
        Rule::And(rules) => rules.iter().all(cannot_be_false),
        Rule::Or(rules) => rules.iter().any(cannot_be_false),
        Rule::Not(rule) => never(rule, "").is_some(),
        Rule::Match(Match::Hmac(_) | Match::ScalrSignature(_)) | Rule::Nothing => true,
        Rule::Match(question) => constant(question, true).is_some(),
    }
}

/// Whether a question has this answer whatever the request is, and why.
fn constant(question: &Match, answer: bool) -> Option<&'static str> {
    let (is_so, why) = match question {
        Match::IpWhitelist(ranges) if ranges.is_empty() => (false, "has no ranges"),
        Match::Value { parameter, values } => {
            let Source::Literal(text) = &parameter.source else {
                return None;
            };
            let is_so = values.iter().any(|value| value.is(text.as_bytes()));
            (is_so, "compares two texts of the file")
        }
        Match::Regex { parameter, pattern } => {
            let Source::Literal(text) = &parameter.source else {
                return None;
            };
            (
                pattern.is_match(text.as_bytes()),
                "matches a text of the file",
            )
        }
        _ => return None,
    };
    (is_so == answer).then_some(why)
}

/// Two values that one parameter would have to have at once.
fn two_values(rules: &[Rule], path: &str) -> Option<Contradiction> {
    let mut known = Vec::new();
    values(rules, path, &mut known);
    for (later, (path, source, values)) in known.iter().enumerate() {
        for (earlier, other_source, others) in &known[..later] {
            let is_other = source == other_source && !values.iter().any(|v| others.contains(v));
            if is_other {
                return Some(Contradiction {
                    path: path.clone(),
                    why: format!("wants another value than {earlier} does of the same parameter"),
                });
            }
        }
    }
    None
}

/// Every comparison that has to be true at once, with its path.
fn values<'r>(rules: &'r [Rule], path: &str, found: &mut Vec<(String, &'r Source, &'r [Secret])>) {
    for (at, rule) in rules.iter().enumerate() {
        let here = index(path, at);
        match rule {
            Rule::And(rules) => values(rules, &join(&here, "and"), found),
            Rule::Match(Match::Value { parameter, values }) => {
                found.push((join(&here, "match"), &parameter.source, values));
            }
            _ => {}
        }
    }
}

/// Every question of a rule, with its path.
pub(in crate::incoming) fn questions<'r>(
    rule: &'r Rule,
    path: &str,
    found: &mut Vec<(String, &'r Match)>,
) {
    let mut each = |rules: &'r [Rule], key: &str| {
        for (at, rule) in rules.iter().enumerate() {
            questions(rule, &index(&join(path, key), at), found);
        }
    };
    match rule {
        Rule::And(rules) => each(rules, "and"),
        Rule::Or(rules) => each(rules, "or"),
        Rule::Not(rule) => questions(rule, &join(path, "not"), found),
        Rule::Match(question) => found.push((join(path, "match"), question)),
        Rule::Nothing => {}
    }
}
