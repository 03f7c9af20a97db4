use std::path::PathBuf;

use dogi_compose::{Allow, Ceilings, Shared, isolate};
use serde_json::{Value, json};

use crate::support;

fn isolated(mut model: Value, change: impl FnOnce(&mut dogi_compose::Project)) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let mut project = support::project(dir.path(), "s");
    project.name = "me".parse().unwrap();
    change(&mut project);
    isolate(&mut model, &project);
    model
}

#[test]
fn what_is_taken_away_and_added() {
    let model = json!({
        "name": "theirs",
        "services": {
            "web": {
                "image": "x", "ports": ["80:80"], "container_name": "web", "restart": "always",
                "labels": ["a=b", "c", "dogi.run=theirs"], "build": "/src",
                "deploy": {"restart_policy": {"condition": "any"}, "replicas": 2},
                "networks": {"front": null}, "logging": {"driver": "syslog"},
            },
            "quiet": {"image": "y", "logging": {"driver": "none"}, "build": {"context": "/src"}},
        },
        "networks": {"front": {"name": "front", "labels": {"l": "1"}}, "out": {"external": true, "name": "o"}},
        "volumes": {"data": null},
        "secrets": {"s": {"file": "/src/s", "name": "t_s"}},
    });
    let model = isolated(model, |_| {});
    let labels = json!({"dogi.test": "compose $$x"});
    let images = json!({"dogi.test": "compose $$x", "com.docker.compose.project": "me"});
    let options = json!({"max-size": "50000000", "max-file": "2"});
    assert_eq!(
        model,
        json!({
            "services": {
                "web": {
                    "image": "x", "restart": "no", "pids_limit": 4096,
                    "labels": {"a": "b", "c": "", "dogi.test": "compose $$x"},
                    "build": {"context": "/src", "labels": images},
                    "deploy": {"replicas": 2},
                    "networks": {"front": null},
                    "logging": {"driver": "json-file", "options": options},
                    "security_opt": ["no-new-privileges:true"],
                },
                "quiet": {
                    "image": "y", "restart": "no", "pids_limit": 4096, "labels": labels,
                    "build": {"context": "/src", "labels": images},
                    "logging": {"driver": "none"}, "security_opt": ["no-new-privileges:true"],
                },
            },
            "networks": {
                "front": {"labels": {"l": "1", "dogi.test": "compose $$x"}},
                "out": {"external": true, "name": "o"},
                "default": {"labels": labels},
            },
            "volumes": {"data": {"labels": labels}},
            "secrets": {"s": {"file": "/src/s"}},
        })
    );
}

#[test]
fn a_service_gets_the_lower_limit() {
    let ceilings = Ceilings {
        pids: 100,
        memory: Some(1 << 30),
        milli_cpus: Some(1500),
        log: 1000,
    };
    let deployed = |limits: Value| json!({"deploy": {"resources": {"limits": limits}}});
    let cases = [
        (json!({}), json!([100, 1 << 30, 1.5])),
        (
            json!({"pids_limit": 10, "mem_limit": "512m", "cpus": 0.5}),
            json!([10, 512 << 20, 0.5]),
        ),
        (
            json!({"pids_limit": -1, "mem_limit": "64g", "cpus": "4"}),
            json!([100, 1 << 30, 1.5]),
        ),
        (
            json!({"pids_limit": "7", "mem_limit": "1.5k", "cpus": "0.25"}),
            json!([7, 1536, 0.25]),
        ),
        (json!({"mem_limit": "a lot"}), json!([100, 1 << 30, 1.5])),
        (
            deployed(json!({"pids": 5, "memory": "1M", "cpus": "0.1"})),
            json!([5, 1 << 20, 0.1]),
        ),
    ];
    for (service, wanted) in cases {
        let model = json!({"services": {"a": service}});
        let model = isolated(model, |project| project.ceilings = ceilings);
        let a = &model["services"]["a"];
        assert_eq!(
            json!([a["pids_limit"], a["mem_limit"], a["cpus"]]),
            wanted,
            "{service}"
        );
        let limits = &a["deploy"]["resources"]["limits"];
        assert!(
            limits.as_object().is_none_or(serde_json::Map::is_empty),
            "{limits}"
        );
    }
}

#[test]
fn privileges_that_are_allowed_stay() {
    let model = json!({"services": {"a": {"security_opt": ["seccomp:unconfined"]}}});
    let model = isolated(model, |project| {
        project.allow = Allow {
            privileged: true,
            ..Allow::default()
        };
    });
    assert_eq!(
        model["services"]["a"]["security_opt"],
        json!(["seccomp:unconfined"])
    );
}

#[test]
fn binds_are_where_the_engine_sees_them() {
    let model = json!({
        "services": {"a": {"volumes": [
            "/here/run/data:/data:ro", "named:/n", "/elsewhere:/e",
            {"type": "bind", "source": "/here", "target": "/x"},
        ]}},
        "secrets": {"s": {"file": "/here/s$$"}},
    });
    let model = isolated(model, |project| {
        project.shared = Some(Shared {
            here: PathBuf::from("/here"),
            there: PathBuf::from("/there/$"),
        });
    });
    assert_eq!(
        model["services"]["a"]["volumes"],
        json!([
            "/there/$$/run/data:/data:ro", "named:/n", "/elsewhere:/e",
            {"type": "bind", "source": "/there/$$", "target": "/x"},
        ])
    );
    assert_eq!(model["secrets"]["s"]["file"], "/there/$$/s$$");
}
