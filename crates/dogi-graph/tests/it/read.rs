//! What files say.

use std::collections::{BTreeMap, BTreeSet};

use dogi_graph::{EnvValue, NodeWork, VolumeSource, is_graph_file};

use crate::support::{all, container, graph, names, node, read};

#[test]
fn which_files_are_read() {
    for path in [
        "a.dockercise.yaml",
        "b.graphci.yaml",
        ".graphci.yaml",
        "deep/er/x.y.dockercise.yaml",
        "not_node_modules/a.graphci.yaml",
    ] {
        assert!(is_graph_file(path), "{path}");
    }
    for path in [
        "",
        "dockercise.yaml",
        "a.dockercise.yml",
        "a.graphci.yaml/b",
        "a.graphci.yaml.bak",
        "node_modules/a.graphci.yaml",
        "web/node_modules/x/y/a.dockercise.yaml",
    ] {
        assert!(!is_graph_file(path), "{path}");
    }
}

/// The example that the format is known by.
const SEED: &str = "
assume-role:
  img: pebbletech/docker-aws-cli
  run: aws sts assume-role --role-arn arn:aws:iam::327070154264:role/AssumeThis --role-session-name deploy
aws_access_key_id:
  after: assume-role
  img: pebbletech/docker-aws-cli
  run: cat out/assume-role | jq -r .Credentials.AccessKeyId
aws_secret_access_key:
  after: assume-role
  img: pebbletech/docker-aws-cli
  run: cat out/assume-role | jq -r .Credentials.SecretAccessKey
aws_session_token:
  after: assume-role
  img: pebbletech/docker-aws-cli
  run: cat out/assume-role | jq -r .Credentials.SessionToken
get-code:
  img: bravissimolabs/alpine-git
  run: git clone -b master --single-branch https://github.com/distributedlife/dockercise.git get-code
create-stack:
  img: pebbletech/docker-aws-cli
  env:
    - aws_access_key_id
    - aws_secret_access_key
    - aws_session_token
    - AWS_DEFAULT_REGION
  vol: get-code
  run: aws cloudformation create-stack --stack-name infra --template-body file://get-code/example.yaml
wait-for-success:
  after: create-stack
  img: pebbletech/docker-aws-cli
  env:
    - aws_access_key_id
    - aws_secret_access_key
    - aws_session_token
    - AWS_DEFAULT_REGION
  run: aws cloudformation wait stack-create-complete --stack-name infra
";

#[test]
fn the_seed() {
    let plan = all(&graph(SEED));
    let after: BTreeMap<&str, Vec<&str>> = plan
        .nodes
        .iter()
        .map(|(name, node)| (name.as_str(), names(&node.after)))
        .collect();
    let keys = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ];
    assert_eq!(
        after,
        BTreeMap::from([
            ("assume-role", vec![]),
            ("aws_access_key_id", vec!["assume-role"]),
            ("aws_secret_access_key", vec!["assume-role"]),
            ("aws_session_token", vec!["assume-role"]),
            ("get-code", vec![]),
            ("create-stack", [&keys[..], &["get-code"]].concat()),
            ("wait-for-success", [&keys[..], &["create-stack"]].concat()),
        ])
    );
    let create = container(&plan, "create-stack");
    assert_eq!(create.image.as_str(), "pebbletech/docker-aws-cli");
    assert!(create.run.starts_with("aws cloudformation create-stack"));
    assert_eq!(
        create.volumes,
        [VolumeSource::Node(node("get-code"))].into()
    );
    let env: Vec<(&str, &EnvValue)> = create
        .env
        .iter()
        .map(|(name, from)| (name.as_str(), from))
        .collect();
    let region = EnvValue::Outside("AWS_DEFAULT_REGION".parse().unwrap());
    let outputs = keys.map(|key| EnvValue::Output(node(key)));
    assert_eq!(
        env,
        [
            ("AWS_ACCESS_KEY_ID", &outputs[0]),
            ("AWS_DEFAULT_REGION", &region),
            ("AWS_SECRET_ACCESS_KEY", &outputs[1]),
            ("AWS_SESSION_TOKEN", &outputs[2]),
        ]
    );
    assert!(!plan.containers().any(|(_, node)| node.uses_code()));
    let images: BTreeSet<&str> = plan
        .containers()
        .map(|(_, node)| node.image.as_ref())
        .collect();
    assert_eq!(
        images,
        ["bravissimolabs/alpine-git", "pebbletech/docker-aws-cli"].into()
    );
}

