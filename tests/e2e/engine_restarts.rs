//! The Docker daemon stops and comes back, in the middle: an engine of the test's own.

use std::time::Duration;

use dogi_testkit::{engine::Engine as Daemon, wait};

use crate::harness::{
    Dogi, Engine, Follower, Held, Job, Random, Repos, Submitted, Volumes, assert_nothing_left,
};

const TO_END: Duration = Duration::from_secs(30);

/// A daemon, and a server that uses it.
struct Place {
    daemon: Daemon,
    dogi: Dogi,
    path: String,
    _repos: Repos,
}

impl Place {
    async fn new(live_restore: bool) -> Self {
        let daemon = Daemon::start(live_restore).await.expect("it starts");
        let (repos, path) = Repos::one("").await;
        let host = daemon.host();
        let dogi = Dogi::with(&[
            ("BYPASS_SIGNATURES", "true"),
            ("DOCKER_HOST", &host),
            // BuildKit runs nothing without a bridge.
            ("DOCKER_BUILDKIT", "0"),
            ("LOG_LEVEL", "info,dogi_docker=debug"),
        ])
        .await;
        Self {
            daemon,
            dogi,
            path,
            _repos: repos,
        }
    }

    fn engine(&self) -> Engine {
        Engine::at(&self.daemon.host())
    }

    async fn hold(&self, jobs: &[Submitted]) -> Held {
        Held::new(&self.engine(), &self.dogi, jobs).await
    }

    /// Waits until more than these lines of a job's file are there.
    async fn follows_on(&self, job: &Submitted, lines: usize) {
        let more = || async {
            let found = job.assert_lines_once(&self.dogi).await;
            (found["file_data"] > lines).then_some(())
        };
        let what = "the file to be followed again";
        wait::within(TO_END, what, more).await.expect("it is");
    }

    /// Submits jobs and waits until each has printed something.
    async fn submit(&self, jobs: &[Job]) -> Vec<Submitted> {
        let mut submitted = Vec::new();
        for job in jobs {
            submitted.push(job.submit(&self.dogi).await);
        }
        for job in &submitted {
            job.prints(&self.dogi, TO_END).await;
        }
        submitted
    }
}

/// One job of every kind.
fn jobs(path: &str) -> [Job; 4] {
    // They end when the daemon is back: what a job prints last while nobody reads is lost.
    let job = |id| Job {
        waits_after: Some(150),
        ..Job::new(path, id, 160, "0.1")
    };
    [
        job("plain"),
        Job {
            tty: true,
            code: 4,
            ..job("terminal")
        },
        Job {
            file: true,
            ..job("file")
        },
        // Over before the daemon is back.
        Job {
            code: 5,
            ..Job::new(path, "short", 15, "0.1")
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_live_restore_everything_is_complete() {
    let random = Random::new();
    let mut place = Place::new(true).await;
    let submitted = place.submit(&jobs(&place.path)).await;
    let followers = [(0, "log"), (2, "file_data")].map(|(at, output): (usize, _)| {
        let follower = Follower::start(&place.dogi, &submitted[at].output(output));
        (at, output, follower)
    });
    random.moment(0, 500).await;
    let held = place.hold(&submitted).await;
    place.daemon.stop().await.expect("it stops");
    held.go_on();
    let before = submitted[2].assert_lines_once(&place.dogi).await;
    random.moment(500, 1500).await;
    place.daemon.start_again().await.expect("it comes back");
    // Not at once: a daemon (20.10.24) that is killed within half a second after an exec, such as
    // that of the files' follower, never reads that container's output again: that is marked, and tested
    // in dogi-docker; here everything is to be complete.
    place.follows_on(&submitted[2], before["file_data"]).await;
    random.moment(1000, 2000).await;
    // And by a crash, with the server away as well for a while.
    let held = place.hold(&submitted).await;
    place.daemon.kill();
    held.go_on();
    random.moment(0, 500).await;
    place.dogi.begin_again();
    random.moment(0, 500).await;
    place.daemon.start_again().await.expect("it comes back");
    place.dogi.listening().await;
    Job::go(&place.engine(), &place.dogi.namespace);
    place.dogi.idle(TO_END).await;
    for job in &submitted[..3] {
        job.assert_complete(&place.dogi).await;
    }
    submitted[3].assert_complete_or_marked(&place.dogi).await;
    for (at, output, follower) in followers {
        let seen = follower.finish(TO_END).await;
        submitted[at]
            .assert_followed(&place.dogi, output, &seen)
            .await;
    }
    let engine = place.engine();
    assert_nothing_left(&place.dogi, &engine, &Volumes::default(), 1, &submitted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_it_jobs_are_lost_and_keep_what_they_printed() {
    let mut place = Place::new(false).await;
    let job = |id, before| Job {
        before,
        ..Job::new(&place.path, id, 10_000, "0.1")
    };
    let mut jobs = vec![
        job("deaf", "trap '' TERM;"),
        // They are asked to end before they are made to: it looks as if they had wanted to.
        job("polite", "trap 'exit 0' TERM;"),
        job("angry", "trap 'exit 3' TERM;"),
    ];
    jobs[0].file = true;
    jobs[1].tty = true;
    let lost = place.submit(&jobs).await;
    let over = place.submit(&[Job::new(&place.path, "over", 3, "0")]).await;
    over[0].ends(&place.dogi, TO_END).await;
    let follower = Follower::start(&place.dogi, &lost[2].output("log"));

    place.daemon.stop().await.expect("it stops");
    place.daemon.start_again().await.expect("it comes back");
    place.dogi.idle(TO_END).await;
    for job in &lost {
        let found = job.assert_lost(&place.dogi).await;
        assert!(found.values().all(|lines| *lines > 0), "{found:?}");
    }
    over[0].assert_complete(&place.dogi).await;
    let seen = follower.finish(TO_END).await;
    lost[2].assert_followed(&place.dogi, "log", &seen).await;

    let again = place
        .submit(&[Job::new(&place.path, "again", 3, "0")])
        .await;
    place.dogi.idle(TO_END).await;
    again[0].assert_complete(&place.dogi).await;
    let all: Vec<_> = lost.into_iter().chain(over).chain(again).collect();
    let engine = place.engine();
    assert_nothing_left(&place.dogi, &engine, &Volumes::default(), 1, &all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_crashes_without_it_loses_jobs_the_server_being_away_too() {
    let mut place = Place::new(false).await;
    for server_too in [false, true] {
        let id = if server_too { "both" } else { "daemon" };
        let job = Job::new(&place.path, id, 10_000, "0.1");
        let lost = place.submit(&[job]).await;
        let held = place.hold(&lost).await;
        if server_too {
            place.dogi.kill();
        }
        place.daemon.kill();
        held.go_on();
        place.daemon.start_again().await.expect("it comes back");
        if server_too {
            place.dogi.restart().await;
        }
        place.dogi.idle(TO_END).await;
        let found = lost[0].assert_lost(&place.dogi).await;
        assert!(found.values().all(|lines| *lines > 0), "{found:?}");
    }
}
