use dogi_url::{Commit, UnixMillis};
use url::Url;

use super::{Excerpt, MailAddress, written};
use crate::{
    MessageId,
    forge::{FullName, Line, Word},
};

/// What became of a run, to be told by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultMail {
    /// What the mail is called, the same when it is sent again: whoever had it already knows it by
    /// that.
    pub id: MessageId,
    /// When the run ended.
    pub date: UnixMillis,
    /// The repository.
    pub repo: FullName,
    /// Which commit ran; its first seven digits are shown.
    pub commit: Commit,
    /// In a word what became of it: `success`, `failure`, `timed_out`.
    pub result: Word,
    /// The branch or tag.
    pub branch: Option<Line>,
    /// The first line of the commit's message.
    pub title: Option<Line>,
    /// Who wrote the commit.
    pub author: Option<Line>,
    /// What opens the whole log.
    pub link: Option<Url>,
    /// What is shown of the log.
    pub log: Excerpt,
    /// What the run is called; it stands at the end.
    pub run: Line,
}

/// A mail to one recipient, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub(super) from: MailAddress,
    pub(super) to: MailAddress,
    pub(super) message: Vec<u8>,
}

impl ResultMail {
    /// `[owner/name] abc1234 success`
    #[must_use]
    pub fn subject(&self) -> String {
        format!("[{}] {} {}", self.repo, self.short_commit(), self.result)
    }

    /// The mail to one recipient: `multipart/alternative` of plain text and HTML. The same values give
    /// the same bytes.
    #[must_use]
    pub fn written(&self, from: &MailAddress, to: &MailAddress) -> Mail {
        Mail {
            from: from.clone(),
            to: to.clone(),
            message: written::message(self, from, to),
        }
    }

    /// The part of plain text: lines of facts, the log, the run.
    #[must_use]
    pub fn text(&self) -> String {
        written::text(self)
    }

    /// The part of HTML, which tells the same, and the log with its colours. A log of nothing but
    /// changes of colour becomes some forty times as long.
    #[must_use]
    pub fn html(&self) -> String {
        written::html(self)
    }

    fn short_commit(&self) -> &str {
        &self.commit.as_str()[..7]
    }
}

impl Mail {
    /// Who sends it.
    #[must_use]
    pub fn from(&self) -> &MailAddress {
        &self.from
    }

    /// Who gets it.
    #[must_use]
    pub fn to(&self) -> &MailAddress {
        &self.to
    }

    /// Header and body, in ASCII, as RFC 5322 has it.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}
