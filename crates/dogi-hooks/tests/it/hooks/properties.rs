use super::{Asked, read};
use dogi_hooks::incoming::{Argument, Match, Pattern, Request, Rule, Secret, Source, Verdict};
use proptest::prelude::*;

/// Rules of questions whose answers are known: 0 false, 1 true, 2 unknown.
fn question(answer: u8) -> Rule {
    let source = match answer {
        2 => Source::Header("X-Missing".to_owned()),
        _ => Source::Literal("1".to_owned()),
    };
    Rule::Match(Match::Value {
        parameter: Argument { source },
        values: vec![Secret::new(answer.to_string())],
    })
}

fn rules() -> impl Strategy<Value = Rule> {
    let leaf = prop_oneof![(0..3_u8).prop_map(question), Just(Rule::Nothing)];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let many = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            many.clone().prop_map(Rule::And),
            many.prop_map(Rule::Or),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

/// False, unknown, true.
fn value(rule: &Rule, request: &Request) -> u8 {
    match rule.evaluate(request) {
        Verdict::False(_) => 0,
        Verdict::Unknown(_) => 1,
        Verdict::True => 2,
    }
}

fn not(rule: Rule) -> Rule {
    Rule::Not(Box::new(rule))
}

proptest! {
    /// Kleene's logic, but for an `and`, which goes in order: it is what its first part that is
    /// not true is.
    #[test]
    fn three_valued(a in rules(), b in rules()) {
        let request = Asked::default().request();
        let of = |rule: &Rule| value(rule, &request);
        let (x, y) = (of(&a), of(&b));
        prop_assert_eq!(of(&not(a.clone())), 2 - x);
        prop_assert_eq!(of(&not(not(a.clone()))), x);
        prop_assert_eq!(of(&Rule::Or(vec![a.clone(), b.clone()])), x.max(y));
        prop_assert_eq!(of(&Rule::Or(vec![b.clone(), a.clone()])), x.max(y));
        let both = of(&Rule::And(vec![a.clone(), b.clone()]));
        prop_assert_eq!(both, if x == 2 { y } else { x });
        prop_assert_eq!(both == 2, x.min(y) == 2);
        prop_assert_eq!(of(&Rule::And(vec![a.clone()])), x);
        prop_assert_eq!(of(&Rule::Or(vec![a])), x);
    }

    #[test]
    fn whatever_pattern(pattern in "[a-c()|*+?{},0-9\\[\\]^$.\\\\:<>=!imsUPQEdDwWbBxpLé&~-]{0,24}", text: Vec<u8>) {
        match Pattern::new(&pattern) {
            Ok(pattern) => { let _ = pattern.is_match(&text); }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
        }
    }

    #[test]
    fn whatever_file(text in "(- |  |[a-z]{1,3}: |id: |trigger-rule: |match: |type: |value|regex|and: |not: |\\[|\\]|\\{|\\}|,|\n|&a |\\*a |')*") {
        if let Ok(hooks) = read(&text) {
            let request = Asked::default().request();
            for hook in &hooks {
                let verdict = hook.evaluate(&request);
                prop_assert_eq!(verdict.is_true(), verdict.reason().is_none());
                let _ = hook.command(&request);
            }
        }
    }
}
