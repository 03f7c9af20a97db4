use std::{fs, os::unix::fs::symlink, path::Path};

use dogi_compose::{Allow, Permission, judge};
use serde_json::{Value, json};

pub(crate) const P: Option<Permission> = Some(Permission::Privileged);
const N: Option<Permission> = Some(Permission::HostNetwork);
pub(crate) const B: Option<Permission> = Some(Permission::HostBinds);

pub(crate) fn checkout() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::create_dir(dir.path().join("app")).unwrap();
    symlink("data", dir.path().join("near")).unwrap();
    symlink("/etc", dir.path().join("far")).unwrap();
    symlink("/nowhere/at/all", dir.path().join("dangling")).unwrap();
    symlink("../..", dir.path().join("app/up")).unwrap();
    fs::create_dir(dir.path().join("bad")).unwrap();
    symlink("/etc/passwd", dir.path().join("bad/Dockerfile")).unwrap();
    dir
}

fn all() -> Allow {
    Allow {
        privileged: true,
        host_network: true,
        host_binds: true,
    }
}

fn only(permission: Permission) -> Allow {
    Allow {
        privileged: permission == Permission::Privileged,
        host_network: permission == Permission::HostNetwork,
        host_binds: permission == Permission::HostBinds,
    }
}

/// A model with a service that has one key, beside one that is called `other`.
pub(crate) fn with(key: &str, value: Value) -> Value {
    let mut service = json!({"image": "x"});
    service[key] = value;
    json!({"services": {"web": service, "other": {"image": "y"}}})
}

pub(crate) fn passes(directory: &Path, model: &Value) {
    let refusals = judge(model, directory, Allow::default()).unwrap();
    assert!(refusals.is_empty(), "{model}: {}", refusals[0]);
}

pub(crate) fn is_refused(
    directory: &Path,
    model: &Value,
    place: &str,
    permission: Option<Permission>,
) {
    let refusals = judge(model, directory, Allow::default()).unwrap();
    let found: Vec<_> = refusals
        .iter()
        .map(|it| (it.place.as_str(), it.permission))
        .collect();
    assert_eq!(found, [(place, permission)], "{model}");
    let allowed = permission.map_or_else(all, only);
    let still = judge(model, directory, allowed).unwrap();
    assert_eq!(still.is_empty(), permission.is_some(), "{model}");
}

#[test]
fn what_a_service_may_have() {
    let dir = checkout();
    let cases = [
        ("privileged", json!(false)),
        ("cap_add", json!(["NET_BIND_SERVICE", "cap_chown"])),
        ("cap_drop", json!(["ALL"])),
        ("security_opt", json!(["no-new-privileges:true"])),
        ("network_mode", json!("none")),
        ("network_mode", json!("bridge")),
        ("network_mode", json!("service:other")),
        (
            "networks",
            json!({"default": {"aliases": ["x"]}, "front": null}),
        ),
        ("pid", json!("service:other")),
        ("ipc", json!("shareable")),
        ("cgroup", json!("private")),
        ("sysctls", json!({"net.core.somaxconn": 1024})),
        ("sysctls", json!(["kernel.shmmax=1"])),
        ("devices", json!([])),
        ("volumes", json!(["/anonymous", "named:/n", "named:/n:ro"])),
        (
            "volumes",
            json!(["./data:/data:rw", "./not/there:/x", ".:/src:ro,z"]),
        ),
        ("volumes", json!(["near:/named", "./near:/linked:ro"])),
        (
            "volumes",
            json!([{"type": "bind", "source": "data", "target": "/d"}]),
        ),
        (
            "volumes",
            json!([{"type": "volume", "source": "v", "target": "/v", "volume": {}}]),
        ),
        ("volumes", json!([{"type": "tmpfs", "target": "/t"}])),
        (
            "volumes_from",
            json!(["other", "other:ro", "service:other:rw"]),
        ),
        ("build", json!("app")),
        (
            "build",
            json!({"context": ".", "dockerfile": "app/../Dockerfile", "args": {"a": "b"}}),
        ),
        (
            "build",
            json!({"context": "app", "dockerfile": "../Dockerfile"}),
        ),
        ("build", json!({"context": ".", "network": "none"})),
        (
            "build",
            json!({"context": ".", "additional_contexts": {"a": "docker-image://x", "b": "./data"}}),
        ),
        (
            "deploy",
            json!({"resources": {"limits": {"cpus": "1", "memory": "1g"}}}),
        ),
        ("logging", json!({"driver": "syslog"})),
        ("oom_score_adj", json!(500)),
        ("post_start", json!([{"command": "x"}])),
        ("x-mine", json!({"privileged": true})),
        ("ports", json!(["80:80"])),
    ];
    for (key, value) in cases {
        passes(dir.path(), &with(key, value));
    }
}

