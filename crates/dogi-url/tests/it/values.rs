//! The small types, one table each.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use dogi_url::{
    CallbackUrl, Command, Commit, ContainerPath, Cpus, EnvName, FileName, GroupName, ImageRef,
    InvalidValue, OutputName, OutputSelection, Pipeline, Platform, RepoPath, RequestId, Revision,
};

/// What is good prints as the second text (as itself when that is empty), and reads back.
fn good<T>(cases: &[(&str, &str)])
where
    T: FromStr<Err = InvalidValue> + Display + Debug + PartialEq,
{
    for (text, wanted) in cases {
        let value: T = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            value.to_string(),
            if wanted.is_empty() { *text } else { *wanted }
        );
        assert_eq!(value.to_string().parse(), Ok(value));
    }
}

fn bad<T: FromStr<Err = InvalidValue> + Debug>(cases: &[&str]) {
    for text in cases {
        let error = text.parse::<T>().expect_err(text);
        assert!(!error.allowed().is_empty(), "{error}");
    }
}

#[test]
fn revisions() {
    good::<Revision>(&[
        ("main", ""),
        ("v1.2.3", ""),
        ("feature/x", ""),
        ("refs/heads/main", ""),
        ("HEAD", ""),
        ("a-b", ""),
        ("x/-y", ""),
        ("ä", ""),
        ("a@b", ""),
        ("526e4a8479d4f91ef2ce1b4cca9b19fc0ac39f1e", ""),
    ]);
    bad::<Revision>(&[
        "",
        "-",
        "-x",
        "--upload-pack=x",
        "a b",
        "a..b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "[a]",
        "a\\b",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a.",
        "@",
        "a@{1}",
        "a\0",
        "a\n",
        "a\u{7f}",
    ]);
    assert!(Revision::new("x".repeat(251)).is_err());
    let full: Revision = "526E4A8479D4F91EF2CE1B4CCA9B19FC0AC39F1E"
        .parse()
        .expect("a revision");
    let commit: Commit = "526e4a8479d4f91ef2ce1b4cca9b19fc0ac39f1e"
        .parse()
        .expect("a commit");
    assert_eq!(full.as_commit(), Some(commit));
    assert_eq!(
        Revision::new("526e4a8").expect("a revision").as_commit(),
        None
    );
    bad::<Commit>(&["", "526e4a8", "g26e4a8479d4f91ef2ce1b4cca9b19fc0ac39f1e"]);
}

#[test]
fn names() {
    good::<EnvName>(&[("FOO", ""), ("_", ""), ("a.b-c_1", "")]);
    bad::<EnvName>(&["", "1A", "A=B", "A B", "A\0", "-A", ".A", "Ä"]);
    good::<FileName>(&[
        ("data", ""),
        ("1", ""),
        ("_x", ""),
        ("a.b-c", ""),
        ("a..b", ""),
    ]);
    bad::<FileName>(&[
        "", ".", "..", ".a", "-a", "a/b", "a,b", "a b", "ä", "a\n", "a%2f",
    ]);
    assert!(FileName::new("x".repeat(129)).is_err());
    good::<RequestId>(&[("all pages", ""), ("ä/../,", ""), ("-x", "")]);
    bad::<RequestId>(&["", "a\nb", "\0", "\u{1b}[31m"]);
    assert!(RequestId::new("x".repeat(257)).is_err());
    good::<GroupName>(&[("deploy", "")]);
    bad::<GroupName>(&["", "\r"]);
}

