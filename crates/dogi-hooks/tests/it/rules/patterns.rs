use dogi_hooks::rules::{Filter, FilterError, Pattern, PatternError, RepoPattern};

#[test]
fn one_star_stops_at_a_slash_and_two_do_not() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("main", &["main"], &["main2", "Main", "a/main", ""]),
        (
            "release/*",
            &["release/1", "release/"],
            &["release", "release/1/a"],
        ),
        (
            "release/**",
            &["release/1", "release/1/a"],
            &["release", "prerelease/1"],
        ),
        ("*", &["main"], &["a/b"]),
        ("**", &["main", "a/b", "a/b/c"], &[]),
        ("*.js", &["app.js"], &["src/app.js"]),
        (
            "**.js",
            &["app.js", "src/app.js", "a/b/app.js"],
            &["app.ts", "a.js/b"],
        ),
        (
            "**/README.md",
            &["README.md", "a/README.md", "a/b/README.md"],
            &["xREADME.md"],
        ),
        (
            "**/docs/**",
            &["docs/a", "a/docs/b/c"],
            &["docs", "docs.md"],
        ),
        ("**/*src/**", &["src/a", "a/my-src/b/c"], &["src"]),
        ("v1-**", &["v1-", "v1-a", "v1-a/b"], &["v1", "v2-a"]),
        (
            "a**b",
            &["ab", "axb", "ax/yb", "a/b", "ax/y/zb"],
            &["a", "ba"],
        ),
        ("***", &["a", "a/b"], &[]),
        (
            "{main,release/**}",
            &["main", "release/1/a"],
            &["release", "dev"],
        ),
        ("v[0-9].?", &["v1.2"], &["v1.22", "vx.1", "v1./"]),
        ("[*]*", &["*a"], &["a"]),
        ("[]*]", &["]", "*"], &["a"]),
        ("\\*\\*", &["**"], &["a"]),
        // An escaped comma or brace parts nothing.
        ("a\\,**", &["a,", "a,b", "a,b/c"], &["a/b"]),
        ("\\{**", &["{", "{a", "{a/b"], &["a/b"]),
        ("\\!a", &["!a"], &["a"]),
    ];
    for (pattern, good, bad) in cases {
        let pattern = Pattern::new(pattern).unwrap();
        for text in *good {
            assert!(pattern.matches(text), "{pattern} should match {text:?}");
        }
        for text in *bad {
            assert!(
                !pattern.matches(text),
                "{pattern} should not match {text:?}"
            );
        }
    }
}

#[test]
fn the_last_pattern_that_matches_decides() {
    let cases: &[(&[&str], &str, bool)] = &[
        (&["main", "release/*"], "release/1", true),
        (&["main", "release/*"], "dev", false),
        (&["**", "!dev"], "dev", false),
        (&["**", "!dev"], "main", true),
        (&["**", "!release/**", "release/1"], "release/1", true),
        (&["**", "!release/**", "release/1"], "release/2", false),
        (&["a", "!a", "a"], "a", true),
    ];
    for (patterns, text, wanted) in cases {
        let filter = Filter::new(*patterns).unwrap();
        assert_eq!(filter.accepts(text), *wanted, "{filter}: {text}");
    }
    let filter = Filter::new(["src/**", "!**/*.md"]).unwrap();
    assert!(filter.accepts_any(["a", "src/b"]));
    assert!(!filter.accepts_any(["a", "src/b.md"]));
    assert!(!filter.accepts_any([]));
    assert_eq!(filter.to_string(), "src/**, !**/*.md");
}

#[test]
fn lists_that_can_accept_nothing_are_mistakes() {
    assert_eq!(Filter::new::<&str>([]).unwrap_err(), FilterError::Empty);
    let cases: &[(&[&str], &str)] = &[
        (
            &["!dev"],
            "\"!dev\" excludes something of nothing: begin with what is included, such as \"**\"",
        ),
        (&["!dev", "**"], "excludes something of nothing"),
        (
            &["a["],
            "\"a[\" is not a pattern: unclosed character class; missing ']'",
        ),
        (&["a", "{b"], "\"{b\" is not a pattern: "),
        (
            &[""],
            "an empty pattern matches nothing; expected one such as main, release/* or **",
        ),
        (&["a", "!"], "an empty pattern matches nothing"),
    ];
    for (patterns, wanted) in cases {
        let text = Filter::new(*patterns).unwrap_err().to_string();
        assert!(text.contains(wanted), "{patterns:?}: {text}");
    }
}

#[test]
fn repositories_match_by_host_owner_and_name() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "github.com/acme/*",
            &["github.com/acme/app", "github.com/acme/group/app"],
            &[
                "github.com/acme",
                "github.com/other/app",
                "xgithub.com/acme/app",
            ],
        ),
        (
            "GitHub.com/acme/*",
            &["github.com/acme/app"],
            &["github.com/ACME/app"],
        ),
        ("*", &["github.com/acme/app", "git.example:8443/a/b"], &[]),
        (
            "git.example:8443/*",
            &["git.example:8443/a/b"],
            &["git.example/a/b"],
        ),
        (
            "*.example/{app,lib}",
            &["git.example/app"],
            &["git.example/other"],
        ),
    ];
    for (text, good, bad) in cases {
        let pattern = RepoPattern::new(text).unwrap();
        assert_eq!((pattern.as_str(), &*pattern.to_string()), (*text, *text));
        for key in *good {
            assert!(pattern.matches(key), "{text} should match {key}");
        }
        for key in *bad {
            assert!(!pattern.matches(key), "{text} should not match {key}");
        }
    }
    let error = RepoPattern::new("").unwrap_err();
    assert!(matches!(error, PatternError::Empty { .. }), "{error}");
    let error = RepoPattern::new(&"a".repeat(1024)).unwrap_err();
    assert_eq!(error, PatternError::TooLong { length: 1024 });
    let deep = format!("{}a{}", "{".repeat(400), "}".repeat(400));
    for error in [RepoPattern::new(&deep).err(), Pattern::new(&deep).err()] {
        assert!(
            matches!(error, Some(PatternError::Glob { .. })),
            "{error:?}"
        );
    }
}
