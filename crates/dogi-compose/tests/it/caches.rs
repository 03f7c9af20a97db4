//! What a build may say about its cache.

use serde_json::json;

use crate::judge::{B, P, checkout, is_refused, passes, with};

#[test]
fn images_may_be_read() {
    let dir = checkout();
    let cases = [
        json!("x"),
        json!(["x:1", "registry.example.com:5000/a/b@sha256:00ff"]),
        json!(["type=registry,ref=x"]),
        json!(["ref=registry.example.com/a_b:1.0-rc,type=registry"]),
        json!([]),
    ];
    for entries in cases {
        let build = json!({"context": ".", "cache_from": entries});
        passes(dir.path(), &with("build", build));
    }
}

#[test]
fn nothing_else_may_be_read() {
    let dir = checkout();
    let cases = [
        "type=local,src=/etc",
        // The last one counts.
        "type=registry,type=local,src=/etc",
        "type=registry,ref=x,type=local",
        "type=registry,ref=x,ref=y",
        // The program takes keys of any case.
        "type=registry,ref=x,Type=local",
        "TYPE=local,src=/etc",
        // A comma in quotes is no separator.
        "\"type=registry,ref=x\",type=local,src=/etc",
        "type=local,\"src=/etc,type=registry\"",
        "type=local,src=/etc,x= type=registry",
        " type=registry,ref=x",
        "type=registry, ref=x",
        "type=registry,ref=x,token=y",
        "type=registry",
        "ref=x",
        "type=inline",
        "type=gha",
        "type=registry,ref=",
        "type=registry,ref=a b",
        "type=registry,ref=x\ntype=local",
        "x,type=registry",
        "x,y",
        "-x",
        "",
    ];
    for entry in cases {
        let build = json!({"context": ".", "cache_from": ["x", entry]});
        let place = "services.web.build.cache_from[1]";
        is_refused(dir.path(), &with("build", build), place, B);
    }
}

#[test]
fn nothing_may_be_written() {
    let dir = checkout();
    let cases = [
        json!("x"),
        json!(["x:1"]),
        json!(["type=registry,ref=x"]),
        json!(["type=inline"]),
        json!(["type=local,dest=/etc"]),
    ];
    for entries in cases {
        let build = json!({"context": ".", "cache_to": entries});
        let place = "services.web.build.cache_to";
        is_refused(dir.path(), &with("build", build), place, P);
    }
    let build = json!({"context": ".", "cache_to": []});
    passes(dir.path(), &with("build", build));
}
