//! Every parameter, and what it becomes.

use std::time::Duration;

use dogi_url::{
    Action, BuildParams, CallbackOn, Command, GroupPolicy, Limits, OnFail, OutputName, OutputType,
    Pipeline, RequestError, RunRequest,
};

use crate::support::{REPO, query, target, unsigned};

#[test]
fn defaults() {
    let request = target(REPO).expect("a request");
    assert_eq!(
        request,
        RunRequest::new("https://github.com/o/r.git".parse().expect("a repo"))
    );
    assert_eq!(request.action, Action::Peek);
    assert_eq!(request.output.single(), Some(&OutputName::Log));
    assert_eq!(request.output_type, OutputType::Stream);
    assert_eq!(request.build, BuildParams::default());
    assert_eq!(request.limits, Limits::default());
    assert!(request.tty);
    assert!(!request.attach && !request.rebuild);
    assert_eq!(target(&format!("{REPO}?")), Ok(request.clone()));
    assert_eq!(target(&format!("{REPO}?&&")), Ok(request));
}

/// One parameter each, and a look at the field it fills.
#[test]
fn each_parameter() {
    type Check = fn(&RunRequest) -> bool;
    let cases: &[(&str, Check)] = &[
        ("action=peek", |r| r.action == Action::Peek),
        ("action=run", |r| r.action == Action::Run),
        ("action=restart", |r| r.action == Action::Restart),
        ("action=abort", |r| r.action == Action::Abort),
        ("output=status", |r| {
            r.output.single() == Some(&OutputName::Status)
        }),
        ("output=log,status", |r| {
            r.output.names() == [OutputName::Log, OutputName::Status]
        }),
        ("output=log%2Cstatus", |r| r.output.names().len() == 2),
        ("output=file_x", |r| r.output.to_string() == "file_x"),
        ("output=node_x&action=peek", |r| {
            r.output.to_string() == "node_x"
        }),
        ("action=run&output=file_x&file_x=/y", |r| {
            r.output.to_string() == "file_x"
        }),
        ("action=run&output=node_x&pipeline=*", |r| {
            r.output.to_string() == "node_x"
        }),
        ("output_type=stream", |r| {
            r.output_type == OutputType::Stream
        }),
        ("output_type=wait", |r| r.output_type == OutputType::Wait),
        ("output_type=async", |r| r.output_type == OutputType::Async),
        ("id=all+pages", |r| {
            r.id.as_ref().is_some_and(|id| id.as_str() == "all pages")
        }),
        ("ref=release/1.0", |r| {
            r.revision
                .as_ref()
                .is_some_and(|x| x.as_str() == "release/1.0")
        }),
        ("df=docker/Dockerfile", |r| {
            r.build
                .dockerfile
                .as_ref()
                .is_some_and(|p| p.as_str() == "docker/Dockerfile")
        }),
        ("context=./app/", |r| {
            r.build
                .context
                .as_ref()
                .is_some_and(|p| p.as_str() == "app")
        }),
        ("context=.", |r| r.build.context.is_none()),
        ("target=test", |r| {
            r.build
                .target
                .as_ref()
                .is_some_and(|t| t.as_str() == "test")
        }),
        ("build_arg_A=1&build_arg_B=", |r| {
            r.build.args["A"] == "1" && r.build.args["B"].is_empty()
        }),
        ("platform=linux/arm64", |r| r.build.platform.is_some()),
        ("git_dir=true", |r| r.build.git_dir),
        ("git_dir=0", |r| !r.build.git_dir),
        ("image=python:3.12", |r| {
            r.image.as_ref().is_some_and(|i| i.tag() == Some("3.12"))
        }),
        ("pipeline=*", |r| r.pipeline == Some(Pipeline::All)),
        ("pipeline=a,b", |r| {
            r.pipeline.as_ref().is_some_and(|p| p.to_string() == "a,b")
        }),
        ("cmd=node%20run+start", |r| {
            r.command
                .as_ref()
                .is_some_and(|c| c.argv() == ["node", "run", "start"])
        }),
        ("bashc=a%26%26b%2Bc", |r| {
            r.command == Command::bash("a&&b+c").ok()
        }),
        ("env_FOO=bar&env_B=a%0Ab", |r| {
            r.env["FOO"] == "bar" && r.env["B"] == "a\nb"
        }),
        ("env_FOO=a=b", |r| r.env["FOO"] == "a=b"),
        ("env_FOO", |r| r.env["FOO"].is_empty()),
        ("env_NAME=x", |r| r.env["NAME"] == "x"),
        ("file_data=//app/./data.jsonl", |r| {
            r.files["data"].as_str() == "/app/data.jsonl"
        }),
        ("tty=false", |r| !r.tty),
        ("tty=1", |r| r.tty),
        ("pipeline=*&tty=true", |r| r.tty),
        ("pipeline=*", |r| !r.tty),
        ("timeout=90s", |r| {
            r.limits.timeout == Some(Duration::from_secs(90))
        }),
        ("memory=512m", |r| r.limits.memory == Some(512 << 20)),
        ("cpus=0.5", |r| {
            r.limits.cpus.is_some_and(|c| c.nanos() == 500_000_000)
        }),
        ("group=deploy", |r| {
            r.group.is_some() && r.group_policy == GroupPolicy::Queue
        }),
        ("group=deploy&group_policy=replace", |r| {
            r.group_policy == GroupPolicy::Replace
        }),
        ("group_policy=reject&group=deploy", |r| {
            r.group_policy == GroupPolicy::Reject
        }),
        ("attach=1", |r| r.attach),
        ("attach=true", |r| r.attach),
        ("attach=0", |r| !r.attach),
        ("cb=https://h.example/cb?x=1%26y=2", |r| {
            r.callback.as_ref().is_some_and(|cb| {
                cb.url.as_str() == "https://h.example/cb?x=1&y=2" && cb.on == CallbackOn::Success
            })
        }),
        ("cb=https://h.example/&cb_on=always", |r| {
            r.callback
                .as_ref()
                .is_some_and(|cb| cb.on == CallbackOn::Always)
        }),
        ("rebuild=true", |r| r.rebuild),
        ("on_fail=abort", |r| r.on_fail == OnFail::Abort),
        ("exp=1", |r| r.action == Action::Peek),
        ("%61ction=ru%6e", |r| r.action == Action::Run),
        ("action=run&sig=nonsense", |r| r.action == Action::Run),
    ];
    for (text, check) in cases {
        let request = query(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(check(&request), "{text}: {request:?}");
    }
}

/// The URLs that dogi's first readme shows.
#[test]
fn urls_of_the_readme() {
    let path = "/https/github.com/ovenator/dogi-scrapy-demo.git";
    let cases = [
        (
            "id=all_pages&action=run&output=file_data&file_data=/app/data.jsonl&bashc=pipenv%20run%20scrapy&sig=cab976410e8cb7b2dd85eee67c43d17e6d314c0e",
            "file_data",
        ),
        (
            "id=all_pages&action=run&output=log&file_data=/app/data.jsonl&bashc=pipenv%20run%20scrapy&sig=fc18f584ca659bdff8033111677365e8c23d8b34",
            "log",
        ),
        (
            "id=all_pages&action=run&output=status&file_data=/app/data.jsonl&bashc=pipenv%20run%20scrapy&sig=3d72af23cee53efe1ba4bd60e48fd2e8858e1bd0",
            "status",
        ),
        (
            "id=max_pages&action=run&output=file_data&file_data=/app/data.jsonl&bashc=pipenv%20run%20scrapy&env_MAX_PAGES=1&sig=e5e4bb1389606c772e5f1cd760a8574ebadb0e05",
            "file_data",
        ),
    ];
    for (text, output) in cases {
        let request = target(&format!("{path}?{text}")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            request.repo.as_str(),
            "https://github.com/ovenator/dogi-scrapy-demo.git"
        );
        assert_eq!(request.output.to_string(), output);
        assert_eq!(request.files["data"].as_str(), "/app/data.jsonl");
        let argv = request.command.expect("a command").argv();
        assert_eq!(argv, ["bash", "-c", "pipenv run scrapy"]);
    }
}

#[test]
fn which_paths_are_run_urls() {
    for path in [
        "/https/x/y",
        "/http/x",
        "/ssh/git@h:r",
        "/git/h/r",
        "/file/x",
        "/https/",
    ] {
        assert!(RunRequest::is_run_path(path), "{path}");
    }
    for path in [
        "",
        "/",
        "/https",
        "https/x",
        "/outputs",
        "/HTTPS/x",
        "/%68ttps/x",
        "//https/x",
    ] {
        assert!(!RunRequest::is_run_path(path), "{path}");
    }
}

#[test]
fn parameters_of_other_routes() {
    let params = |target: &str| {
        let params = unsigned(target).params()?;
        Ok(params
            .into_iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect::<Vec<_>>())
    };
    assert_eq!(
        params("/collect?output=a+b%2Bc&&z&exp=1&sig=x"),
        Ok(vec!["output:a b+c".to_owned(), "z:".to_owned()])
    );
    assert_eq!(params("/collect?sig=x"), Ok(vec![]));
    assert!(matches!(
        params("/collect?a=%zz"),
        Err(RequestError::Escape { .. })
    ));
    assert!(matches!(
        params("/collect?a=1&%61=2"),
        Err(RequestError::Repeated { .. })
    ));
}

#[test]
fn printing_leaves_defaults_out() {
    let printed = |text: &str| query(text).expect("a request").to_target().expect("a URL");
    assert_eq!(printed(""), REPO);
    assert_eq!(
        printed("action=peek&output=log&tty=true&cb=http://h/&cb_on=success"),
        format!("{REPO}?cb=http://h/")
    );
    assert_eq!(
        printed("pipeline=*&tty=false"),
        format!("{REPO}?pipeline=*")
    );
    assert_eq!(
        printed("bashc=a+%2B+%26%C3%A4&action=run&output=log,status"),
        format!("{REPO}?action=run&output=log,status&bashc=a%20%2B%20%26%C3%A4")
    );
    assert_eq!(printed("cmd=a++b"), format!("{REPO}?cmd=a%20b"));
    assert_eq!(
        printed("timeout=3600&memory=1048576k&cpus=1.50"),
        format!("{REPO}?timeout=1h&memory=1GiB&cpus=1.5")
    );
    let mut request = query("").expect("a request");
    request.command = Some(Command::Args(vec!["a b".to_owned()]));
    assert!(request.to_target().is_err());
    assert_eq!(request.to_json(), serde_json::json!({"cmd": ["a b"]}));
}
