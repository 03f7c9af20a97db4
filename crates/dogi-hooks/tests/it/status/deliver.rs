//! Against forges that are played on loopback.

use std::{sync::Arc, time::Duration};

use dogi_egress::{EgressPolicy, Guard, Http, HttpOptions};
use dogi_hooks::{
    Cancelled, Next, Outcome, Patience,
    forge::Forge,
    incoming::Secret,
    status::{
        CommitState, CommitStatus, Description, StatusApi, StatusSender, StatusSenderOptions,
    },
};
use dogi_testkit::{
    forges::{self, Fault, Kind},
    proc::free_port,
    receiver::{Answer, Receiver},
    silent,
};
use tokio_util::sync::CancellationToken;

use super::{COMMIT, TOKEN, api, status};

const PLAYED: [(Kind, Forge); 4] = [
    (Kind::GitHub, Forge::GitHub),
    (Kind::Gitea, Forge::Gitea),
    (Kind::Gitea, Forge::Forgejo),
    (Kind::GitLab, Forge::GitLab),
];

/// As the operator's policy is by default, but for the hosts that were named.
fn sender(apis: &[&StatusApi], options: StatusSenderOptions) -> StatusSender {
    let policy = apis.iter().fold(EgressPolicy::default(), |policy, api| {
        policy.exempt(api.host())
    });
    let http = Http::new(Guard::new(Arc::new(policy)), HttpOptions::default()).unwrap();
    StatusSender::new(&http, options).unwrap()
}

async fn tell(api: &StatusApi, status: &CommitStatus) -> Outcome {
    sender(&[api], StatusSenderOptions::default())
        .attempt(api, status, &CancellationToken::new())
        .await
        .unwrap()
}

/// As the default, in a thousandth of the time.
fn hasty() -> Patience {
    Patience {
        first_delay: Duration::from_millis(10),
        longest_delay: Duration::from_millis(100),
        ..Patience::default()
    }
}

#[tokio::test]
async fn every_forge_takes_every_state() {
    for (kind, forge) in PLAYED {
        let repo = match kind {
            Kind::GitLab => "group/sub/app",
            _ => "acme/app",
        };
        let played = forges::Forge::start(kind, TOKEN, &[repo]).await.unwrap();
        let api = api(forge, &played.api());
        for state in CommitState::ALL {
            let mut status = status(repo, state);
            status.description = Description::new(&"word ".repeat(100));
            assert_eq!(tell(&api, &status).await, Outcome::Told, "{forge} {state}");
        }
        let told = played.wait_for(4).await.unwrap();
        let states: Vec<_> = told.iter().map(|told| told.state.as_str()).collect();
        match kind {
            Kind::GitLab => assert_eq!(states, ["pending", "success", "failed", "failed"]),
            _ => assert_eq!(states, ["pending", "success", "failure", "error"]),
        }
        for told in told {
            assert_eq!((told.repo.as_str(), told.commit.as_str()), (repo, COMMIT));
            assert_eq!(told.context, "dogi/tests");
            assert!(told.description.ends_with('…'));
            assert_eq!(
                told.target_url.as_deref(),
                Some("https://ci.example/runs/17?output=log&sig=ab")
            );
        }
    }
}

#[tokio::test]
async fn the_same_once_more_is_told() {
    for (kind, forge) in PLAYED {
        let played = forges::Forge::start(kind, TOKEN, &["acme/app"])
            .await
            .unwrap();
        let api = api(forge, &played.api());
        let pending = status("acme/app", CommitState::Pending);
        played.once(Fault::TakeAndClose);
        let lost = tell(&api, &pending).await;
        assert!(
            matches!(lost, Outcome::Retry { after: None, .. }),
            "{lost:?}"
        );
        assert_eq!(tell(&api, &pending).await, Outcome::Told, "{forge}");
        let success = status("acme/app", CommitState::Success);
        assert_eq!(tell(&api, &success).await, Outcome::Told);
        assert_eq!(played.told().last().unwrap().state, "success");
    }
}

#[tokio::test]
async fn refusals_say_why_and_no_token() {
    for (kind, forge) in PLAYED {
        let played = forges::Forge::start(kind, "another", &["acme/app"])
            .await
            .unwrap();
        let api = api(forge, &played.api());
        let refused = tell(&api, &status("acme/app", CommitState::Success)).await;
        let text = refused.to_string();
        assert!(matches!(refused, Outcome::Refused { .. }), "{text}");
        assert!(
            text.contains("401: Bad credentials: ") && text.contains("***"),
            "{text}"
        );
        assert!(!text.contains(TOKEN), "{text}");

        let right = StatusApi::new(forge, played.api().parse().unwrap(), Secret::new("another"));
        let refused = tell(&right.unwrap(), &status("acme/other", CommitState::Success)).await;
        assert!(refused.to_string().contains("answered 404: "), "{refused}");
        assert!(played.told().is_empty());
    }
}