#[test]
fn what_a_service_may_not_have() {
    let dir = checkout();
    let bind = |source: &str| json!([{"type": "bind", "source": source, "target": "/x"}]);
    let cases = [
        ("privileged", json!(true), "", P),
        ("privileged", json!("true"), "", P),
        ("cap_add", json!(["SYS_ADMIN"]), "[0]", P),
        ("cap_add", json!(["CHOWN", "ALL"]), "[1]", P),
        ("devices", json!(["/dev/sda:/dev/sda"]), "", P),
        ("device_cgroup_rules", json!(["c 1:3 mr"]), "", P),
        ("gpus", json!("all"), "", P),
        ("security_opt", json!(["seccomp:unconfined"]), "[0]", P),
        ("security_opt", json!(["no-new-privileges:false"]), "[0]", P),
        ("network_mode", json!("host"), "", N),
        ("network_mode", json!("container:abc"), "", N),
        ("network_mode", json!("service:elsewhere"), "", N),
        ("network_mode", json!("somebodys"), "", N),
        (
            "networks",
            json!({"a": {"driver_opts": {"x": "y"}}}),
            ".a.driver_opts",
            N,
        ),
        ("external_links", json!(["db_1:db"]), "", N),
        ("pid", json!("host"), "", P),
        ("pid", json!("container:x"), "", P),
        ("ipc", json!("host"), "", P),
        ("uts", json!("host"), "", P),
        ("userns_mode", json!("host"), "", P),
        ("cgroup", json!("host"), "", P),
        ("cgroup_parent", json!("/x"), "", P),
        ("runtime", json!("other"), "", P),
        ("annotations", json!({"a": "b"}), "", P),
        ("build", json!("bad"), "", B),
        ("oom_kill_disable", json!(true), "", P),
        ("oom_score_adj", json!(-1000), "", P),
        ("sysctls", json!({"vm.swappiness": 1}), "", P),
        ("credential_spec", json!({"file": "x"}), "", B),
        ("use_api_socket", json!(true), "", B),
        ("provider", json!({"type": "x"}), "", None),
        ("a_new_key", json!("x"), "", P),
        (
            "volumes",
            json!(["/var/run/docker.sock:/var/run/docker.sock"]),
            "[0]",
            B,
        ),
        ("volumes", json!(["v:/v", "/:/host:ro"]), "[1]", B),
        ("volumes", json!(["..:/x"]), "[0]", B),
        ("volumes", json!(["./data/../..:/x"]), "[0]", B),
        ("volumes", json!(["~/x:/x"]), "[0]", B),
        ("volumes", json!(["./far:/x"]), "[0]", B),
        ("volumes", json!(["./far/passwd:/x"]), "[0]", B),
        ("volumes", json!(["./near/../far:/x"]), "[0]", B),
        ("volumes", json!(["./app/up:/x"]), "[0]", B),
        ("volumes", json!(["./dangling:/x"]), "[0]", B),
        ("volumes", json!(["./new/../../x:/x"]), "[0]", B),
        ("volumes", json!(["./data:/x:rshared"]), "[0]", B),
        ("volumes", json!(["a:b:c:d"]), "[0]", B),
        ("volumes", bind("/etc"), "[0]", B),
        ("volumes", bind("far"), "[0]", B),
        (
            "volumes",
            json!([{"type": "volume", "source": "/etc", "target": "/x"}]),
            "[0]",
            B,
        ),
        (
            "volumes",
            json!([{"type": "npipe", "source": "x", "target": "/x"}]),
            "[0]",
            B,
        ),
        (
            "volumes",
            json!([{"type": "bind", "source": "data", "target": "/x",
            "bind": {"propagation": "rshared"}}]),
            "[0]",
            B,
        ),
        ("volumes_from", json!(["container:x"]), "[0]", B),
        ("volumes_from", json!(["container:other:ro"]), "[0]", B),
        ("volumes_from", json!(["other", "service:x:rw"]), "[1]", B),
        ("volumes_from", json!(["x:other:rw"]), "[0]", B),
        ("build", json!("/etc"), "", B),
        ("build", json!("https://example.com/x.git"), ".", N),
        ("build", json!({"context": "far"}), ".context", B),
        (
            "build",
            json!({"context": ".", "dockerfile": "/etc/passwd"}),
            ".dockerfile",
            B,
        ),
        (
            "build",
            json!({"context": ".", "dockerfile": "far/passwd"}),
            ".dockerfile",
            B,
        ),
        (
            "build",
            json!({"context": ".", "network": "host"}),
            ".network",
            N,
        ),
        (
            "build",
            json!({"context": ".", "network": "container:x"}),
            ".network",
            N,
        ),
        (
            "build",
            json!({"context": ".", "ssh": ["default"]}),
            ".ssh",
            B,
        ),
        (
            "build",
            json!({"context": ".", "privileged": true}),
            ".privileged",
            P,
        ),
        (
            "build",
            json!({"context": ".", "entitlements": ["network.host"]}),
            ".entitlements",
            P,
        ),
        (
            "build",
            json!({"context": ".", "additional_contexts": {"a": "/etc"}}),
            ".additional_contexts.a",
            B,
        ),
        (
            "build",
            json!({"context": ".", "a_new_key": 1}),
            ".a_new_key",
            P,
        ),
        (
            "deploy",
            json!({"resources": {"reservations": {"devices": [{"driver": "x"}]}}}),
            ".resources.reservations.devices",
            P,
        ),
        (
            "post_start",
            json!([{"command": "x", "privileged": true}]),
            "[0].privileged",
            P,
        ),
        ("env_file", json!(["/etc/passwd"]), "[0]", B),
    ];
    for (key, value, at, permission) in cases {
        let at = if at == "." { "" } else { at };
        let place = format!("services.web.{key}{at}");
        is_refused(dir.path(), &with(key, value), &place, permission);
    }
}

