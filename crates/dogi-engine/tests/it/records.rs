//! Records as they are written down: what any version wrote is read for ever.

use std::{collections::BTreeMap, path::PathBuf};

use dogi_engine::{
    ports::{Record, Submission},
    store::codec::{CodecError, Written, decode, encode},
};
use dogi_graph::{ContainerNode, EnvValue, NodeWork, Plan, PlannedNode, Selection, VolumeSource};
use dogi_job::{
    CallbackExchange, CallbackRequest, CallbackResponse, Compose, ComposeAllow, ComposeTest, Event,
    Failure, FailureKind, HostCommand, Local, MailOn, MailReport, NodeEvent, Origin, Phase, Report,
    SecretName, Spec, StatusReport, StopCause, Submit, Workspace,
};
use dogi_url::{Commit, ContainerPath, EnvName, ImageRef, Namespace, NodeName};
use serde_json::{Value, json};

use crate::fakes::spec;

fn commit() -> Commit {
    Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34").expect("a commit")
}

fn exchange(response: Option<u16>, error: Option<&str>) -> CallbackExchange {
    CallbackExchange {
        request: CallbackRequest {
            url: "https://example.com/cb?a=b".to_owned(),
            method: "POST".to_owned(),
            data: json!({"id": "x", "output": {"log": {"url": "/output/x/log"}}}),
        },
        response: response.map(|status| CallbackResponse {
            status,
            data: json!(["not", {"an": "object"}]),
        }),
        error: error.map(str::to_owned),
    }
}

fn stop(cause: StopCause) -> Event {
    Event::StopRequested { cause }
}

fn failed(phase: Phase, kind: FailureKind) -> Event {
    let message = "the branch \"nope\" does not exist";
    Event::Failed {
        failure: Failure::new(phase, kind, message),
    }
}

fn run_of(spec: Spec) -> Record {
    Record::Submitted(Submission {
        how: Submit::Run,
        spec: Box::new(spec),
    })
}

fn container_of_an_event() -> Spec {
    let path = |path| ContainerPath::new(path).expect("a path");
    Spec {
        workspace: Some(Workspace {
            path: path("/hello"),
            directory: path("/hello/sub"),
        }),
        event_path: Some(path("/github/workflow/event.json")),
        keep: true,
        reports: vec![
            Report::Status(StatusReport {
                forge: "git.example:3000".to_owned(),
                repo: "o/r".to_owned(),
                commit: Some(commit()),
                context: "dogi/test".to_owned(),
            }),
            Report::Mail(MailReport {
                to: vec!["a@example.com".to_owned()],
                on: MailOn::Failure,
                repo: "o/r".to_owned(),
                commit: Some(commit()),
                branch: Some("main".to_owned()),
                subject: Some("mend it".to_owned()),
                author: None,
            }),
        ],
        ..spec("image=alpine:3&cmd=make")
    }
}

fn compose_of_an_event() -> Spec {
    Spec {
        origin: Origin::Local(Local::Compose(Compose {
            file: "docker-compose.yml".to_owned(),
            test: ComposeTest::Service("tests".to_owned()),
            push: true,
            allow: ComposeAllow {
                host_binds: true,
                ..ComposeAllow::default()
            },
        })),
        ..spec("action=run")
    }
}

fn local_of_an_event() -> Spec {
    let words = ["make", "test"].map(str::to_owned);
    Spec {
        origin: Origin::Local(Local::Command(words.into())),
        ..spec("action=run")
    }
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name of a node")
}

fn variable(name: &str) -> EnvName {
    EnvName::new(name).expect("a name of a variable")
}

/// A node with nothing that it can do without.
fn plain_node() -> ContainerNode {
    ContainerNode {
        image: ImageRef::new("alpine:3").expect("an image"),
        run: "cat /code/VERSION".to_owned(),
        dir: None,
        env: BTreeMap::new(),
        volumes: [VolumeSource::Code].into(),
        on: None,
        no_log: false,
        never_fail: false,
    }
}

/// A node with everything that one can have.
fn full_node() -> ContainerNode {
    ContainerNode {
        dir: Some(ContainerPath::new("/srv").expect("a path")),
        env: [
            (variable("VERSION"), EnvValue::Output(node("version"))),
            (variable("TOKEN"), EnvValue::Outside(variable("token"))),
        ]
        .into(),
        volumes: [VolumeSource::Code, VolumeSource::Node(node("version"))].into(),
        on: Some(VolumeSource::Node(node("version"))),
        no_log: true,
        never_fail: true,
        ..plain_node()
    }
}

