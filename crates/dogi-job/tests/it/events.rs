//! Specs and events that several tests need.

use dogi_job::{
    CallbackExchange, CallbackRequest, CallbackResponse, Effect, Event, Failure, FailureKind,
    Phase, Run, RunId, Spec, StopCause, UnixMillis,
};
use dogi_url::{Commit, InstanceId, Namespace, RawTarget, RepoUrl, RunRequest, Unverified};
use proptest::prelude::*;
use serde_json::json;

use crate::graph::{any_node_event, planned, small_plan};

pub(crate) fn at(ms: u64) -> UnixMillis {
    UnixMillis(ms)
}

pub(crate) fn spec() -> Spec {
    let repo = RepoUrl::from_clone_url("https://github.com/o/r.git").expect("a valid URL");
    Spec::new(InstanceId::new(&Namespace::default(), &repo, None), repo)
}

/// A spec as a URL with these parameters gives it.
pub(crate) fn spec_of(params: &str) -> Spec {
    let target = format!("/https/github.com/o/r.git?action=run&{params}");
    let raw = RawTarget::split(&target).expect("a valid target");
    let verified = Unverified::new(raw)
        .danger_accept_unsigned()
        .expect("no signature is needed");
    let request = RunRequest::parse(&verified, None).expect("valid parameters");
    Spec::from_request(&request, &Namespace::default())
}

pub(crate) fn run(spec: Spec) -> Run {
    Run::new(RunId::from_bytes([1; 16]), spec, at(0))
}

pub(crate) fn commit() -> Commit {
    Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34").expect("a valid commit")
}

pub(crate) fn checked_out() -> Event {
    Event::CheckedOut {
        commit: Some(commit()),
        revision: Some("main".to_owned()),
    }
}

pub(crate) fn built() -> Event {
    Event::Built {
        image: "sha256:1".to_owned(),
        reused: false,
    }
}

pub(crate) fn started() -> Event {
    Event::Started {
        container: "c1".to_owned(),
    }
}

pub(crate) fn exited(code: i64) -> Event {
    Event::Exited {
        code,
        out_of_memory: false,
    }
}

pub(crate) fn failed(phase: Phase) -> Event {
    Event::Failed {
        failure: Failure::new(phase, FailureKind::Build, "it broke"),
    }
}

pub(crate) fn stop(cause: StopCause) -> Event {
    Event::StopRequested { cause }
}

pub(crate) fn attempted(status: u16, retry_in_ms: Option<u64>) -> Event {
    let request = CallbackRequest {
        url: "https://example.com/cb".to_owned(),
        method: "POST".to_owned(),
        data: json!({}),
    };
    let response = Some(CallbackResponse {
        status,
        data: json!("ok"),
    });
    Event::Attempted {
        exchange: CallbackExchange {
            request,
            response,
            error: None,
        },
        accepted: (200..300).contains(&status),
        retry_in_ms,
    }
}

pub(crate) fn feed(run: &mut Run, events: &[Event]) {
    for event in events {
        run.apply(at(10), event);
    }
}

pub(crate) fn wanted(run: &Run, now: u64) -> Vec<Effect> {
    run.wanted(at(now)).effects.into_values().collect()
}

pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Admitted),
        Just(Event::Resumed),
        Just(checked_out()),
        Just(built()),
        Just(started()),
        (0i64..3).prop_map(exited),
        Just(Event::Exited {
            code: 137,
            out_of_memory: true
        }),
        Just(failed(Phase::Build)),
        Just(stop(StopCause::Abort)),
        Just(stop(StopCause::Superseded)),
        Just(stop(StopCause::Replaced)),
        Just(stop(StopCause::Lost {
            reason: "gone".to_owned()
        })),
        Just(attempted(200, None)),
        Just(attempted(503, Some(1))),
        Just(planned(small_plan())),
        any_node_event(),
        Just(Event::CleanedUp),
        Just(Event::CleanupFailed {
            message: "no".to_owned()
        }),
    ]
}