#[test]
fn resources() {
    let dir = checkout();
    let good = [
        json!({"version": "3.9", "name": "x", "x-a": {"b": 1}}),
        json!({"networks": {"a": null, "b": {"driver": "bridge", "internal": true, "ipam": {}}}}),
        json!({"volumes": {"a": null, "b": {"name": "b", "external": false}}}),
        json!({"volumes": {"m": {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}}}),
        json!({"secrets": {"a": {"file": "./data/x"}, "b": {"environment": "B"}}}),
        json!({"configs": {"a": {"content": "x"}}}),
    ];
    for model in good {
        passes(dir.path(), &model);
    }
    let bad = [
        (
            json!({"networks": {"a": {"external": true}}}),
            "networks.a.external",
            N,
        ),
        (
            json!({"networks": {"a": {"driver": "macvlan"}}}),
            "networks.a.driver",
            N,
        ),
        (
            json!({"networks": {"a": {"driver_opts": {"parent": "eth0"}}}}),
            "networks.a.driver_opts",
            N,
        ),
        (
            json!({"networks": {"a": {"ipam": {"config": [{"subnet": "10.0.0.0/8"}]}}}}),
            "networks.a.ipam",
            N,
        ),
        (
            json!({"volumes": {"a": {"external": {"name": "x"}}}}),
            "volumes.a.external",
            B,
        ),
        (
            json!({"volumes": {"a": {"driver": "sshfs"}}}),
            "volumes.a.driver",
            B,
        ),
        (
            json!({"volumes": {"a": {"driver_opts": {"type": "none", "o": "bind", "device": "/etc"}}}}),
            "volumes.a.driver_opts",
            B,
        ),
        (
            json!({"volumes": {"a": {"driver_opts": {"type": "tmpfs", "o": "bind", "device": "tmpfs"}}}}),
            "volumes.a.driver_opts",
            B,
        ),
        (
            json!({"secrets": {"a": {"file": "/etc/shadow"}}}),
            "secrets.a.file",
            B,
        ),
        (
            json!({"secrets": {"a": {"external": true}}}),
            "secrets.a.external",
            B,
        ),
        (
            json!({"configs": {"a": {"file": "far/passwd"}}}),
            "configs.a.file",
            B,
        ),
        (json!({"models": {"a": {"model": "x"}}}), "models", P),
    ];
    for (model, place, permission) in bad {
        is_refused(dir.path(), &model, place, permission);
    }
}

#[test]
fn dollars_are_undone_before_a_path_is_followed() {
    let dir = checkout();
    symlink("/etc", dir.path().join("$x")).unwrap();
    is_refused(
        dir.path(),
        &with("volumes", json!(["./$$x:/x"])),
        "services.web.volumes[0]",
        B,
    );
}

#[test]
fn the_message_tells_place_value_and_permission() {
    let dir = checkout();
    let model = with("volumes", json!(["/var/run/docker.sock:/s"]));
    let refusals = judge(&model, dir.path(), Allow::default()).unwrap();
    let text = refusals[0].to_string();
    assert!(
        text.starts_with(r#"services.web.volumes[0]: "/var/run/docker.sock:/s": it leads out"#)
    );
    assert!(
        text.ends_with("(allow: [host-binds] would permit it)"),
        "{text}"
    );
}

#[test]
fn volumes_of_a_container_that_is_called_like_a_service() {
    let dir = checkout();
    let model = |source: &str| {
        json!({"services": {
            "web": {"volumes_from": [source]},
            "container": {"image": "y"},
        }})
    };
    for source in [
        "container:x",
        "container:x:rw",
        "container:web",
        "container:ro",
    ] {
        is_refused(
            dir.path(),
            &model(source),
            "services.web.volumes_from[0]",
            B,
        );
    }
    passes(dir.path(), &model("container"));
}
