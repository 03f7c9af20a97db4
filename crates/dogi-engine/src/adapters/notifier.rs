//! Telling forges and people by HTTP and mail.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use dogi_hooks::{
    MessageId, Next, Outcome as Answer, Patience,
    forge::{FullName, Line, Word},
    mail::{Excerpt, MailAddress, Mailer, ResultMail},
    random,
    status::{CommitState, CommitStatus, Description, StatusApi, StatusContext, StatusSender},
};
use dogi_job::{MailReport, Outcome, Report, RunStatus, StatusReport};
use dogi_stream::Log;
use futures::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::ports::{Notice, Notifier, Told};

/// As much of a log is shown in a mail, in bytes.
const SHOWN: usize = 64 * 1024;

/// Where a run can be looked at; `None`: nobody outside can.
pub type LogLink = dyn Fn(&RunStatus) -> Option<Url> + Send + Sync;

/// Tells forges by their status APIs and people by mail.
pub struct ForgeNotifier {
    sender: StatusSender,
    /// By host of the clone URL.
    apis: BTreeMap<String, StatusApi>,
    mail: Option<(Mailer, MailAddress)>,
    link: Arc<LogLink>,
    patience: Patience,
}

impl fmt::Debug for ForgeNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForgeNotifier")
            .field("apis", &self.apis.keys().collect::<Vec<_>>())
            .field("mail", &self.mail.is_some())
            .finish_non_exhaustive()
    }
}

impl ForgeNotifier {
    /// Tells the forges that there is an API for, by the host (`host` or `host:port`) of clone URLs; and
    /// links by `link`.
    pub fn new(
        sender: StatusSender,
        apis: BTreeMap<String, StatusApi>,
        link: Arc<LogLink>,
    ) -> Self {
        Self {
            sender,
            apis,
            mail: None,
            link,
            patience: Patience::default(),
        }
    }

    /// Sends mails, too.
    #[must_use]
    pub fn mails(mut self, mailer: Mailer, from: MailAddress) -> Self {
        self.mail = Some((mailer, from));
        self
    }

    async fn status(&self, report: &StatusReport, notice: Notice<'_>) -> Answer {
        let Some(api) = self.apis.get(&report.forge) else {
            let reason = format!("there is no token for {}", report.forge);
            return Answer::Refused { reason };
        };
        let named = FullName::new(&report.repo);
        let context = StatusContext::new(&report.context);
        let (Ok(repo), Ok(context)) = (named, context) else {
            let reason = format!("{:?} is no name of a status", report.context);
            return Answer::Refused { reason };
        };
        let Some(commit) = notice.report.commit(notice.status) else {
            return no_commit();
        };
        let status = CommitStatus {
            repo,
            commit: commit.clone(),
            state: match notice.outcome {
                Outcome::Pending => CommitState::Pending,
                Outcome::Success => CommitState::Success,
                Outcome::Failure => CommitState::Failure,
                Outcome::Error => CommitState::Error,
            },
            context,
            description: Description::new(&describe(notice.outcome, notice.status)),
            target_url: (self.link)(notice.status),
        };
        let cancel = CancellationToken::new();
        let sent = self.sender.attempt(api, &status, &cancel);
        sent.await.unwrap_or_else(|_| cut_off())
    }

    async fn mail(&self, report: &MailReport, notice: Notice<'_>) -> Answer {
        let Some((mailer, from)) = &self.mail else {
            let reason = "there is no mail server: SMTP_HOST is not set".to_owned();
            return Answer::Refused { reason };
        };
        let mail = match self.written(report, notice) {
            Ok(mail) => mail,
            Err(reason) => return Answer::Refused { reason },
        };
        let mut worst = Answer::Told;
        for to in &report.to {
            let Ok(to) = to.parse::<MailAddress>() else {
                worst = Answer::Refused {
                    reason: format!("{to:?} is no mail address"),
                };
                continue;
            };
            let cancel = CancellationToken::new();
            let sent = mailer.attempt(&mail.written(from, &to), &cancel).await;
            match sent.unwrap_or_else(|_| cut_off()) {
                Answer::Told => {}
                // Those who have it already get it once more, and know it by its id.
                retry @ Answer::Retry { .. } => return retry,
                refused @ Answer::Refused { .. } => worst = refused,
            }
        }
        worst
    }

