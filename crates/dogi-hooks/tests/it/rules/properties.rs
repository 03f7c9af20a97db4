use std::collections::BTreeSet;

use dogi_hooks::rules::{Changed, Decision, Filter, On, OnPush, Pattern, decide, explain};
use proptest::prelude::*;

use super::*;

/// Texts with everything that means something in a pattern, and some that does not.
fn texts() -> impl Strategy<Value = String> {
    "[ab/*?\\[\\]{}!\\\\,é^-]{0,12}"
}

fn names() -> impl Strategy<Value = String> {
    "[ab]{1,3}(/[ab]{1,3}){0,3}"
}

/// Stars and names, as the simplest matcher there is understands them.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => {
            let rest = match rest {
                [b'*', rest @ ..] => return matches(&[&b"**"[..], rest].concat(), text),
                rest => rest,
            };
            (0..=text.len()).any(|at| matches(rest, &text[at..]))
        }
        [b'*', rest @ ..] => {
            let part = text.iter().position(|c| *c == b'/').unwrap_or(text.len());
            (0..=part).any(|at| matches(rest, &text[at..]))
        }
        [c, rest @ ..] => text.first() == Some(c) && matches(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn any_text_is_a_pattern_or_a_mistake(text in texts(), name in names()) {
        if let Ok(pattern) = Pattern::new(&text) {
            prop_assert_eq!(pattern.to_string(), text);
            let _ = pattern.matches(&name);
        }
    }

    #[test]
    fn a_name_matches_itself_and_everything_matches_two_stars(name in names()) {
        prop_assert!(Pattern::new(&name).unwrap().matches(&name));
        prop_assert!(Pattern::new("**").unwrap().matches(&name));
        let is_one_part = !name.contains('/');
        prop_assert_eq!(Pattern::new("*").unwrap().matches(&name), is_one_part);
    }

    /// Two stars beside other characters, which this crate writes out by itself.
    #[test]
    fn stars_mean_what_they_should(
        pattern in "[ab]{1,2}(\\*{1,3}[ab]{1,2}){0,2}",
        name in names(),
    ) {
        let wanted = matches(pattern.as_bytes(), name.as_bytes());
        prop_assert_eq!(Pattern::new(&pattern).unwrap().matches(&name), wanted, "{}", pattern);
    }

    #[test]
    fn the_last_match_is_what_counts(
        items in prop::collection::vec((any::<bool>(), "[ab*]{1,3}"), 1..6),
        name in "[ab]{1,3}",
    ) {
        let list = items.iter().map(|(excludes, text)| format!("{}{text}", if *excludes { "!" } else { "" }));
        if let Ok(filter) = Filter::new(list) {
            let last = items.iter().rev().find(|(_, text)| Pattern::new(text).unwrap().matches(&name));
            prop_assert_eq!(filter.accepts(&name), last.is_some_and(|(excludes, _)| !excludes));
        }
    }

    /// What a rule makes of a push does not depend on whether git or the payload told the files.
    #[test]
    fn files_count_the_same_whoever_tells_them(
        files in prop::collection::btree_set("(src|docs)/[ab]", 0..4),
        pattern in prop::sample::select(vec!["src/**", "docs/a", "**", "*"]),
    ) {
        let push_on = OnPush { paths: Some(filter(&[pattern])), ..OnPush::default() };
        let rules = [rule("*", On { push: Some(push_on), ..On::nothing() })];
        let listed: Vec<&str> = files.iter().map(String::as_str).collect();
        let told = decide(&rules, &push("refs/heads/main", Some(&listed)), Changed::AsTold);
        let unlisted = push("refs/heads/main", None);
        let files: BTreeSet<String> = files.clone();
        prop_assert_eq!(decide(&rules, &unlisted, Changed::Files(&files)), told.clone());
        let is_hit = matches!(told, Decision::Hit { .. });
        let explained = explain(&rules, &unlisted, Changed::Files(&files));
        prop_assert_eq!(explained.last().unwrap().ends_with(": wanted"), is_hit);
    }
}
