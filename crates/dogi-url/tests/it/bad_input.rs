//! Bad input: each a clear answer, none a panic, none slow.

use dogi_url::{RawTarget, RequestError, RunRequest, TargetError, Unverified};

use crate::support::{REPO, in_time, query, target};

#[test]
fn targets() {
    let forbidden = |character, at, escaped: &str| {
        Err(TargetError::Forbidden {
            character,
            at,
            escaped: escaped.to_owned(),
        })
    };
    let cases: &[(&[u8], Result<(), TargetError>)] = &[
        (b"/", Ok(())),
        ("/ä".as_bytes(), Ok(())),
        (b"", Err(TargetError::NotAPath)),
        (b"*", Err(TargetError::NotAPath)),
        (b"http://h/x", Err(TargetError::NotAPath)),
        (b"/x\xff", Err(TargetError::NotUtf8 { at: 2 })),
        (b"/x y", forbidden(' ', 2, "%20")),
        (b"/x?a=\0", forbidden('\0', 5, "%00")),
        (b"/x\r\nHost: y", forbidden('\r', 2, "%0D")),
        (b"/x#y", forbidden('#', 2, "%23")),
        (b"/\x7f", forbidden('\x7f', 1, "%7F")),
        ("/\u{85}".as_bytes(), forbidden('\u{85}', 1, "%C2%85")),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(RawTarget::split(*bytes).map(|_| ()), *wanted, "{bytes:?}");
    }
}

#[test]
fn ten_megabytes() {
    let length = 10 * 1024 * 1024;
    let limit = RawTarget::MAX_BYTES;
    let error = Err(TargetError::TooLong { length, limit });
    for filler in ["x", "%", "&", "?", "\0", "/"] {
        let target = format!("/{}", filler.repeat(length - 1));
        assert_eq!(RawTarget::split(&target), error);
    }
    assert!(RawTarget::split(&format!("/{}", "x".repeat(limit - 1))).is_ok());
}

/// The longest targets of all shapes are answered in linear time.
#[test]
fn longest_targets() {
    let fillers = [
        "&",
        "a&",
        "=",
        "%",
        "+",
        "%41",
        "env_A=1&",
        "output=log&",
        "sig=&",
        ",",
        "a,",
        "_",
        "ä",
    ];
    for filler in fillers {
        for start in [
            "?",
            "?x=",
            "?output=",
            "?pipeline=",
            "?env_",
            "?id=",
            "?cmd=",
            "?cb=",
            "/",
            ":",
            "@",
        ] {
            let room = RawTarget::MAX_BYTES - REPO.len() - start.len();
            let text = format!("{REPO}{start}{}", filler.repeat(room / filler.len()));
            let raw = RawTarget::split(&text).expect("a request target");
            if let Ok(verified) = Unverified::new(raw).danger_accept_unsigned()
                && let Err(error) = in_time(|| RunRequest::parse(&verified, None))
            {
                let length = error.to_string().len();
                assert!(length < 1500, "{start}{filler}: {length} bytes of message");
            }
        }
    }
}

fn names_the_parameter(text: &str) -> &str {
    text.rsplit('&')
        .next()
        .and_then(|pair| pair.split('=').next())
        .expect("a parameter")
}

