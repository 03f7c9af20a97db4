//! Kills the server at random moments: no job, no line, no callback is lost, and nothing is left.

use std::{collections::BTreeMap, time::Duration};

use dogi_testkit::{
    git::Fault,
    receiver::{Answer, Receiver},
    wait,
};
use serde_json::Value;

use crate::harness::{
    Dogi, Engine, Follower, Job, PROGRAM, Random, Repos, Submitted, Volumes, assert_nothing_left,
    moment, of_namespace,
};

/// How often the server is killed.
const KILLS: usize = 10;
/// Fewer than jobs: some wait while the server is killed.
const RUNNING: usize = 6;
/// Long enough for everything to end on a busy machine.
const TO_END: Duration = Duration::from_secs(120);

/// Two servers of repositories: one answers at once, the other after a while.
struct Sources {
    quick: Repos,
    slow: Repos,
    /// Paths of run URLs: an image that is built at once, one that takes its time, one whose
    /// repository takes its time.
    paths: [String; 3],
}

impl Sources {
    async fn start(unique: &str) -> Self {
        let (mut quick, mut slow) = (Repos::start().await, Repos::start().await);
        let unique = format!("ENV TEST={unique}\n");
        let plain = quick.add("plain.git", &format!("{unique}VOLUME /kept\n"));
        let building = quick.add("building.git", &format!("{unique}RUN sleep 3\n"));
        let cloning = slow.add("cloning.git", &format!("{unique}ENV SLOW=1\n"));
        slow.server
            .set_fault(Fault::Delay(Duration::from_millis(700)));
        Self {
            quick,
            slow,
            paths: [plain, building, cloning],
        }
    }
}

