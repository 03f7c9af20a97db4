//! Result mails: what is written, and what a real mail server takes.

mod addresses;
mod deliver;
mod excerpts;
mod logs;
mod messages;

use dogi_hooks::{
    MessageId,
    forge::{FullName, Line, Word},
    mail::{Excerpt, MailAddress, ResultMail},
};
use dogi_url::UnixMillis;

fn address(text: &str) -> MailAddress {
    text.parse().unwrap()
}

fn result(log: &[u8]) -> ResultMail {
    ResultMail {
        id: MessageId::derive(&["run 17", "mail"]),
        date: UnixMillis::from_secs(1_700_000_000),
        repo: FullName::new("acme/app").unwrap(),
        commit: "abc1234def1234def1234def1234def1234def12".parse().unwrap(),
        result: Word::new("failure").unwrap(),
        branch: Some(Line::first_of("main")),
        title: Some(Line::first_of("Frobnicate the widgets\n\nAt length.")),
        author: Some(Line::first_of("Ada Lovelace")),
        link: Some("https://ci.example/runs/17/log?a=b&sig=cd".parse().unwrap()),
        log: Excerpt::of(log, Excerpt::SHOWN),
        run: Line::first_of("0192f0c1-run-17"),
    }
}