#[tokio::test]
async fn limits_are_kept() {
    let played = forges::Forge::start(Kind::GitHub, TOKEN, &["acme/app"])
        .await
        .unwrap();
    let api = api(Forge::GitHub, &played.api());
    let far = 32_503_680_000;
    let cases = [
        (Fault::RetryAfter(403, 7), Some(7)),
        (Fault::RetryAfter(429, 9), Some(9)),
        (Fault::Status(502), None),
    ];
    for (fault, wanted) in cases {
        played.once(fault.clone());
        match tell(&api, &status("acme/app", CommitState::Success)).await {
            Outcome::Retry { after, .. } => assert_eq!(after, wanted.map(Duration::from_secs)),
            other => panic!("{fault:?}: {other:?}"),
        }
    }
    played.once(Fault::LimitUntil(far));
    match tell(&api, &status("acme/app", CommitState::Success)).await {
        Outcome::Retry {
            after: Some(after), ..
        } => assert!(after > Duration::from_secs(1 << 32)),
        other => panic!("{other:?}"),
    }
    assert!(played.told().is_empty());
}

#[tokio::test]
async fn a_forge_that_has_a_bad_time_hears_of_it_in_the_end() {
    let played = forges::Forge::start(Kind::Gitea, TOKEN, &["acme/app"])
        .await
        .unwrap();
    played
        .once(Fault::Status(500))
        .once(Fault::Status(503))
        .once(Fault::TakeAndClose)
        .once(Fault::RetryAfter(429, 0));
    let api = api(Forge::Gitea, &played.api());
    let mut heard = Vec::new();
    let tried = sender(&[&api], StatusSenderOptions::default())
        .deliver(
            &api,
            &status("acme/app", CommitState::Failure),
            &hasty(),
            &CancellationToken::new(),
            |outcome, next| heard.push((outcome.clone(), next)),
        )
        .await
        .unwrap();
    assert_eq!((tried.attempts, tried.last), (5, Outcome::Told));
    assert_eq!(played.requests(), 5);
    assert_eq!(heard[4], (Outcome::Told, Next::Stop));
    assert_eq!(
        heard[0].0.to_string(),
        "not now: Gitea answered 500: out of order"
    );
    assert!(matches!(heard[3].1, Next::RetryAfter(wait) if wait >= Duration::from_secs(1)));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut elsewhere = Receiver::start().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    receiver.always(Answer::redirect(307, &elsewhere.url("/")));
    let api = api(Forge::GitHub, &receiver.url(""));
    let refused = tell(&api, &status("acme/app", CommitState::Success)).await;
    assert_eq!(
        refused.to_string(),
        "refused: GitHub answered 307, a redirect, which is not followed"
    );
    assert!(elsewhere.try_next().is_none());
}

#[tokio::test]
async fn only_hosts_that_the_operator_named_are_free() {
    let mut receiver = Receiver::start().await.unwrap();
    let api = api(Forge::GitHub, &receiver.url(""));
    let told = sender(&[], StatusSenderOptions::default())
        .attempt(
            &api,
            &status("acme/app", CommitState::Success),
            &CancellationToken::new(),
        )
        .await;
    let refused = told.unwrap();
    assert!(
        matches!(&refused, Outcome::Refused { reason } if reason.contains("may not be reached"))
    );
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn forges_that_are_not_there_or_never_answer() {
    let nobody = api(
        Forge::GitHub,
        &format!("http://127.0.0.1:{}", free_port().unwrap()),
    );
    let success = status("acme/app", CommitState::Success);
    let outcome = tell(&nobody, &success).await;
    assert!(
        matches!(&outcome, Outcome::Retry { after: None, reason } if reason.contains("cannot connect"))
    );

    let silent = silent::Server::start().await.unwrap();
    let hanging = api(Forge::GitHub, &silent.url(""));
    let options = StatusSenderOptions {
        timeout: Duration::from_millis(300),
        ..StatusSenderOptions::default()
    };
    let sender = sender(&[&hanging], options);
    let outcome = sender
        .attempt(&hanging, &success, &CancellationToken::new())
        .await;
    assert_eq!(
        outcome.unwrap().to_string(),
        "not now: no whole answer within 300ms"
    );

    let token = CancellationToken::new();
    let patience = hasty();
    let sending = sender.deliver(&hanging, &success, &patience, &token, |_, _| token.cancel());
    assert_eq!(sending.await, Err(Cancelled));
}

#[tokio::test]
async fn answers_without_end_are_cut_off() {
    let receiver = Receiver::start().await.unwrap();
    let endless = "HTTP/1.1 422 Unprocessable\r\n\r\n".to_owned() + &"x".repeat(1024 * 1024);
    receiver.always(Answer::raw_then_hang(endless));
    let api = api(Forge::GitHub, &receiver.url(""));
    let refused = tell(&api, &status("acme/app", CommitState::Success)).await;
    assert_eq!(refused.to_string(), "refused: GitHub answered 422");
}