#[test]
fn paths() {
    good::<ContainerPath>(&[
        ("/app/data.jsonl", ""),
        ("//app///data", "/app/data"),
        ("/app/./data", "/app/data"),
        ("/app/...", ""),
        ("/app/my data,ä", ""),
        ("/-x", ""),
    ]);
    bad::<ContainerPath>(&[
        "",
        "data",
        "./data",
        "/",
        "//",
        "/.",
        "/app/",
        "/../x",
        "/app/..",
        "/app/../x",
        "/a\0",
        "/a\nb",
        "C:\\x",
    ]);
    assert!(ContainerPath::new(format!("/{}", "x".repeat(4096))).is_err());
    good::<RepoPath>(&[
        ("Dockerfile", ""),
        ("./docker//Dockerfile", "docker/Dockerfile"),
        ("docker/", "docker"),
        ("a/-b", ""),
        (".github/x", ""),
    ]);
    bad::<RepoPath>(&[
        "",
        ".",
        "./",
        "/Dockerfile",
        "../x",
        "a/../b",
        "-f",
        "./-f",
        ".git/config",
        "a/.GIT",
        "a\0",
        "a\n",
    ]);
}

#[test]
fn images() {
    good::<ImageRef>(&[
        ("busybox", ""),
        ("python:3.12", ""),
        ("o/r", ""),
        ("o/r:v1_2.3-x", ""),
        ("ghcr.io/o/r", ""),
        ("localhost/r", ""),
        ("localhost:5000/r", ""),
        ("registry.acme.example:5000/team/app:1", ""),
        ("[::1]:5000/r", ""),
        ("a__b/c.d/e---f", ""),
        (
            "r@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "",
        ),
        (
            "r:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "",
        ),
    ]);
    bad::<ImageRef>(&[
        "",
        "-x",
        "--privileged",
        "A",
        "a/B",
        "a:",
        "a: b",
        "a b",
        "a//b",
        "/a",
        "a/",
        "a@sha256:12",
        "a@md5:x",
        "a_",
        "a___b",
        "a..b",
        "a._b",
        "a:-x",
        "a\n",
        "a:1:2",
        "h.example:x/r",
        "h.example:0/r",
        "-h.example/r",
        "user:pw@h.example/r",
        "a@",
        "http://h/r",
        "a.-b",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]);
    let parts = |text: &str| {
        let image = ImageRef::new(text).expect("an image");
        let own = |part: Option<&str>| part.unwrap_or("-").to_owned();
        let tail = (own(image.tag()), own(image.digest()));
        (
            image.registry().to_owned(),
            image.repository(),
            tail.0,
            tail.1,
        )
    };
    let wanted =
        |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned(), "-".to_owned());
    assert_eq!(
        parts("busybox"),
        wanted("docker.io", "library/busybox", "-")
    );
    assert_eq!(parts("o/r:1"), wanted("docker.io", "o/r", "1"));
    assert_eq!(parts("docker.io/r"), wanted("docker.io", "library/r", "-"));
    assert_eq!(
        parts("localhost:5000/r:1"),
        wanted("localhost:5000", "r", "1")
    );
}

#[test]
fn platforms() {
    good::<Platform>(&[
        ("linux/amd64", ""),
        ("linux/arm/v7", ""),
        ("windows/amd64", ""),
    ]);
    bad::<Platform>(&[
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/arm/v7/x",
        "Linux/amd64",
        "linux/a b",
        "-/-",
    ]);
}

#[test]
fn outputs() {
    good::<OutputName>(&[
        ("log", ""),
        ("status", ""),
        ("file_data", ""),
        ("node_a", ""),
        ("file_log", ""),
    ]);
    bad::<OutputName>(&[
        "",
        "logs",
        "file",
        "file_",
        "node_",
        "file_../x",
        "Log",
        "log ",
        "file_a,b",
    ]);
    good::<OutputSelection>(&[
        ("log", ""),
        ("log,status,file_a,node_b", ""),
        ("status,log", ""),
    ]);
    bad::<OutputSelection>(&[
        "",
        ",",
        "log,",
        ",log",
        "log,log",
        "log,file_a,file_a",
        "log, status",
    ]);
    let many: Vec<_> = (0..65).map(|i| format!("file_{i}")).collect();
    bad::<OutputSelection>(&[&many.join(",")]);
    let one: OutputSelection = "status".parse().expect("an output");
    assert_eq!(one.single(), Some(&OutputName::Status));
}

