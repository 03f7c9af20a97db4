//! What probes see while there is much to do.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::server::{RUN, Server};
use crate::within;

const FOLLOWERS: usize = 2000;
/// Requests of a second for the list of jobs.
const LISTS: u32 = 100;
const TIME: Duration = Duration::from_secs(3);

/// Both ends of every connection are files of this process.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a process may go to its own maximum");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_within_a_second_under_load() {
    raise_file_limit();
    let server = Server::start().await;
    let (container, _, _first) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let followers = (0..FOLLOWERS).map(|_| async {
        let mut client = server.send("GET", RUN, &[]).await;
        assert_eq!(client.head().await.status, 200);
        client
    });
    let followers = join_all(followers).await;

    let until = Instant::now() + TIME;
    let printing = async {
        let mut ticks = interval(Duration::from_millis(100));
        while Instant::now() < until {
            ticks.tick().await;
            container.print("a line that everybody gets\n");
        }
    };
    let listing = async {
        let mut ticks = interval(Duration::from_secs(1) / LISTS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut asked = Vec::new();
        while Instant::now() < until {
            ticks.tick().await;
            asked.push(server.get("/jobs"));
            if asked.len() == 10 {
                for answer in join_all(asked.drain(..)).await {
                    assert_eq!(answer.status, 200);
                }
            }
        }
    };
    let probing = async {
        let (mut probes, mut longest) = (0, Duration::ZERO);
        while Instant::now() < until {
            let began = Instant::now();
            assert_eq!(server.get("/healthz").await.text(), "ok\n");
            longest = longest.max(began.elapsed());
            probes += 1;
        }
        (probes, longest)
    };
    let ((), (), (probes, longest)) = tokio::join!(printing, listing, probing);
    assert!(longest < Duration::from_secs(1), "{longest:?} of {probes}");

    container.end(0);
    for answer in join_all(followers.into_iter().map(|client| client.answer())).await {
        assert!(answer.complete);
    }
}

#[tokio::test]
async fn a_silent_engine_is_not_ready_and_holds_nobody_up() {
    let server = Server::start().await;
    server.theatre.docker_is_silent();
    let began = Instant::now();
    let answers = join_all((0..50).map(|_| server.get("/readyz"))).await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    for answer in answers {
        assert_eq!(
            answer.problem(503),
            "the Docker engine does not answer in time"
        );
        let json = answer.json();
        assert_eq!(json["ready"], false);
        assert_eq!(json["database"], "ok");
        assert_eq!(json["docker"], "the Docker engine does not answer in time");
        assert_eq!(answer.header("retry-after"), "10");
    }
    assert_eq!(server.theatre.asked(), 1, "asked once for all");
    assert_eq!(within(server.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_ready_says_of_what() {
    let server = Server::start().await;
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status, 200);
    let wanted = serde_json::json!({
        "ready": true, "docker": "ok", "database": "ok", "running": 0, "queued": 0,
    });
    assert_eq!(answer.json(), wanted);
}