#[test]
fn every_key() {
    let plan = all(&graph(
        "libs: {img: a, run: b}
v1.0-name: {img: a, run: b}
TOKEN:
all:
  img: registry.example:5000/x@sha256:0123456789012345678901234567890123456789012345678901234567890123
  run: |
    set -e
    make
  dir: /code//app/
  on: code
  env: [v1.0-name, TOKEN, token_2]
  vol: [code, libs]
  after: libs
  triggers: ['**']
  noLog: true
  neverFail: true
",
    ));
    let all = container(&plan, "all");
    assert_eq!(all.run, "set -e\nmake\n");
    assert_eq!(all.dir.as_ref().unwrap().as_str(), "/code/app");
    assert_eq!(all.on, Some(VolumeSource::Code));
    assert_eq!(
        all.volumes,
        [VolumeSource::Code, VolumeSource::Node(node("libs"))].into()
    );
    assert!(all.no_log && all.never_fail);
    let outside = |name: &str| EnvValue::Outside(name.parse().unwrap());
    assert_eq!(all.env["TOKEN"], outside("TOKEN"));
    assert_eq!(all.env["TOKEN_2"], outside("TOKEN_2"));
    assert_eq!(all.env["V1_0_NAME"], EnvValue::Output(node("v1.0-name")));
    assert_eq!(
        names(&plan.nodes["all"].after),
        ["TOKEN", "libs", "v1.0-name"]
    );
    assert!(all.uses_code());
    let plain = container(&plan, "libs");
    assert!(!plain.no_log && !plain.never_fail && plain.dir.is_none() && plain.on.is_none());
}

#[test]
fn nodes_without_a_command() {
    let plan = all(&graph(
        "a: {img: x, run: y}
key:
empty: {}
after: {after: [a, key]}
volumes: {vol: [a, code]}
variable: {env: a}
on: {on: a}
checkout: {on: code}
",
    ));
    let work = |name: &str| &plan.nodes[name].work;
    for (name, variable) in [("key", "KEY"), ("empty", "EMPTY")] {
        assert_eq!(
            *work(name),
            NodeWork::Variable(variable.parse().unwrap()),
            "{name}"
        );
    }
    for (name, after) in [
        ("after", &["a", "key"][..]),
        ("volumes", &["a"]),
        ("variable", &["a"]),
        ("on", &["a"]),
        ("checkout", &[]),
    ] {
        assert_eq!(*work(name), NodeWork::Join, "{name}");
        assert_eq!(names(&plan.nodes[name].after), after, "{name}");
    }
    assert_eq!(plan.container(&node("checkout")), None);
}

#[test]
fn files_are_one_graph() {
    let graph = read(&[
        ("b.graphci.yaml", "b: {img: x, run: y, after: a}"),
        ("empty.graphci.yaml", "# nothing yet\n"),
        ("sub/a.dockercise.yaml", "a: {img: x, run: y}\nmeta:\n"),
    ])
    .unwrap();
    assert_eq!(names(graph.names()), ["a", "b"]);
    let nothing = read(&[("a", ""), ("b", "meta: {subgraphs: []}")]).unwrap();
    assert!(nothing.is_empty() && all(&nothing).is_empty());
}

#[test]
fn the_examples_of_the_book() {
    let book = include_str!("../../../../docs/graphs.md");
    let examples: Vec<&str> = book
        .split("```")
        .filter_map(|block| block.strip_prefix("yaml\n"))
        .collect();
    let plan = all(&graph(examples[0]));
    let all = ["build", "deploy", "deploy_key", "test", "version"];
    assert_eq!(names(plan.nodes.keys()), all);
    assert_eq!(
        names(&plan.ancestors(&node("deploy"))),
        ["build", "deploy_key", "test", "version"]
    );
}
