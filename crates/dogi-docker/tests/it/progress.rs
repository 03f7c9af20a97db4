//! BuildKit's messages as text: by table, without an engine.

use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning};
use dogi_docker::Progress;

/// `prost_types` is not a dependency: a default timestamp is filled in by hand.
macro_rules! at {
    ($seconds:expr, $nanos:expr) => {{
        let mut vertex = Vertex::default();
        let stamp = vertex.started.get_or_insert_default();
        (stamp.seconds, stamp.nanos) = ($seconds, $nanos);
        vertex.started
    }};
}

fn vertex(digest: &str, name: &str) -> Vertex {
    Vertex {
        digest: digest.into(),
        name: name.into(),
        ..Vertex::default()
    }
}

fn log(vertex: &str, stream: i64, nanos: i32, text: &[u8]) -> StatusResponse {
    let log = VertexLog {
        vertex: vertex.into(),
        stream,
        timestamp: at!(100, nanos),
        msg: text.into(),
    };
    StatusResponse {
        logs: vec![log],
        ..StatusResponse::default()
    }
}

fn vertexes(vertexes: Vec<Vertex>) -> StatusResponse {
    StatusResponse {
        vertexes,
        ..StatusResponse::default()
    }
}

#[test]
fn a_build_reads_like_the_plain_progress() {
    let mut progress = Progress::new();
    let started = |v: Vertex| Vertex {
        started: at!(100, 0),
        ..v
    };
    let messages = [
        vertexes(vec![
            vertex("sha256:a", "[1/3] FROM x"),
            vertex("sha256:b", "[2/3] RUN make"),
        ]),
        vertexes(vec![Vertex {
            cached: true,
            completed: at!(100, 0),
            ..started(vertex("sha256:a", "[1/3] FROM x"))
        }]),
        vertexes(vec![started(vertex("sha256:b", "[2/3] RUN make"))]),
        log("sha256:b", 1, 123_000_000, b"one\ntw"),
        log("sha256:b", 2, 200_000_000, b"warning: \xff\n"),
        log("sha256:b", 1, 500_000_000, b"o\nno newline"),
        log("sha256:unknown", 1, 0, b"never\n"),
        StatusResponse {
            statuses: vec![
                VertexStatus {
                    id: "sha256:layer".into(),
                    vertex: "sha256:b".into(),
                    total: 2_500_000,
                    current: 1,
                    ..VertexStatus::default()
                },
                VertexStatus {
                    id: "sha256:layer".into(),
                    vertex: "sha256:b".into(),
                    total: 2_500_000,
                    completed: at!(101, 0),
                    ..VertexStatus::default()
                },
                VertexStatus {
                    id: "sha256:layer".into(),
                    vertex: "sha256:b".into(),
                    total: 2_500_000,
                    completed: at!(101, 0),
                    ..VertexStatus::default()
                },
            ],
            ..StatusResponse::default()
        },
        vertexes(vec![Vertex {
            completed: at!(100, 600_000_000),
            ..started(vertex("sha256:b", "[2/3] RUN make"))
        }]),
        vertexes(vec![Vertex {
            completed: at!(100, 600_000_000),
            ..started(vertex("sha256:b", "[2/3] RUN make"))
        }]),
        StatusResponse {
            warnings: vec![VertexWarning {
                vertex: "sha256:b".into(),
                short: b"JSONArgsRecommended".to_vec(),
                ..VertexWarning::default()
            }],
            ..StatusResponse::default()
        },
        vertexes(vec![Vertex {
            error: "process \"/bin/sh -c false\" did not complete successfully: exit code: 1"
                .into(),
            completed: at!(103, 0),
            started: at!(101, 0),
            ..vertex("sha256:c", "[3/3] RUN false")
        }]),
    ];
    let text: Vec<u8> = messages
        .iter()
        .flat_map(|message| progress.take(message))
        .collect();
    let wanted: &[u8] = b"#1 [1/3] FROM x\n#1 CACHED\n#2 [2/3] RUN make\n#2 0.123 one\n\
        #2 0.200 warning: \xff\n#2 0.500 two\n#2 sha256:layer 2.50MB done\n#2 no newline\n#2 DONE 0.6s\n\
        #2 WARN: JSONArgsRecommended\n#3 [3/3] RUN false\n\
        #3 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1\n";
    assert_eq!(
        text.escape_ascii().to_string(),
        wanted.escape_ascii().to_string()
    );
}

#[test]
fn a_line_without_an_end_does_not_grow_for_ever() {
    let mut progress = Progress::new();
    progress.take(&vertexes(vec![Vertex {
        started: at!(100, 0),
        ..vertex("a", "RUN yes")
    }]));
    let mut printed = 0;
    for _ in 0..100 {
        printed += progress.take(&log("a", 1, 0, &[b'x'; 1000])).len();
    }
    assert!(printed > 80_000, "{printed}");
}
