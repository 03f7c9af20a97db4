//! What the container of a node is made of.

use dogi_graph::{ContainerNode, NodeWork, Plan};
use dogi_job::{Origin, SecretName, Spec};
use dogi_url::{EnvName, ImageRef};

use super::{name, plan};
use crate::events::spec_of;

fn variable(name: &str) -> EnvName {
    EnvName::new(name).expect("a name of a variable")
}

fn container<'p>(plan: &'p Plan, node: &str) -> &'p ContainerNode {
    match &plan.nodes[&name(node)].work {
        NodeWork::Container(container) => container,
        other => panic!("{node} is {other:?}"),
    }
}

fn secret(name: &str) -> SecretName {
    SecretName::parse(name).expect("a name of a secret")
}

/// A run that gives `ASKED` from everywhere, and from each place something that nobody asks for.
fn giving() -> Spec {
    let params = "pipeline=*&env_PLAIN=1&env_SHARED=of%20the%20request&cb=https://example.com/cb\
        &group=g&memory=64m";
    let outside = [("HOME", "/home/me"), ("SHARED", "x"), ("UNASKED", "y")];
    let secrets = [("TOKEN", "org#TOKEN"), ("OTHER", "org#OTHER")];
    Spec {
        outside: outside
            .map(|(name, value)| (variable(name), value.to_owned()))
            .into(),
        secrets: secrets
            .map(|(name, of)| (variable(name), secret(of)))
            .into(),
        ..spec_of(params)
    }
}

fn env(spec: &Spec) -> Vec<(&str, &str)> {
    let env = spec.env.iter();
    env.map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn secrets(spec: &Spec) -> Vec<(&str, &str)> {
    let secrets = spec.secrets.iter();
    secrets
        .map(|(name, of)| (name.as_str(), of.as_str()))
        .collect()
}

#[test]
fn a_node_gets_the_requests_variables_and_what_it_asks_for_besides() {
    let of_request = [("PLAIN", "1"), ("SHARED", "of the request")];
    let with_home = [("HOME", "/home/me"), of_request[0], of_request[1]];
    let hidden = [("QUIET", "the output of node quiet")];
    let token = [("TOKEN", "org#TOKEN")];
    let both = [hidden[0], token[0]];
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Pairs<'_>, Pairs<'_>); 7] = [
        ("[]", &of_request, &[]),
        ("home", &with_home, &[]),
        ("shared", &of_request, &[]),
        ("token", &of_request, &token),
        ("loud", &of_request, &[]),
        ("quiet", &of_request, &hidden),
        ("[home, token, quiet, loud]", &with_home, &both),
    ];
    for (asked, wanted_env, wanted_secrets) in cases {
        let graph = format!(
            "quiet: {{img: i, run: r, noLog: true}}\nloud: {{img: i, run: r}}\n\
             a: {{img: debian:12, run: r, env: {asked}}}"
        );
        let plan = plan(&graph);
        let spec = giving().of_node(&plan, container(&plan, "a"));
        assert_eq!(env(&spec), wanted_env, "env: {asked}");
        assert_eq!(secrets(&spec), wanted_secrets, "env: {asked}");
        assert!(spec.outside.is_empty(), "env: {asked}");
    }
}

#[test]
fn a_secret_wins_over_what_others_give_by_that_name() {
    let plan = plan("a: {img: i, run: r, env: token}");
    let mut given = giving();
    given
        .env
        .insert(variable("TOKEN"), "of the request".to_owned());
    given
        .outside
        .insert(variable("TOKEN"), "of the terminal".to_owned());
    let spec = given.of_node(&plan, container(&plan, "a"));
    assert_eq!(secrets(&spec), [("TOKEN", "org#TOKEN")]);
}

#[test]
fn a_node_is_no_run_of_its_own() {
    let plan = plan("a: {img: debian:12, run: r}");
    let given = giving();
    let spec = given.of_node(&plan, container(&plan, "a"));
    let image = ImageRef::new("debian:12").expect("an image");
    assert_eq!(spec.origin, Origin::Image(image));
    assert!(spec.callback.is_none() && spec.group.is_none() && spec.reports.is_empty());
    assert_eq!(
        (&spec.instance, &spec.limits, &spec.source),
        (&given.instance, &given.limits, &given.source)
    );
}

#[test]
fn an_image_that_prints_a_part_of_the_graph_learns_nothing() {
    let image = ImageRef::new("registry.example/part:1").expect("an image");
    let given = giving();
    let spec = given.of_image(image.clone());
    assert_eq!(spec.origin, Origin::Image(image));
    assert!(spec.env.is_empty() && spec.outside.is_empty() && spec.secrets.is_empty());
    assert!(spec.callback.is_none() && spec.event_path.is_none() && !spec.tty);
    assert_eq!(spec.limits, given.limits);
}

#[test]
fn variables_are_given_by_the_request_the_operator_and_the_terminal() {
    let given = giving();
    for name in ["PLAIN", "SHARED", "HOME", "TOKEN"] {
        assert!(given.gives(&variable(name)), "{name}");
    }
    for name in ["plain", "NOBODYS"] {
        assert!(!given.gives(&variable(name)), "{name}");
    }
}
