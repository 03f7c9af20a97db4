use dogi_hooks::{
    forge::{FullName, Line, Word},
    mail::{Mail, ResultMail},
};
use proptest::prelude::*;

use super::{address, result};

const NAMES: [&str; 8] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];

fn written(result: &ResultMail) -> Mail {
    result.written(
        &address("dogi <ci@acme.example>"),
        &address("Team <team@acme.example>"),
    )
}

/// Names and values of the header, unfolded.
fn header(mail: &Mail) -> Vec<(String, String)> {
    let text = std::str::from_utf8(mail.message()).unwrap();
    let (header, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    unfolded.split("\r\n").map(field).collect()
}

#[test]
fn a_whole_message() {
    let result = result(b"\x1b[31mFAILED\x1b[m\n");
    assert_eq!(result.subject(), "[acme/app] abc1234 failure");
    let mail = written(&result);
    assert_eq!(mail, written(&result), "the same bytes each time");
    let header = header(&mail);
    let names: Vec<_> = header.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, NAMES);
    let values: Vec<_> = header.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values[0].replace('"', ""), "dogi <ci@acme.example>");
    assert_eq!(values[1].replace('"', ""), "Team <team@acme.example>");
    assert_eq!(values[2], "[acme/app] abc1234 failure");
    assert_eq!(values[3], "Tue, 14 Nov 2023 22:13:20 +0000");
    assert_eq!(values[4], format!("<{}@acme.example>", result.id));
    assert_eq!(values[5], "auto-generated");
    assert!(
        values[7].starts_with("multipart/alternative; boundary=\"msg_"),
        "{}",
        values[7]
    );
    assert_eq!(
        result.text(),
        "Repository: acme/app\n\
         Commit: abc1234def1234def1234def1234def1234def12\n\
         Branch: main\n\
         Message: Frobnicate the widgets\n\
         Author: Ada Lovelace\n\
         Result: failure\n\
         Log: https://ci.example/runs/17/log?a=b&sig=cd\n\
         \n\
         FAILED\n\
         \n\
         Run: 0192f0c1-run-17\n"
    );
}

#[test]
fn what_is_not_known_is_not_told() {
    let mut result = result(b"");
    (result.branch, result.title, result.author, result.link) = (None, None, None, None);
    assert_eq!(
        result.text(),
        "Repository: acme/app\n\
         Commit: abc1234def1234def1234def1234def1234def12\n\
         Result: failure\n\
         \n\
         \n\
         Run: 0192f0c1-run-17\n"
    );
    assert!(!result.html().contains("href"));
}

#[test]
fn facts_are_no_markup_either() {
    let mut result = result(b"");
    result.title = Some(Line::first_of("<img src=x onerror=alert(1)> \"&'"));
    result.link = Some("https://ci.example/\"><script>?<'".parse().unwrap());
    let html = result.html();
    assert!(
        html.contains("<td>&lt;img src=x onerror=alert(1)&gt; &quot;&amp;&#39;</td>"),
        "{html}"
    );
    let link = "<a href=\"https://ci.example/%22%3E%3Cscript%3E?%3C%27\">";
    assert!(html.contains(link) && !html.contains("<script"), "{html}");
}

#[test]
fn long_and_foreign_texts_are_folded_and_encoded() {
    let mut result = result("ü\n".repeat(10).as_bytes());
    result.repo = FullName::new(&format!("acme/{}", "x".repeat(500))).unwrap();
    let from = address(&format!("{} <ci@acme.example>", "Jürgen 🐶 ".repeat(15)));
    let mail = result.written(&from, &address("team@acme.example"));
    assert!(mail.message().is_ascii());
    for line in mail.message().split(|&byte| byte == b'\n') {
        // RFC 5322, section 2.1.1.
        assert!(line.len() <= 998, "{}", line.len());
    }
}

proptest! {
    /// However a branch, a commit or a log is called, the header is as it should be.
    #[test]
    fn no_header_is_added(
        name in "[^\u{0}-\u{1f}\u{7f}-\u{9f}<>\"\\\\]{0,60}",
        line in "(\r|\n|\r\n|Bcc: evil@example\\.org|[\u{0}-\u{1f}]|=\\?utf-8\\?B\\?DQo=\\?=|[ -~ü🐶]){0,40}",
        repo in "[a-z.-]{1,8}/[a-zA-Z0-9_.-]{1,300}",
        log in any::<Vec<u8>>(),
    ) {
        let mut result = result(&log);
        result.branch = Some(Line::first_of(&line));
        result.title = Some(Line::first_of(&line));
        result.author = Some(Line::first_of(&line));
        result.run = Line::first_of(&line);
        if let Ok(repo) = FullName::new(&repo) {
            result.repo = repo;
        }
        if let Ok(word) = Word::new(&line) {
            result.result = word;
        }
        let Ok(to) = format!("{name} <team@acme.example>").parse() else {
            return Ok(());
        };
        let mail = result.written(&address("ci@acme.example"), &to);
        prop_assert!(mail.message().is_ascii());
        let text = std::str::from_utf8(mail.message()).unwrap();
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        let header = header(&mail);
        let names: Vec<_> = header.iter().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(names, NAMES);
        // Two parts, whatever the log says.
        let (_, boundary) = header[7].1.split_once("boundary=\"").unwrap();
        let delimiter = format!("\r\n--{}", boundary.trim_end_matches('"'));
        prop_assert_eq!(text.matches(&delimiter).count(), 3);
    }
}