#[test]
fn bad_values_name_parameter_value_and_what_is_allowed() {
    let cases = [
        "action=rnu",
        "action=",
        "action=RUN",
        "action",
        "output=",
        "output=file_",
        "output=log,log",
        "output=../x",
        "output_type=later",
        "id=",
        "id=a%00b",
        "id=a%0ab",
        "ref=-x",
        "ref=--upload-pack=x",
        "ref=a..b",
        "ref=",
        "ref=a%00",
        "df=../Dockerfile",
        "df=/Dockerfile",
        "df=",
        "df=-f",
        "context=..",
        "context=/",
        "target=-x",
        "target=",
        "build_arg_=x",
        "build_arg_A%3DB=x",
        "build_arg_A=%00",
        "platform=linux",
        "git_dir=yes",
        "image=-x",
        "image=A",
        "image=",
        "pipeline=",
        "pipeline=a,a",
        "cmd=",
        "cmd=%20",
        "cmd=a%00b",
        "bashc=",
        "env_=x",
        "env_1=x",
        "env_A%20B=x",
        "env_%C3%A4=x",
        "env_A=%00",
        "file_=/x",
        "file_..=/x",
        "file_a%2Fb=/x",
        "file_a=data",
        "file_a=/../etc/passwd",
        "file_a=/a%0Ab",
        "file_a=/a%00b",
        "file_a=/",
        "file_a=/a/",
        "file_a=",
        "tty=yes",
        "tty=",
        "tty=TRUE",
        "timeout=soon",
        "timeout=0",
        "timeout=-1s",
        "timeout=11y",
        "memory=lots",
        "memory=1m",
        "memory=0",
        "memory=-1",
        "memory=99999999999999999999g",
        "cpus=0",
        "cpus=-1",
        "cpus=1e9",
        "cpus=NaN",
        "group=",
        "group=a%0a",
        "group=x&group_policy=drop",
        "attach=2",
        "cb=",
        "cb=ftp://h/",
        "cb=/x",
        "cb=http://u:p@h/",
        "cb=http://h/&cb_on=never",
        "rebuild=maybe",
        "on_fail=ignore",
    ];
    for text in cases {
        let error = query(text).expect_err(text);
        let RequestError::BadValue { .. } = &error else {
            panic!("{text}: {error}")
        };
        let name = names_the_parameter(text)
            .replace("%3D", "=")
            .replace("%20", " ")
            .replace("%2F", "/")
            .replace("%C3%A4", "ä");
        assert_eq!(error.parameter(), Some(name.as_str()), "{text}: {error}");
        assert!(
            error.value().is_some() && error.allowed().is_some(),
            "{text}: {error}"
        );
        let shown = error.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(
            shown.contains(&name) && shown.contains("allowed"),
            "{shown}"
        );
    }
}

#[test]
fn unknown_parameters_get_the_nearest_name() {
    let cases = [
        ("acton=run", Some("action")),
        ("Action=run", Some("action")),
        ("ouput=log", Some("output")),
        ("outputtype=wait", Some("output_type")),
        ("SIG=x", Some("sig")),
        ("evn_FOO=x", Some("env_FOO")),
        ("ENV_FOO=x", Some("env_FOO")),
        ("fil_data=/x", Some("file_data")),
        ("build_args_X=1", Some("build_arg_X")),
        ("buildarg_X=1", Some("build_arg_X")),
        ("branch=main", Some("ref")),
        ("dockerfile=x", Some("df")),
        ("callback=x", Some("cb")),
        ("command=x", Some("cmd")),
        ("env=x", Some("env_NAME")),
        ("tiemout=1s", Some("timeout")),
        ("privileged=true", None),
        ("volume=/:/host", None),
        ("network=host", None),
        ("x=1", None),
        ("on_fail0=1", Some("on_fail")),
        // found by fuzzing: the suggestion held what had been sent
        ("on_f%00%1b=1", Some("on_fail")),
        ("evn_%00%1b=1", None),
        ("=1", None),
        ("%00=1", None),
    ];
    for (text, wanted) in cases {
        let error = query(text).expect_err(text);
        assert!(
            matches!(error, RequestError::Unknown { .. }),
            "{text}: {error}"
        );
        assert_eq!(error.nearest(), wanted, "{text}");
    }
}

#[test]
fn repeated_parameters() {
    for (text, name, times) in [
        ("action=run&action=run", "action", 2),
        ("action=run&id=x&%61ction=abort", "action", 2),
        ("env_A=1&env_A=2&env_A=3", "env_A", 3),
        ("env_A=1&env%5FA=2", "env_A", 2),
        ("file_a=/x&file_a=/y", "file_a", 2),
    ] {
        let error = query(text).expect_err(text);
        assert!(
            matches!(error, RequestError::Repeated { count, .. } if count == times),
            "{error}"
        );
        assert_eq!(error.parameter(), Some(name));
    }
}

