//! What is shown of a log.

use proptest::prelude::*;
use regex::Regex;

use super::result;

/// The log as the plain part shows it.
fn plain(log: &[u8]) -> String {
    let text = result(log).text();
    let (_, rest) = text.split_once("\n\n").unwrap();
    let (log, _) = rest.rsplit_once("\nRun: ").unwrap();
    log.to_owned()
}

/// The log as the HTML part shows it.
fn html(log: &[u8]) -> String {
    let html = result(log).html();
    let (_, rest) = html.split_once("<pre ").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let (log, _) = rest.split_once("</pre>").unwrap();
    log.to_owned()
}

#[test]
fn plain_text_is_what_a_terminal_leaves() {
    let cases: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"one\ntwo", "one\ntwo\n"),
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (
            b"\x1b[1;31mred\x1b[0m and \x1b[38;5;200mpink\x1b[m\n",
            "red and pink\n",
        ),
        (b" 10%\r 50%\r100%\ndone\n", "100%\ndone\n"),
        (b"downloading\rdone\x1b[K\n", "done\n"),
        (b"downloading\x1b[2K\rok\n", "ok         \n"),
        (b"abc\x08\x08X\n", "aXc\n"),
        (b"a\tb\n", "a\tb\n"),
        (b"\x07bell\0nul\x7fdel\n", "bellnuldel\n"),
        // Titles, links, clipboards.
        (
            b"\x1b]0;title\x07a\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\\n",
            "alink\n",
        ),
        (b"\x1b]52;c;ZXZpbA==\x07x\n", "x\n"),
        // Cursor, screen, modes, device control.
        (
            b"\x1b[2J\x1b[H\x1b[10;20Ha\x1b[?25l\x1b[5A\x1b7b\x1bc\x1bPq#0\x1b\\d\n",
            "abd\n",
        ),
        // Without an end: the next line is there all the same.
        (
            b"a\x1b]0;no end\nb\n\x1b[31\nc\n\x1bP\nd\n\x1b",
            "a\nb\n\nc\n\nd\n\n",
        ),
        (b"\xff\xfe ok \xc3\n", "\u{fffd}\u{fffd} ok \u{fffd}\n"),
        ("ü 漢 🦀\n".as_bytes(), "ü 漢 🦀\n"),
        ("c1\u{9b}31mx\n".as_bytes(), "c131mx\n"),
        (
            "abc\u{202e}def\u{2066}\n".as_bytes(),
            "abc\u{fffd}def\u{fffd}\n",
        ),
    ];
    for (log, wanted) in cases {
        assert_eq!(plain(log), *wanted, "{}", log.escape_ascii());
    }
}

#[test]
fn html_keeps_colours() {
    let span = |css: &str, text: &str| format!("<span style=\"{css}\">{text}</span>");
    let cases: &[(&str, String)] = &[
        ("plain", "plain".into()),
        ("\x1b[31mred\x1b[0m.", span("color:#e05f5f", "red") + "."),
        (
            "\x1b[31;1mred",
            span("color:#e05f5f;font-weight:bold", "red"),
        ),
        ("\x1b[1mb\x1b[22mn", span("font-weight:bold", "b") + "n"),
        (
            "\x1b[4mu\x1b[24mn\x1b[4:3mc\x1b[4:0mn",
            span("text-decoration:underline", "u")
                + "n"
                + &span("text-decoration:underline", "c")
                + "n",
        ),
        (
            "\x1b[3;9mx",
            span("font-style:italic;text-decoration:line-through", "x"),
        ),
        ("\x1b[2mx", span("opacity:0.7", "x")),
        (
            "\x1b[92;44mx\x1b[39my\x1b[49mz",
            span("color:#90e090;background:#5f9fe0", "x") + &span("background:#5f9fe0", "y") + "z",
        ),
        ("\x1b[107mx", span("background:#ffffff", "x")),
        (
            "\x1b[7mx\x1b[27my",
            span("color:#1e2228;background:#d0d4d8", "x") + "y",
        ),
        // 256 colours: a named one, the cube, the greys.
        ("\x1b[38;5;9mx", span("color:#ff7f7f", "x")),
        ("\x1b[38;5;196mx", span("color:#ff0000", "x")),
        ("\x1b[48;5;16mx", span("background:#000000", "x")),
        ("\x1b[38;5;255mx", span("color:#eeeeee", "x")),
        // Any colour, in each of the three spellings.
        ("\x1b[38;2;1;2;255mx", span("color:#0102ff", "x")),
        ("\x1b[38:2:1:2:255mx", span("color:#0102ff", "x")),
        ("\x1b[38:2::1:2:255mx", span("color:#0102ff", "x")),
        (
            "\x1b[48;2;1;2;3;1mx",
            span("background:#010203;font-weight:bold", "x"),
        ),
        // What is no colour changes none.
        (
            "\x1b[38;5;256mx\x1b[38;2;1;2;256my\x1b[38;9mz\x1b[38m.",
            "xyz.".into(),
        ),
        ("\x1b[58;5;1m\x1b[58:2::1:1:1m\x1b[99;200mx", "x".into()),
        ("\x1b[>4;1mx\x1b[?1my", "xy".into()),
        // A colour lasts until it is taken back, over lines.
        (
            "\x1b[31ma\nb\x1b[m\nc",
            span("color:#e05f5f", "a") + "\n" + &span("color:#e05f5f", "b") + "\nc",
        ),
        (
            "<script>\"&'</script>",
            "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;".into(),
        ),
        ("https://evil.example/", "https://evil.example/".into()),
    ];
    for (log, wanted) in cases {
        assert_eq!(
            html(log.as_bytes()),
            format!("{wanted}\n"),
            "{}",
            log.escape_debug()
        );
    }
}

