use xtask::tidy::mask::code;

#[test]
fn comments_and_strings_are_blanked() {
    let cases = [
        ("let a = 1; // env", "let a = 1;       "),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x\"y") + 1"#, "f(      ) + 1"),
        (r##"f(r#"a"b"#, 2)"##, "f(        , 2)"),
        (r#"f(br"a\", b"c")"#, "f(      ,     )"),
        ("'a' 'b", "    'b"),
        (r"'\'' + '\n' + '\u{1F600}'", "     +      +            "),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ("r#type + bar + crc", "r#type + bar + crc"),
        ("\"a\nb\" c", "  \n   c"),
        ("\"never closed", "             "),
        ("/* never closed", "               "),
    ];
    for (text, wanted) in cases {
        assert_eq!(code(text), wanted, "{text}");
    }
}

#[test]
fn lines_stay_where_they_are() {
    let text = include_str!("../../src/tidy/mask.rs");
    assert_eq!(code(text).lines().count(), text.lines().count());
}