#[test]
fn bad_escapes() {
    for (text, name) in [
        ("id=%", "id"),
        ("id=%2", "id"),
        ("id=%zz", "id"),
        ("id=a%%20", "id"),
        ("id=%ff", "id"),
        ("id=%c3%28", "id"),
        ("env_A=%ed%a0%80", "env_A"),
        ("%zz=1", "%zz"),
        ("%ff=1", "%ff"),
        ("id=%ä1", "id"),
    ] {
        let error = query(text).expect_err(text);
        assert!(
            matches!(error, RequestError::Escape { .. }),
            "{text}: {error}"
        );
        assert_eq!(error.parameter(), Some(name));
    }
}

#[test]
fn too_many() {
    let list = |prefix: &str, count: usize, value: &str| {
        (0..count)
            .map(|i| format!("{prefix}{i}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    };
    let (env, args, files) = (
        RunRequest::MAX_ENV,
        RunRequest::MAX_BUILD_ARGS,
        RunRequest::MAX_FILES,
    );
    let cases = [
        (
            "env_",
            list("env_A", 1000, "x"),
            list("env_A", env, "x"),
            1000,
            env,
        ),
        (
            "build_arg_",
            list("build_arg_A", 1000, "x"),
            list("build_arg_A", args, "x"),
            1000,
            args,
        ),
        (
            "file_",
            list("file_a", 33, "/x"),
            list("file_a", files, "/x"),
            33,
            files,
        ),
    ];
    for (family, bad, good, count, limit) in cases {
        assert_eq!(
            query(&bad),
            Err(RequestError::TooMany {
                family,
                count,
                limit
            })
        );
        assert!(query(&good).is_ok());
    }
}

#[test]
fn parameters_that_exclude_each_other() {
    let cases = [
        ("cmd=a&bashc=b", "cmd", "bashc"),
        ("image=a&df=b", "image", "df"),
        ("image=a&context=b", "image", "context"),
        ("image=a&target=b", "image", "target"),
        ("image=a&build_arg_X=b", "image", "build_arg_X"),
        ("image=a&platform=linux/amd64", "image", "platform"),
        ("image=a&git_dir=1", "image", "git_dir"),
        ("pipeline=*&df=b", "pipeline", "df"),
        ("pipeline=*&image=b", "pipeline", "image"),
        ("pipeline=*&cmd=b", "pipeline", "cmd"),
        ("pipeline=*&bashc=b", "pipeline", "bashc"),
        ("pipeline=*&file_x=/y", "pipeline", "file_x"),
    ];
    for (text, one, two) in cases {
        match query(text).expect_err(text) {
            RequestError::Conflict {
                parameter, other, ..
            } => assert_eq!((&*parameter, &*other), (one, two)),
            error => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn parameters_that_need_another() {
    let cases = [
        ("action=run&output=file_x", "file_x"),
        ("action=restart&output=log,file_x&file_y=/y", "file_x"),
        ("action=run&output=node_x", "pipeline"),
        ("cb_on=always", "cb"),
        ("group_policy=queue", "group"),
        ("group_policy=replace", "group"),
    ];
    for (text, wanted) in cases {
        match query(text).expect_err(text) {
            RequestError::Needs { needs, .. } => assert_eq!(needs, wanted),
            error => panic!("{text}: {error}"),
        }
    }
    // the running job knows its outputs
    for action in ["peek", "abort"] {
        assert!(query(&format!("action={action}&output=file_x,node_y")).is_ok());
    }
}

#[test]
fn bad_repositories() {
    for path in [
        "/ssh/-oProxyCommand=touch%20x",
        "/ssh/-oProxyCommand=x@h:r",
        "/https/user:password@github.com/o/r.git",
        "/https/github.com/../r",
        "/https/github.com/%2e%2e/r",
        "/https/github.com/r%0a",
        "/https/",
        "/https",
        "/ftp/h/r",
        "/",
        "/https/h/%zz",
    ] {
        let error = target(path).expect_err(path);
        assert!(matches!(error, RequestError::Repo(_)), "{path}: {error}");
        assert!(!error.to_string().contains("password@"), "{error}");
    }
    assert_eq!(
        target("/htps/h/r").expect_err("unknown scheme").nearest(),
        Some("https")
    );
}
