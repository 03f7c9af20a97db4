//! Who is told what becomes of a run, when, and how often.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use dogi_engine::{
    Engine, RunHandle,
    ports::{Notice, Notifier, Told},
};
use dogi_job::{MailOn, MailReport, Report, Spec, State, StatusReport, Submit};
use dogi_url::Commit;
use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::Notify;

use crate::{
    fakes::spec,
    lives::{Machine, again, reaches},
};

/// Remembers what it was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    told: Mutex<Vec<Line>>,
    /// What it answers, in order; that it is told when there is none left.
    answers: Mutex<VecDeque<Told>>,
    heard: Notify,
}

/// The id, what it was about, and what was said.
type Line = (String, String, &'static str);

impl Recorder {
    fn answers(&self, answers: impl IntoIterator<Item = Told>) {
        self.0.answers.lock().expect("not poisoned").extend(answers);
    }

    fn told(&self) -> Vec<Line> {
        self.0.told.lock().expect("not poisoned").clone()
    }

    fn words(&self) -> Vec<(String, &'static str)> {
        let told = self.told().into_iter();
        told.map(|(_, about, word)| (about, word)).collect()
    }

    /// Waits until this is the last word.
    async fn hears_last(&self, word: &str) {
        self.hears_such(|told| told.last().is_some_and(|(_, _, last)| *last == word))
            .await;
    }

    async fn hears(&self, count: usize) {
        self.hears_such(|told| told.len() >= count).await;
    }

    async fn hears_such(&self, such: impl Fn(&[Line]) -> bool) {
        loop {
            // Before it is looked: what is told in between wakes this one too.
            let heard = self.0.heard.notified();
            if such(&self.told()) {
                return;
            }
            heard.await;
        }
    }
}

impl Notifier for Recorder {
    fn tell<'a>(&'a self, notice: Notice<'a>) -> BoxFuture<'a, Told> {
        let about = match notice.report {
            Report::Status(status) => status.context.clone(),
            Report::Mail(mail) => mail.to.join(","),
        };
        let line = (notice.id.to_owned(), about, notice.outcome.as_str());
        self.0.told.lock().expect("not poisoned").push(line);
        self.0.heard.notify_waiters();
        let answer = self.0.answers.lock().expect("not poisoned").pop_front();
        async { answer.unwrap_or(Told::Accepted) }.boxed()
    }
}

fn commit() -> Commit {
    Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34").expect("a commit")
}

fn status(context: &str) -> Report {
    Report::Status(StatusReport {
        forge: "github.com".to_owned(),
        repo: "o/r".to_owned(),
        commit: Some(commit()),
        context: context.to_owned(),
    })
}

fn mail(to: &str, on: MailOn) -> Report {
    Report::Mail(MailReport {
        to: vec![to.to_owned()],
        on,
        repo: "o/r".to_owned(),
        commit: Some(commit()),
        branch: None,
        subject: None,
        author: None,
    })
}

fn spec_with(params: &str, reports: impl Into<Vec<Report>>) -> Spec {
    Spec {
        reports: reports.into(),
        ..spec(params)
    }
}

async fn start(engine: &Engine, spec: Spec) -> RunHandle {
    engine.submit(spec, Submit::Run).await.expect("taken").run
}

fn pairs(words: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    let owned = words
        .iter()
        .map(|(about, word)| ((*about).to_owned(), *word));
    owned.collect()
}

fn retry() -> Told {
    Told::Retry {
        after: Duration::from_millis(1),
        reason: "busy".to_owned(),
    }
}

/// What a life has told just before its end the next one may tell again: the same, with the same id.
fn says_nothing_new_in_a_later_life(machine: &Machine) {
    let before = machine.notifier.told();
    machine.life(async |_| {});
    let after = machine.notifier.told();
    assert!(after.iter().all(|line| before.contains(line)), "{after:?}");
}

#[test]
fn a_status_is_pending_and_then_what_the_run_came_to() {
    let cases = [
        (Ok(0), "success"),
        (Ok(1), "failure"),
        (
            Err(dogi_engine::ports::StepError::Lost {
                reason: "engine stopped".to_owned(),
            }),
            "error",
        ),
    ];
    for (end, outcome) in cases {
        let machine = Machine::new();
        machine.life(async |engine| {
            let run = start(&engine, spec_with("action=run", [status("dogi/test")])).await;
            machine.notifier.hears(1).await;
            machine.fake.ends_with(end);
            run.finished().await;
            machine.notifier.hears(2).await;
        });
        let wanted = pairs(&[("dogi/test", "pending"), ("dogi/test", outcome)]);
        assert_eq!(machine.notifier.words(), wanted);
    }
}

#[test]
fn a_run_that_names_no_commit_tells_of_the_one_that_it_checks_out() {
    let machine = Machine::new();
    machine.life(async |engine| {
        let report = Report::Status(StatusReport {
            forge: "github.com".to_owned(),
            repo: "o/r".to_owned(),
            commit: None,
            context: "c".to_owned(),
        });
        let run = start(&engine, spec_with("action=run", [report])).await;
        machine.notifier.hears(1).await;
        machine.fake.ends_with(Ok(0));
        run.finished().await;
        machine.notifier.hears(2).await;
    });
    let wanted = pairs(&[("c", "pending"), ("c", "success")]);
    assert_eq!(machine.notifier.words(), wanted);
}

#[test]
fn mails_are_sent_when_they_are_wanted() {
    for (code, wanted) in [
        (0, pairs(&[("always", "success"), ("success", "success")])),
        (2, pairs(&[("always", "failure"), ("failure", "failure")])),
    ] {
        let machine = Machine::new();
        machine.fake.ends_with(Ok(code));
        machine.life(async |engine| {
            let mails = [
                mail("always", MailOn::Always),
                mail("failure", MailOn::Failure),
                mail("success", MailOn::Success),
            ];
            let run = start(&engine, spec_with("action=run", mails)).await;
            run.finished().await;
            machine.notifier.hears(2).await;
        });
        let mut words = machine.notifier.words();
        words.sort();
        assert_eq!(words, wanted);
    }
}

#[test]
fn what_was_told_in_one_life_is_not_told_in_the_next_and_what_was_not_is() {
    let machine = Machine::new();
    let id = machine.life(async |engine| {
        let run = start(&engine, spec_with("action=run", [status("c")])).await;
        machine.notifier.hears(1).await;
        reaches(&run, State::Running).await;
        run.id().clone()
    });
    machine.fake.ends_with(Ok(0));
    machine.life(async |engine| {
        again(&engine, &id).finished().await;
        machine.notifier.hears(2).await;
    });
    machine.life(async |engine| {
        again(&engine, &id).finished().await;
    });
    says_nothing_new_in_a_later_life(&machine);
    let wanted = pairs(&[("c", "pending"), ("c", "success")]);
    let mut words = machine.notifier.words();
    words.dedup();
    assert_eq!(words, wanted);
}

#[test]
fn what_is_refused_for_now_is_told_again_with_the_same_id() {
    let machine = Machine::new();
    machine.notifier.answers([Told::Accepted, retry(), retry()]);
    machine.life(async |engine| {
        let run = start(&engine, spec_with("action=run", [status("c")])).await;
        machine.notifier.hears(1).await;
        machine.fake.ends_with(Ok(0));
        run.finished().await;
        machine.notifier.hears(4).await;
    });
    let told = machine.notifier.told();
    let finals: Vec<_> = told.iter().filter(|line| line.2 == "success").collect();
    assert_eq!(finals.len(), 3, "{told:?}");
    assert!(finals.windows(2).all(|pair| pair[0].0 == pair[1].0));
    assert_ne!(told[0].0, finals[0].0, "another state is another thing");
}

#[test]
fn a_pending_that_could_not_be_told_gives_way_to_the_result() {
    let machine = Machine::new();
    machine.notifier.answers(std::iter::repeat_n(retry(), 3));
    machine.fake.ends_with(Ok(0));
    machine.life(async |engine| {
        let run = start(&engine, spec_with("action=run", [status("c")])).await;
        run.finished().await;
        machine.notifier.hears_last("success").await;
    });
    let words = machine.notifier.words();
    let first = words.iter().position(|(_, word)| *word == "success");
    let rest = &words[first.expect("told")..];
    assert!(rest.iter().all(|(_, word)| *word == "success"), "{words:?}");
}

#[test]
fn an_older_run_never_has_the_last_word_over_a_newer_one_of_the_same_context() {
    let machine = Machine::new();
    machine.life(async |engine| {
        let first = start(&engine, spec_with("action=run&id=1", [status("c")])).await;
        reaches(&first, State::Running).await;
        let second = start(&engine, spec_with("action=run&id=2", [status("c")])).await;
        reaches(&second, State::Running).await;
        machine.fake.let_end(1);
        // Either may have ended first: the other one is stopped.
        tokio::select! {
            _ = first.finished() => drop(engine.abort_run(second.id()).await),
            _ = second.finished() => drop(engine.abort_run(first.id()).await),
        }
        let last = match second.finished().await.state {
            State::Succeeded => "success",
            _ => "error",
        };
        machine.notifier.hears_last(last).await;
    });
    says_nothing_new_in_a_later_life(&machine);
}

#[test]
fn what_is_given_up_is_not_tried_again() {
    let machine = Machine::new();
    let given_up = || Told::GivenUp {
        reason: "no such repository".to_owned(),
    };
    machine.notifier.answers([given_up(), given_up()]);
    machine.fake.ends_with(Ok(0));
    machine.life(async |engine| {
        let run = start(&engine, spec_with("action=run", [status("c")])).await;
        run.finished().await;
        machine.notifier.hears_last("success").await;
    });
    says_nothing_new_in_a_later_life(&machine);
}
