use dogi_hooks::incoming::Pattern;

/// Tried with Go's `regexp`, by way of the original.
#[test]
fn as_go_reads_them() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("", &["", "x"], &[]),
        ("heads", &["refs/heads/main"], &["Heads"]),
        ("(?i)MAIN$", &["x/main"], &["main\n"]),
        ("^a$", &["a"], &["a\n", "b\na"]),
        ("(?m)^a$", &["a\n", "b\na\nc"], &["ab"]),
        (r"^\d$", &["1"], &["٣"]),
        (r"^\w$", &["_"], &["é"]),
        (r"^(?i)\w$", &["ſ", "K"], &["é"]),
        (r"^\s$", &["\t", " "], &["\x0b", "\u{2003}"]),
        (r"^[[:space:]]$", &["\x0b"], &["\u{2003}"]),
        (r"a\b", &["a", "aé"], &["ab"]),
        (r"\B", &["", "ab", "é"], &["a", "aéa"]),
        ("^.$", &["é", "x"], &["\n", "xy"]),
        ("(?s)^.$", &["\n"], &[]),
        ("^[a&&b]$", &["a", "&", "b"], &["c"]),
        ("^[[a]$", &["[", "a"], &["]"]),
        ("^[]a]$", &["]", "a"], &["b"]),
        ("^[^a]$", &["\n", "é"], &["a"]),
        ("^[a-c-]$", &["b", "-"], &["d"]),
        ("^[+--]$", &["+", ",", "-"], &["."]),
        (r"^[\d-z]$", &["1", "-", "z"], &["a"]),
        (r"^[[:^digit:]]$", &["a"], &["1"]),
        (r"^\pL\p{Greek}\P{L}\p{^Lu}$", &["aα1a"], &["aαaa"]),
        (r"^\Qa.b*\E+$", &["a.b*", "a.b**"], &["axb"]),
        (r"^\x41\x{e9}\101\07\_\-$", &["AéA\x07_-"], &[]),
        ("^a{,2}$", &["a{,2}"], &["aa"]),
        ("^a{01}$", &["a{01}"], &["a"]),
        ("^a{2}b{1,}c{0,1}?$", &["aab", "aabbc"], &["ab"]),
        (r"\Aa\z", &["a"], &["a\n"]),
        ("^(?P<n>a)(?<m>b)(?:c)$", &["abc"], &[]),
        ("^(?i:a)b(?i)c(?-i)d|E$", &["AbCd", "E"], &["ABCD", "e"]),
        ("^((?i)a)b$", &["Ab"], &["AB"]),
        ("a(?i)*$", &["aa", ""], &[]),
        ("#{}/ ", &["#{}/ "], &[]),
    ];
    for (pattern, matching, others) in cases {
        let compiled = Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        assert_eq!(compiled.as_str(), *pattern);
        for text in *matching {
            assert!(compiled.is_match(text.as_bytes()), "{pattern} {text:?}");
        }
        for text in *others {
            assert!(!compiled.is_match(text.as_bytes()), "{pattern} {text:?}");
        }
    }
}

/// Each byte that is no UTF-8 is one character to Go.
#[test]
fn bytes_that_are_no_text() {
    for (pattern, bytes, wanted) in [
        ("^.$", &b"\xff"[..], true),
        ("^..$", b"\xe2\x82", true),
        ("^[^a]$", b"\xff", true),
        (r"^\W\w$", b"\xffa", true),
        ("a", b"\xffa", true),
        (r"^\x{fffd}$", b"\xff", true),
        ("^.$", b"\xe2\x82\xac", true),
    ] {
        assert_eq!(
            Pattern::new(pattern).unwrap().is_match(bytes),
            wanted,
            "{pattern}"
        );
    }
}

#[test]
fn what_go_refuses() {
    for (pattern, wanted) in [
        (r"(e)\1", r#""\\1": there are no backreferences"#),
        (r"\8", r#""\\8": there are no backreferences"#),
        ("a(?=b)", r#""(?=": there is no look-ahead"#),
        ("a(?!b)", r#""(?!": there is no look-ahead"#),
        ("(?<=a)b", r#""(?<=a)b": there is no look-behind"#),
        ("(?>a)", r#""(?>": no such group or flag"#),
        ("(?x)a", r#""(?x": no such group or flag"#),
        ("(?P<a b>c)", r#""(?P<a b>": no name of a group"#),
        ("(a", r#""(a": the parenthesis is not closed"#),
        ("a)", r#"")": the parenthesis was never opened"#),
        ("[a", r#""[a": the bracket is not closed"#),
        ("[]", r#""[]": the bracket is not closed"#),
        ("[c-a]", r#""c-a": a range that ends before it begins"#),
        (r"[a-\d]", r#""\\d": no such escape"#),
        ("[[:foo:]]", r#""[:foo:]": no class of POSIX"#),
        ("*a", r#""*": there is nothing to repeat"#),
        ("a|+", r#""+": there is nothing to repeat"#),
        (
            "a**",
            r#""*": what is repeated already can't be repeated again without parentheses"#,
        ),
        (
            "a{2}{3}",
            r#""{3}": what is repeated already can't be repeated again without parentheses"#,
        ),
        ("a{1001}", r#""{1001}": more than 1000 repetitions"#),
        (
            "a{2,1}",
            r#""{2,1}": the second number is smaller than the first"#,
        ),
        ("(a{100}){100}", r#""{100}": more than 1000 repetitions"#),
        (r"\", r#""\\": nothing stands behind the backslash"#),
        (r"\C", r#""\\C": no such escape"#),
        (r"\Z", r#""\\Z": no such escape"#),
        (r"\é", r#""\\é": no such escape"#),
        (
            r"\x4",
            r#""\\x4": expected two hexadecimal digits or {…} with a character"#,
        ),
        (r"\p{Foo}", "Unicode property not found"),
        (r"\p{}", r#""\\p{}": no class of Unicode"#),
    ] {
        assert_eq!(
            Pattern::new(pattern).unwrap_err().to_string(),
            wanted,
            "{pattern}"
        );
    }
    let deep = "(".repeat(5000) + &")".repeat(5000);
    assert!(Pattern::new(&deep).is_err());
    assert!(Pattern::new(&"a".repeat(20_000)).is_err());
    let large = Pattern::new(&r"\pL{1000}".repeat(50)).unwrap_err();
    assert_eq!(large.to_string(), "it is too large when compiled");
}
