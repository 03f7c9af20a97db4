//! Binds of what a container could make a link to elsewhere.

use serde_json::{Value, json};

use crate::judge::{B, checkout, is_refused, passes, with};

fn services(a: &Value, b: &Value) -> Value {
    json!({"services": {"a": a, "b": b}})
}

/// `b` has a secret and a config, each of which is a file.
fn files(a: &str, secret: &str, config: &str) -> Value {
    let mut model = services(
        &json!({"volumes": [a]}),
        &json!({"secrets": ["s"], "configs": [{"source": "c", "target": "/c"}]}),
    );
    model["secrets"] = json!({"s": {"file": secret}, "unused": {"file": "./data/unused"}});
    model["configs"] = json!({"c": {"file": config}, "text": {"content": "x"}});
    model
}

#[test]
fn a_bind_below_what_another_service_may_write() {
    let dir = checkout();
    let model = |outer: &str, inner: &str| {
        services(&json!({"volumes": [outer]}), &json!({"volumes": [inner]}))
    };
    for (outer, inner) in [(".:/src", "./data:/data:ro"), ("./data:/d", "./near/x:/x")] {
        let place = "services.b.volumes[0]";
        is_refused(dir.path(), &model(outer, inner), place, B);
    }
    for (outer, inner) in [
        (".:/src:ro", "./data:/data"),
        (".:/src", ".:/src"),
        ("./app:/src", "./data:/data"),
    ] {
        passes(dir.path(), &model(outer, inner));
    }
}

/// Its container may be one of several, be started again for a service that depends on it, or be
/// followed by the one-off container of the tests.
#[test]
fn a_bind_below_what_the_service_itself_may_write() {
    let dir = checkout();
    let nested = json!([".:/src", "./data:/data"]);
    let more = [
        json!({}),
        json!({"scale": 2}),
        json!({"deploy": {"replicas": 2}}),
    ];
    for mut a in more {
        a["volumes"] = nested.clone();
        for b in [
            json!({}),
            json!({"depends_on": ["a"]}),
            json!({"volumes_from": ["a"]}),
        ] {
            is_refused(dir.path(), &services(&a, &b), "services.a.volumes[1]", B);
        }
    }
    passes(
        dir.path(),
        &with(
            "volumes",
            json!([".:/src:ro", "./data:/data", "./data:/again"]),
        ),
    );
}

#[test]
fn an_inherited_directory_is_written_too() {
    let dir = checkout();
    let a = json!({"volumes": [".:/src"]});
    let b = json!({"volumes_from": ["a"], "volumes": ["./data:/data:ro"]});
    is_refused(dir.path(), &services(&a, &b), "services.b.volumes[0]", B);
    let a = json!({"volumes": [".:/src:ro"]});
    passes(dir.path(), &services(&a, &b));
}

#[test]
fn files_of_secrets_and_configs_are_binds() {
    let dir = checkout();
    let cases = [
        ("./data:/d", "./data/s", "./app/c", "services.b.secrets[0]"),
        ("./data:/d", "./near/s", "./app/c", "services.b.secrets[0]"),
        ("./app:/a", "./data/s", "./app/c", "services.b.configs[0]"),
    ];
    for (a, secret, config, place) in cases {
        is_refused(dir.path(), &files(a, secret, config), place, B);
    }
    passes(dir.path(), &files("./data:/d:ro", "./data/s", "./data/c"));
    // What no container mounts, nobody follows.
    passes(dir.path(), &files("./data:/d", "./s", "./c"));
}

#[test]
fn the_message_tells_who_may_write_where() {
    let dir = checkout();
    let model = files(".:/src:rw", "./data/s", "/nowhere");
    let refusals = dogi_compose::judge(&model, dir.path(), dogi_compose::Allow::default()).unwrap();
    let nested = refusals
        .iter()
        .find(|it| it.place == "services.b.secrets[0]");
    assert_eq!(
        nested.unwrap().to_string(),
        "services.b.secrets[0]: \"./data/s\": it lies in a directory that the service \"a\" may write \
         (services.a.volumes[0]), which could make it a link to anywhere on the host: bind that one \
         read-only, or this one nowhere else (allow: [host-binds] would permit it)",
    );
}