/// A plan with every kind of node.
fn plan() -> Plan {
    let container = |node| NodeWork::Container(Box::new(node));
    let nodes = [
        ("version", vec![], container(plain_node())),
        ("deploy", vec!["version", "token"], container(full_node())),
        ("token", vec![], NodeWork::Variable(variable("token"))),
        ("all", vec!["deploy"], NodeWork::Join),
    ];
    let nodes = nodes.map(|(name, after, work)| {
        let after = after.into_iter().map(node).collect();
        (node(name), PlannedNode { after, work })
    });
    Plan {
        nodes: nodes.into(),
    }
}

fn of_node(happened: NodeEvent) -> Event {
    Event::Node {
        node: node("deploy"),
        happened,
    }
}

fn graph_events() -> [(&'static str, Event); 5] {
    let message = "no such image";
    [
        (
            "planned-1",
            Event::Planned {
                plan: Box::new(plan()),
            },
        ),
        (
            "node-1-built",
            of_node(NodeEvent::Built {
                image: format!("sha256:{}", "0".repeat(64)),
                reused: true,
            }),
        ),
        (
            "node-1-started",
            of_node(NodeEvent::Started {
                container: "c".repeat(64),
            }),
        ),
        (
            "node-1-exited",
            of_node(NodeEvent::Exited {
                code: 137,
                out_of_memory: true,
            }),
        ),
        (
            "node-1-failed",
            of_node(NodeEvent::Failed {
                failure: Failure::new(Phase::Build, FailureKind::Build, message),
            }),
        ),
    ]
}

fn graph_submissions() -> [(&'static str, Record); 6] {
    let graph = |selection| Spec {
        origin: Origin::Graph(selection),
        ..spec("action=run")
    };
    let secret = SecretName::parse("github.com/o/r#DEPLOY_KEY").expect("a name");
    let with_all = Spec {
        outside: [(variable("HOME"), "/home/me".to_owned())].into(),
        secrets: [(variable("DEPLOY_KEY"), secret)].into(),
        ..graph(Selection::Nodes(vec![node("deploy"), node("lint")]))
    };
    let touched = vec!["src/main.rs".to_owned()];
    let of_a_terminal = Spec {
        outside: [(variable("HOME"), "/home/me".to_owned())].into(),
        ..spec("action=run")
    };
    let of_a_stranger = Spec {
        stranger: true,
        public_image: true,
        ..spec("action=run&image=alpine:3")
    };
    [
        ("submitted-4-graph", with_all),
        ("submitted-4-graph-all", graph(Selection::All)),
        (
            "submitted-4-graph-touched",
            graph(Selection::Touched(touched)),
        ),
        ("submitted-4-graph-triggered", graph(Selection::Triggered)),
        ("submitted-4-outside", of_a_terminal),
        ("submitted-4-public_image", of_a_stranger),
    ]
    .map(|(name, spec)| (name, run_of(spec)))
}

/// An example of every record, by the name of its golden file.
fn examples() -> BTreeMap<&'static str, Record> {
    let submitted = |how: Submit, params: &str| {
        Record::Submitted(Submission {
            how,
            spec: Box::new(spec(params)),
        })
    };
    let lost = "engine stopped: its container is gone".to_owned();
    let events = [
        ("admitted-1", Event::Admitted),
        ("resumed-1", Event::Resumed),
        (
            "checked_out-1",
            Event::CheckedOut {
                commit: Some(commit()),
                revision: Some("main".to_owned()),
            },
        ),
        (
            "checked_out-1-work_tree",
            Event::CheckedOut {
                commit: None,
                revision: None,
            },
        ),
        (
            "built-1",
            Event::Built {
                image: format!("sha256:{}", "0".repeat(64)),
                reused: true,
            },
        ),
        (
            "started-1",
            Event::Started {
                container: "c".repeat(64),
            },
        ),
        (
            "exited-1",
            Event::Exited {
                code: 137,
                out_of_memory: true,
            },
        ),
        ("failed-1", failed(Phase::Checkout, FailureKind::Source)),
        ("failed-1-build", failed(Phase::Build, FailureKind::Build)),
        ("failed-1-start", failed(Phase::Run, FailureKind::Start)),
        (
            "failed-1-callback",
            failed(Phase::Callback, FailureKind::Internal),
        ),
        ("stop_requested-1-abort", stop(StopCause::Abort)),
        ("stop_requested-1-disconnect", stop(StopCause::Disconnect)),
        ("stop_requested-1-superseded", stop(StopCause::Superseded)),
        ("stop_requested-1-replaced", stop(StopCause::Replaced)),
        (
            "stop_requested-1-timed_out",
            stop(StopCause::TimedOut { limit_ms: 90_000 }),
        ),
        (
            "stop_requested-1-lost",
            stop(StopCause::Lost { reason: lost }),
        ),
        (
            "attempted-1",
            Event::Attempted {
                exchange: exchange(Some(204), None),
                accepted: true,
                retry_in_ms: None,
            },
        ),
        (
            "attempted-1-refused",
            Event::Attempted {
                exchange: exchange(None, Some("connection refused")),
                accepted: false,
                retry_in_ms: Some(1500),
            },
        ),
        ("cleaned_up-1", Event::CleanedUp),
        (
            "cleanup_failed-1",
            Event::CleanupFailed {
                message: "no Docker engine can be reached".to_owned(),
            },
        ),
    ];
    let everything = "id=i&ref=main&df=sub/Dockerfile&context=sub&target=t&build_arg_A=b\
        &platform=linux/amd64&git_dir=true&bashc=echo%20hi&env_A=b&file_data=/data.jsonl&tty=false\
        &timeout=90s&memory=512m&cpus=0.5&group=g&group_policy=replace\
        &cb=https://example.com/cb&cb_on=always&rebuild=true";
    let command = HostCommand {
        name: "deploy".to_owned(),
        running: 2,
        queued: 100,
    };
    let command = Record::Submitted(Submission {
        how: Submit::Beside,
        spec: Box::new(Spec::of_command(&Namespace::default(), command)),
    });
    let submissions = [
        ("submitted-2-command", command),
        ("submitted-3-event", run_of(container_of_an_event())),
        ("submitted-3-compose", run_of(compose_of_an_event())),
        ("submitted-3-local", run_of(local_of_an_event())),
        ("submitted-1", submitted(Submit::Run, "action=run")),
        (
            "submitted-1-everything",
            submitted(Submit::Restart, everything),
        ),
        (
            "submitted-1-image",
            submitted(Submit::Run, "image=alpine:3&cmd=make%20test&tty=true"),
        ),
    ];
    events
        .into_iter()
        .chain(graph_events())
        .map(|(name, event)| (name, Record::Event(event)))
        .chain(submissions)
        .chain(graph_submissions())
        .collect()
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/records")
        .join(format!("{name}.json"))
}

fn read_golden(path: &std::path::Path) -> Written {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_slice(&text).expect("JSON");
    Written {
        kind: file["kind"].as_str().expect("a kind").to_owned(),
        version: u32::try_from(file["version"].as_u64().expect("a version")).expect("small"),
        body: file["body"].to_string().into_bytes(),
    }
}

/// A file that is missing is made, for the one who adds a record to look at and to commit; one that
/// is there is never changed.
#[test]
fn every_record_reads_and_writes_as_its_golden_file_says() {
    for (name, record) in examples() {
        let path = golden(name);
        let written = encode(&record).expect("it can be written");
        let body: Value = serde_json::from_slice(&written.body).expect("JSON");
        if !path.exists() {
            let file = json!({"kind": written.kind, "version": written.version, "body": body});
            let text = serde_json::to_string_pretty(&file).expect("JSON") + "\n";
            std::fs::write(&path, text).expect("a place for it");
            panic!("{} is new: look at it, then commit it", path.display());
        }
        let kept = read_golden(&path);
        let kept_body: Value = serde_json::from_slice(&kept.body).expect("JSON");
        assert_eq!(
            (&written.kind, written.version, &body),
            (&kept.kind, kept.version, &kept_body),
            "{name} is written otherwise than before: it needs a new version"
        );
        let read = decode(&kept.kind, kept.version, &kept.body).expect("it can be read");
        assert_eq!(read, record, "{name}");
    }
}

#[test]
fn every_golden_file_of_any_version_is_read() {
    let directory = golden("x");
    let directory = directory.parent().expect("a directory");
    let mut kinds = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(directory).expect("the golden files") {
        let path = entry.expect("an entry").path();
        let written = read_golden(&path);
        let read = decode(&written.kind, written.version, &written.body);
        read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        kinds.insert(written.kind);
    }
    let wanted = Event::KINDS.iter().copied().chain(["submitted"]);
    for kind in wanted {
        assert!(kinds.contains(kind), "there is no golden file of {kind}");
    }
}

#[test]
fn what_a_later_version_wrote_is_told_apart_from_damage() {
    let unknown = [("admitted", 2), ("teleported", 1), ("submitted", 7)];
    for (kind, version) in unknown {
        let error = decode(kind, version, b"{}").expect_err("not known");
        assert!(matches!(error, CodecError::Unknown { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(kind) && text.contains(&version.to_string()),
            "{text}"
        );
    }
    let damaged: [(&str, &[u8]); 4] = [
        ("submitted", b"{}"),
        ("exited", br#"{"code": "0"}"#),
        ("built", b"[]"),
        ("started", b"\xff"),
    ];
    for (kind, body) in damaged {
        let error = decode(kind, 1, body).expect_err("damaged");
        assert!(
            matches!(error, CodecError::Damaged { .. }),
            "{kind}: {error}"
        );
    }
}