#[test]
fn what_is_left_out_is_said() {
    let log: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    let result = result(log.as_bytes());
    let left_out = result.log.left_out();
    assert!(left_out > 100_000);
    let text = result.text();
    let said = format!(
        "\n… {left_out} bytes are left out here; all of it: https://ci.example/runs/17/log?a=b&sig=cd\n"
    );
    assert!(text.contains(&said));
    assert!(text.contains("\nline 0\n") && text.contains("\nline 19999\n"));
    assert!(text.len() < 70_000);
    let html = result.html();
    assert!(html.contains(&format!("… {left_out} bytes are left out here; all of it: <a href=\"https://ci.example/runs/17/log?a=b&amp;sig=cd\">")));
    assert!(html.contains("\nline 19999\n") && html.len() < 70_000);

    let mut alone = result;
    alone.link = None;
    assert!(
        alone
            .text()
            .contains(&format!("\n… {left_out} bytes are left out here\n"))
    );
    assert!(!alone.html().contains("href"));
}

/// Every element is one that the page itself is made of, and nothing else is markup.
fn assert_inert(html: &str) -> Result<(), TestCaseError> {
    let allowed = Regex::new(
        "^(!DOCTYPE html|/?html|/?head|meta charset=\"utf-8\"|body style=\"font-family:sans-serif\"|\
         /body|/?table|/?tr|td style=\"padding-right:12px\"|/?td|/?p|/pre|\
         pre style=\"[a-z0-9#:;-]+\"|/span|span style=\"[a-z0-9#:;. -]+\"|\
         /a|a href=\"https://ci\\.example/runs/17/log\\?a=b&amp;sig=cd\")$",
    )
    .unwrap();
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        prop_assert!(!text.contains(['>', '"', '\'']), "{}", text);
        let (tag, after) = after.split_once('>').unwrap();
        prop_assert!(allowed.is_match(tag), "<{}>", tag);
        rest = after;
    }
    prop_assert!(!rest.contains(['>', '"']));
    prop_assert!(
        !html
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    );
    Ok(())
}

proptest! {
    #[test]
    fn no_log_is_markup(log in "([a-z<>&\"'/=\r\n\t\x08]|\x1b\\[[0-9;:?]{0,8}[mKHJ]|\x1b\\][a-z;<>\"]{0,8}\x07?|<script>|<img src=x>|&#x[0-9]{1,3};|javascript:|[\u{80}-\u{9f}]|ü|🦀|\u{202e}){0,60}") {
        assert_inert(&result(log.as_bytes()).html())?;
    }

    #[test]
    fn nor_are_any_bytes(log in any::<Vec<u8>>()) {
        let result = result(&log);
        assert_inert(&result.html())?;
        let text = result.text();
        prop_assert!(!text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
    }

    /// Both parts tell the same.
    #[test]
    fn the_same_text_in_both(log in "([a-z \r\n]|\x1b\\[[0-9;]{0,8}m){0,80}") {
        let shown = html(log.as_bytes());
        let without = Regex::new("<[^>]*>").unwrap().replace_all(&shown, "").into_owned();
        prop_assert_eq!(without, plain(log.as_bytes()));
    }
}