/// Twenty jobs, short and long ones, of every kind.
fn jobs(paths: &[String; 3], callback: &str) -> Vec<Job> {
    let [plain, building, cloning] = paths;
    (0..20)
        .map(|number| {
            let id = format!("job{number}");
            let path = match number {
                1 | 9 => building,
                2 | 10 | 17 => cloning,
                _ => plain,
            };
            let (lines, pause) = match number % 5 {
                0 => (200, "0.05"),
                1 => (3, "0.01"),
                2 => (60, "0.05"),
                3 => (30, "0.2"),
                _ => (500, "0"),
            };
            Job {
                tty: number % 4 == 3,
                file: number % 3 == 0,
                code: [0, 0, 3, 0, 77][number % 5],
                callback: (number % 4 == 1).then(|| format!("{callback}/{id}")),
                ..Job::new(path, &id, lines, pause)
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_survive_ten_kills() {
    let random = Random::new();
    let mut receiver = Receiver::start().await.expect("a receiver");
    // Slow enough for a crash between the question and the answer.
    receiver.always(Answer::status(200).after(Duration::from_millis(400)));
    let running = RUNNING.to_string();
    let mut dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("MAX_RUNNING", &running),
        ("CB_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ])
    .await;
    let sources = Sources::start(&dogi.namespace).await;
    // From now on this image is there: the first kill is to meet containers.
    let first = Job::new(&sources.paths[0], "first", 1, "0")
        .submit(&dogi)
        .await;
    dogi.idle(TO_END).await;

    let mut to_submit = jobs(&sources.paths, &receiver.url("")).into_iter();
    let mut submitted = vec![first];
    for job in to_submit.by_ref().take(16) {
        submitted.push(job.submit(&dogi).await);
    }
    let followers: Vec<_> = followers(&dogi, &submitted);
    let tail = Tail::start(&dogi, &submitted[4]);

    let mut volumes = Volumes::default();
    for kill in 0..KILLS {
        if kill % 2 == 0 {
            // Long enough to answer, and to be in the middle of something.
            dogi.listening().await;
            some_run(&dogi).await;
            if let Some(job) = to_submit.next() {
                submitted.push(job.submit(&dogi).await);
            }
            random.moment(50, 1500).await;
        } else {
            // Perhaps before it answers.
            random.moment(0, 250).await;
        }
        dogi.kill();
        let there = Engine::default().running(&of_namespace(&dogi.namespace));
        assert!(there.len() <= RUNNING, "too many at once: {there:?}");
        volumes.look(&Engine::default(), &dogi.namespace);
        dogi.begin_again();
    }
    assert_eq!(submitted.len(), 21);
    dogi.listening().await;
    dogi.idle(TO_END).await;

    for submitted in &submitted {
        submitted.assert_complete(&dogi).await;
    }
    assert_history(&dogi, &submitted).await;
    assert_called_back(&mut receiver, &submitted);
    for (at, output, follower) in followers {
        let seen = follower.finish(TO_END).await;
        submitted[at].assert_followed(&dogi, output, &seen).await;
    }
    tail.assert_complete(&submitted[4]);
    assert!(volumes.len() > 0, "some had volumes");
    assert_nothing_left(&dogi, &Engine::default(), &volumes, 3, &submitted).await;
    assert!(sources.slow.server.fetches() > 0 && sources.quick.server.fetches() > 0);
}

/// Waits until there is a job to be in the middle of.
async fn some_run(dogi: &Dogi) {
    wait::until("a container to run", || async {
        let running = Engine::default().running(&of_namespace(&dogi.namespace));
        (!running.is_empty()).then_some(())
    })
    .await
    .expect("jobs are under way");
}

/// Followers of every log without a terminal, and of every file.
fn followers(dogi: &Dogi, submitted: &[Submitted]) -> Vec<(usize, &'static str, Follower)> {
    let mut followers = Vec::new();
    for (at, submitted) in submitted.iter().enumerate() {
        let mut follow = |output| {
            let follower = Follower::start(dogi, &submitted.output(output));
            followers.push((at, output, follower));
        };
        if !submitted.job.tty {
            follow("log");
        }
        if submitted.job.file {
            follow("file_data");
        }
    }
    followers
}

/// `dogi tail`, the program itself.
struct Tail {
    child: Option<std::process::Child>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It has ended already, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Tail {
    fn start(dogi: &Dogi, submitted: &Submitted) -> Self {
        let mut command = std::process::Command::new(PROGRAM);
        command
            .args(["tail", "--quiet", &dogi.url(&submitted.output("log"))])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        Self {
            child: Some(command.spawn().expect("it starts")),
        }
    }

    /// It printed every line once, and ended with the exit code of the job.
    fn assert_complete(mut self, submitted: &Submitted) {
        let child = self.child.take().expect("it was not waited for");
        let ended = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
        let code = i32::try_from(submitted.job.code).expect("a small code");
        assert_eq!(ended.status.code(), Some(code), "{errors}");
        let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
        let mut expected = String::new();
        for line in 1..=submitted.job.lines {
            expected += &format!("o {line}\r\ne {line}\r\n");
        }
        assert_eq!(printed, expected);
    }
}

/// All runs are in the history, none twice, and those of one repository began in their order.
async fn assert_history(dogi: &Dogi, submitted: &[Submitted]) {
    let page = dogi.get("/runs?limit=100").await.json();
    let runs = page["runs"].as_array().expect("a list");
    let mut found: Vec<_> = runs.iter().map(|run| run["run"].as_str()).collect();
    found.reverse();
    let expected: Vec<_> = submitted.iter().map(|it| Some(it.run.as_str())).collect();
    assert_eq!(found, expected, "the history is whole and in order");
    let mut by_repository: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (run, submitted) in runs.iter().rev().zip(submitted) {
        let [queued, started, finished] =
            ["queued_at", "started_at", "finished_at"].map(|name| moment(run, name));
        assert!(queued <= started && started <= finished, "{run:#}");
        let starts = by_repository.entry(&submitted.job.path).or_default();
        starts.push((started, starts.len()));
    }
    for (path, mut starts) in by_repository {
        starts.sort();
        // Those that are let in together are recorded in any order, and a crash in between lets
        // some of them wait again: nobody is passed by more than that.
        let kept = |(rank, (_, place)): (usize, &(_, usize))| rank.abs_diff(*place) < RUNNING;
        assert!(starts.iter().enumerate().all(kept), "{path}: {starts:?}");
    }
}

/// Every callback that was promised came, and when it came again, under the same id.
fn assert_called_back(receiver: &mut Receiver, submitted: &[Submitted]) {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for request in receiver.drain() {
        let id = request.header("webhook-id").expect("an id").to_owned();
        let known = ids.entry(request.path().to_owned()).or_insert(id.clone());
        assert_eq!(*known, id, "{}: the id stays the same", request.path());
        let told: Value = request.json();
        let job = submitted
            .iter()
            .find(|it| format!("/{}", it.job.id) == request.path())
            .expect("it is of one of the jobs");
        assert_eq!(told["run"], *job.run);
        assert_eq!(told["exit_code"], job.job.code, "{told:#}");
    }
    let promised = submitted.iter().filter(|it| it.job.callback.is_some());
    for job in promised {
        let path = format!("/{}", job.job.id);
        assert!(ids.remove(&path).is_some(), "{path} was not called");
    }
    assert!(ids.is_empty(), "nobody asked for {ids:?}");
}
