//! What the next life takes up: after a stop in order, and after a reboot.

use std::time::Duration;

use crate::harness::{
    Dogi, Engine, Follower, Job, Repos, Submitted, Volumes, assert_nothing_left, of_namespace,
};

const TO_END: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_order_leaves_jobs_to_the_next_life_attached_ones_too() {
    let (_repos, path) = Repos::one("").await;
    let mut dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("STOP_GRACE", "1s")]).await;
    let plain = Job {
        file: true,
        ..Job::new(&path, "plain", 100, "0.05")
    };
    let plain = plain.submit(&dogi).await;
    let attached = Job {
        tty: true,
        code: 9,
        ..Job::new(&path, "attached", 100, "0.05")
    };
    let body = dogi.open(&format!("{}&attach=1", attached.target())).await;
    let run = body.headers()["dogi-run"]
        .to_str()
        .expect("text")
        .to_owned();
    let attached = Submitted { job: attached, run };
    let submitted = [plain, attached];
    for job in &submitted {
        job.prints(&dogi, TO_END).await;
    }
    let mut follower = Follower::start(&dogi, &submitted[0].output("log"));
    follower.connected().await;
    assert_eq!(dogi.terminate().await, Some(0), "{}", dogi.process.output());
    let label = of_namespace(&dogi.namespace);
    assert_eq!(Engine::default().running(&label).len(), 2, "they go on");
    drop(body);
    dogi.restart().await;
    dogi.idle(TO_END).await;
    for job in &submitted {
        job.assert_complete(&dogi).await;
    }
    let seen = follower.finish(TO_END).await;
    submitted[0].assert_followed(&dogi, "log", &seen).await;
    assert!(seen.connections > 1, "it was cut off in between");
    assert_nothing_left(
        &dogi,
        &Engine::default(),
        &Volumes::default(),
        1,
        &submitted,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_reboot_jobs_are_lost_and_keep_what_they_printed() {
    let (_repos, path) = Repos::one("").await;
    let variables = [("BYPASS_SIGNATURES", "true"), ("MAX_RUNNING", "2")];
    let mut dogi = Dogi::with(&variables).await;
    let mut jobs = ["one", "two"].map(|id| Job::new(&path, id, 10_000, "0.05"));
    jobs[0].file = true;
    jobs[1].tty = true;
    let mut submitted = Vec::new();
    for job in &jobs {
        let job = job.submit(&dogi).await;
        job.prints(&dogi, TO_END).await;
        submitted.push(job);
    }
    submitted.push(Job::new(&path, "waits", 5, "0.01").submit(&dogi).await);
    let mut follower = Follower::start(&dogi, &submitted[0].output("log"));
    follower.connected().await;
    let mut before = Vec::new();
    for job in &submitted[..2] {
        before.push(job.assert_lines_once(&dogi).await);
    }
    dogi.kill();
    let engine = Engine::default();
    let mut gone = engine.containers(&of_namespace(&dogi.namespace));
    assert_eq!(gone.len(), 2);
    let mut remove: Vec<&str> = vec!["rm", "--force"];
    remove.extend(gone.iter().map(String::as_str));
    engine.docker(&remove);
    gone.clear();
    dogi.restart().await;
    dogi.idle(TO_END).await;
    for (job, before) in submitted.iter().zip(&before) {
        let found = job.assert_lost(&dogi).await;
        for (output, lines) in before {
            assert!(found[output] >= *lines, "{output}: {found:?} {before:?}");
        }
    }
    // The one that waited was not touched by it.
    submitted[2].assert_complete(&dogi).await;
    let seen = follower.finish(TO_END).await;
    submitted[0].assert_followed(&dogi, "log", &seen).await;
    assert_nothing_left(&dogi, &engine, &Volumes::default(), 1, &submitted).await;
}