    fn written(&self, report: &MailReport, notice: Notice<'_>) -> Result<ResultMail, String> {
        let status = notice.status;
        let bad = |error: &dyn fmt::Display| error.to_string();
        let line = |text: &Option<String>| text.as_deref().map(Line::first_of);
        let commit = notice.report.commit(status);
        let commit = commit.ok_or("the run came to no commit")?;
        Ok(ResultMail {
            id: notice
                .id
                .parse::<MessageId>()
                .map_err(|error| bad(&error))?,
            date: status.finished_at.unwrap_or(status.queued_at),
            repo: FullName::new(&report.repo).map_err(|error| bad(&error))?,
            commit: commit.clone(),
            result: Word::new(notice.outcome.as_str()).map_err(|error| bad(&error))?,
            branch: line(&report.branch),
            title: line(&report.subject),
            author: line(&report.author),
            link: (self.link)(status),
            log: excerpt(notice.log),
            run: Line::first_of(status.run.as_str()),
        })
    }
}

impl Notifier for ForgeNotifier {
    fn tell<'a>(&'a self, notice: Notice<'a>) -> BoxFuture<'a, Told> {
        async move {
            let answer = match notice.report {
                Report::Status(report) => self.status(report, notice).await,
                Report::Mail(report) => self.mail(report, notice).await,
            };
            let attempt = notice.attempt.saturating_add(1);
            let next = self
                .patience
                .next(attempt, notice.since_first, &answer, random());
            match (answer, next) {
                (Answer::Told, _) => Told::Accepted,
                (Answer::Refused { reason }, _) => Told::GivenUp { reason },
                (Answer::Retry { reason, .. }, Next::RetryAfter(after)) => {
                    Told::Retry { after, reason }
                }
                (Answer::Retry { reason, .. }, Next::Stop) => Told::GivenUp { reason },
            }
        }
        .boxed()
    }
}

/// Nothing of such a run is due.
fn no_commit() -> Answer {
    Answer::Refused {
        reason: "the run came to no commit".to_owned(),
    }
}

fn cut_off() -> Answer {
    Answer::Retry {
        after: Some(Duration::from_secs(1)),
        reason: "cut off".to_owned(),
    }
}

/// A sentence for whoever looks at the commit.
fn describe(outcome: Outcome, status: &RunStatus) -> String {
    let took = || {
        let (Some(begin), Some(end)) = (status.started_at, status.finished_at) else {
            return String::new();
        };
        format!(" after {} s", end.saturating_since(begin).as_secs())
    };
    match outcome {
        Outcome::Pending => "dogi has taken it".to_owned(),
        Outcome::Success => format!("Succeeded{}", took()),
        Outcome::Failure | Outcome::Error => match status.errors.first() {
            Some(error) => error.clone(),
            None => format!("{}{}", status.state, took()),
        },
    }
}

/// What of a log is shown: its beginning and its end.
fn excerpt(log: &Log) -> Excerpt {
    let total = log.position().offset;
    let read = |from: u64, to: u64| {
        use std::os::unix::fs::FileExt as _;
        let length = usize::try_from(to - from).unwrap_or(0);
        let mut bytes = vec![0; length];
        let file = std::fs::File::open(log.path());
        let got = file.and_then(|file| file.read_exact_at(&mut bytes, from));
        match got {
            Ok(()) => bytes,
            Err(error) => format!("(the log can't be read: {})", error.kind()).into_bytes(),
        }
    };
    let shown = SHOWN as u64;
    if total <= shown {
        return Excerpt::of(&read(0, total), SHOWN);
    }
    let half = shown / 2;
    Excerpt::of_ends(&read(0, half), &read(total - half, total), total)
}
