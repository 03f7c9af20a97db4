use dogi_hooks::rules::{Changed, On, OnPush, Rule, explain};

use super::*;

fn at(line: u64, pattern: &str, on: On) -> Rule {
    Rule {
        line,
        ..rule(pattern, on)
    }
}

fn on_paths() -> On {
    let push = OnPush {
        paths: Some(filter(&["src/**"])),
        ..OnPush::default()
    };
    On {
        push: Some(push),
        ..On::nothing()
    }
}

#[test]
fn every_step_of_the_decision_is_told() {
    let main = push("refs/heads/main", None);
    let rules = [
        at(4, "github.com/acme/*", On::default()),
        at(9, KEY, On::nothing()),
        at(12, "*", On::default()),
    ];
    assert_eq!(
        explain(&rules, &main, Changed::AsTold),
        [
            "line 4: github.com/acme/* does not match git.example/acme/app",
            "line 9: git.example/acme/app matches, so that this rule decides",
            "line 9: not wanted: `on` does not ask for push, only for nothing",
            "line 12: would match too, but the first match wins",
        ]
    );
    assert_eq!(
        explain(&rules[2..], &main, Changed::AsTold),
        [
            "line 12: * matches, so that this rule decides",
            "line 12: wanted"
        ]
    );
    assert_eq!(
        explain(&rules[..1], &main, Changed::AsTold),
        [
            "line 4: github.com/acme/* does not match git.example/acme/app",
            "no rule matches git.example/acme/app: the delivery is refused",
        ]
    );
    assert_eq!(
        explain(&[], &main, Changed::AsTold),
        ["there are no rules: the delivery is refused"]
    );
    assert_eq!(
        explain(&rules, &named("ping"), Changed::AsTold),
        ["it starts nothing, whichever rules there are"]
    );
    let asked = explain(&[at(2, "*", on_paths())], &main, Changed::AsTold);
    assert_eq!(
        asked[1],
        "line 2: wanted if a changed file is among `paths`; \
         the payload does not list the changed files: git has to be asked"
    );
}