#[test]
fn pipelines() {
    good::<Pipeline>(&[("*", ""), ("a", ""), ("b,a", "")]);
    bad::<Pipeline>(&["", "*,a", "a,a", "a,", "**", "a b", "../a"]);
}

#[test]
fn commands() {
    let split = |text| Command::split(text).map(|command| command.argv());
    assert_eq!(
        split("node run start").expect("a command"),
        ["node", "run", "start"]
    );
    assert_eq!(split("  a   b ").expect("a command"), ["a", "b"]);
    assert_eq!(
        split("a\tb 'c d'").expect("a command"),
        ["a\tb", "'c", "d'"]
    );
    let bash = Command::bash("echo \"$X\" && ls").expect("a command");
    assert_eq!(bash.argv(), ["bash", "-c", "echo \"$X\" && ls"]);
    for bad in ["", " ", "a\0b"] {
        assert!(split(bad).is_err(), "{bad:?}");
    }
    assert!(Command::bash("").is_err());
    assert!(Command::bash("x".repeat(64 * 1024 + 1)).is_err());
    assert!(Command::args(vec![]).is_err());
    assert!(Command::args(vec![String::new(), "a".to_owned()]).is_err());
    assert!(Command::args(vec!["a".to_owned(), String::new(), "b c".to_owned()]).is_ok());
}

#[test]
fn callbacks() {
    good::<CallbackUrl>(&[
        ("https://h.example/cb?x=1", ""),
        ("http://127.0.0.1:8080/", ""),
        ("HTTP://H.example", "http://h.example/"),
    ]);
    bad::<CallbackUrl>(&[
        "",
        "h.example",
        "/cb",
        "ftp://h/x",
        "file:///etc/passwd",
        "javascript:1",
        "http://",
        "http://h/#x",
        "http://h/a b",
        "http://h/\n",
    ]);
    for with_password in [
        "http://u:hunter2@h/x",
        "http://hunter2@h/x",
        "http://u:hunter2@h:x/",
        "hunter2@h",
    ] {
        let error = with_password
            .parse::<CallbackUrl>()
            .expect_err("credentials");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn processors() {
    good::<Cpus>(&[
        ("0.5", ""),
        ("1", ""),
        ("1.0", "1"),
        ("10", ""),
        ("0.010", "0.01"),
        ("2.25", ""),
        ("1.000000001", ""),
        ("4096", ""),
        ("007", "7"),
    ]);
    bad::<Cpus>(&[
        "",
        "0",
        "0.0",
        "0.001",
        "-1",
        "+1",
        ".5",
        "1.",
        "1,5",
        "1e3",
        "NaN",
        "inf",
        "4097",
        "1.0000000001",
        "99999999999999999999",
        "0x1",
    ]);
    assert_eq!(
        "0.5".parse::<Cpus>().expect("half a processor").nanos(),
        500_000_000
    );
}

/// Deserialising validates.
#[test]
fn serde_checks() {
    fn refuses<T: serde::de::DeserializeOwned>(json: &str) {
        assert!(serde_json::from_str::<T>(json).is_err(), "{json}");
    }
    refuses::<Revision>("\"-x\"");
    refuses::<ContainerPath>("\"../x\"");
    refuses::<OutputSelection>("[]");
    refuses::<OutputSelection>("[\"log\",\"log\"]");
    refuses::<Cpus>("\"0\"");
    refuses::<Command>("{\"args\":[]}");
    refuses::<dogi_url::RepoUrl>("\"ssh://-oProxyCommand=x/r\"");
    refuses::<dogi_url::InstanceId>("\"x\"");
    refuses::<dogi_url::Action>("\"rnu\"");
    refuses::<Pipeline>("\"\"");
    assert_eq!(
        serde_json::to_string(&OutputName::Log).expect("JSON"),
        "\"log\""
    );
}
