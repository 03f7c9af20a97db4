use super::{Changed, Decision, Rule, decide_for};
use crate::forge::Event;

/// How [`decide`](super::decide) comes to what it decides, a line for each thought: which rules do not match the
/// repository, which is the first that does, and what it makes of the event.
pub fn explain<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    event: &Event,
    changed: Changed<'_>,
) -> Vec<String> {
    explain_for(rules, event.match_key().as_deref(), event, changed)
}

/// The same for [`decide_for`].
pub fn explain_for<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    key: Option<&str>,
    event: &Event,
    changed: Changed<'_>,
) -> Vec<String> {
    let rules: Vec<&Rule> = rules.into_iter().collect();
    let decision = decide_for(rules.iter().copied(), key, event, changed);
    let mut lines = Vec::new();
    if let (Some(key), false) = (key, decision == Decision::Ignored) {
        let passed = rules.iter().take_while(|rule| !rule.pattern.matches(key));
        lines.extend(passed.map(|rule| {
            let Rule { line, pattern, .. } = rule;
            format!("line {line}: {pattern} does not match {key}")
        }));
    }
    match &decision {
        Decision::Ignored => lines.push("it starts nothing, whichever rules there are".to_owned()),
        Decision::NotListed => lines.push(not_listed(&rules, key)),
        Decision::Unwanted { rule, why, .. } => {
            lines.push(matches(&rules, *rule));
            lines.push(format!("{}: not wanted: {why}", place(&rules, *rule)));
            lines.extend(passed_over(&rules, *rule, key));
        }
        Decision::NeedsChangedPaths { rule } => {
            lines.push(matches(&rules, *rule));
            let place = place(&rules, *rule);
            lines.push(format!(
                "{place}: wanted if a changed file is among `paths`; {decision}"
            ));
        }
        Decision::Hit { rule } => {
            lines.push(matches(&rules, *rule));
            lines.push(format!("{}: wanted", place(&rules, *rule)));
        }
    }
    lines
}

fn not_listed(rules: &[&Rule], key: Option<&str>) -> String {
    match (rules.is_empty(), key) {
        (true, _) => "there are no rules: the delivery is refused".to_owned(),
        (false, None) => {
            "the payload has no URL of a repository that could be cloned: the delivery is refused"
                .to_owned()
        }
        (false, Some(key)) => format!("no rule matches {key}: the delivery is refused"),
    }
}

fn place(rules: &[&Rule], index: usize) -> String {
    let line = rules.get(index).map_or(0, |rule| rule.line);
    format!("line {line}")
}

fn matches(rules: &[&Rule], index: usize) -> String {
    let pattern = rules.get(index).map_or("", |rule| rule.pattern.as_str());
    let place = place(rules, index);
    format!("{place}: {pattern} matches, so that this rule decides")
}

/// What people expect of rules that are never asked.
fn passed_over(rules: &[&Rule], index: usize, key: Option<&str>) -> Option<String> {
    let key = key?;
    let later = rules.iter().skip(index + 1);
    let lines: Vec<String> = later
        .filter(|rule| rule.pattern.matches(key))
        .map(|rule| rule.line.to_string())
        .collect();
    let lines = match lines.is_empty() {
        true => return None,
        false => lines.join(", "),
    };
    Some(format!(
        "line {lines}: would match too, but the first match wins"
    ))
}
