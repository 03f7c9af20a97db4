//! Repository URLs that git never gets to see.

use dogi_url::{RepoError, RepoUrl};

#[test]
fn refused() {
    let bad = [
        ("ftp", "h.example/r"),
        ("ext", "sh -c x"),
        ("HTTPS", "h.example/r"),
        ("", ""),
        ("https", ""),
        ("https", "h.example"),
        ("https", "h.example/"),
        ("https", "/h.example/r"),
        ("https", "h.example//r"),
        ("https", "h.example/a//r"),
        ("https", "h.example/../r"),
        ("https", "h.example/a/.."),
        ("https", "h.example/%2e%2e/r"),
        ("https", "h.example/a/./r"),
        ("https", "h.example/r%00"),
        ("https", "h.example/r%0a"),
        ("https", "h.example/r%0Ax"),
        ("https", "h.example/r%7f"),
        ("https", "h.example/r%C2%85"),
        ("https", "h.example/a%5Cb"),
        ("https", "h.example/r%3Fx"),
        ("https", "h.example/r%23x"),
        ("https", "h.example/%ff"),
        ("https", "h.example/%"),
        ("https", "h.example/%2"),
        ("https", "h.example/%zz"),
        ("https", "-h.example/r"),
        ("https", "h.-example/r"),
        ("https", "h.example/-r"),
        ("https", "--upload-pack=x/r"),
        ("https", "h.example./r"),
        ("https", "h..example/r"),
        ("https", "h example/r"),
        ("https", "h$example/r"),
        ("https", "h.example:/r"),
        ("https", "h.example:0/r"),
        ("https", "h.example:65536/r"),
        ("https", "h.example:+80/r"),
        ("https", "h.example:x/r"),
        ("https", "[::1/r"),
        ("https", "[::g]/r"),
        ("https", "999.1.1.1/r"),
        ("ssh", "-oProxyCommand=touch%20x"),
        ("ssh", "-oProxyCommand=x@h.example:r"),
        ("ssh", "git@-oProxyCommand=x:r"),
        ("ssh", "git@-h:r"),
        ("ssh", "git@h.example:-r"),
        ("ssh", "git@h.example:/-r"),
        ("ssh", "git@h.example:22/-r"),
        ("ssh", "github.com:o/r.git"),
        ("ssh", "git@github.com/o/r.git"),
        ("ssh", "git@github.com"),
        ("ssh", "git@github.com:"),
        ("ssh", "git@:o/r"),
        ("ssh", "@h.example:o/r"),
        ("ssh", "g i t@h.example:o/r"),
        ("ssh", "git@h.example:o/../r"),
        ("ssh", "git@h.example:../r"),
        ("ssh", "git@h.example:0/r"),
        ("ssh", "git@h.example:99999/r"),
        ("ssh", "git@h.example:22/"),
        ("ssh", "git@h.example:/1/2%0a"),
        ("ssh", "git@[::1]o/r"),
        ("ssh", "git@[::1:o/r"),
        ("ssh", "git@a@b:o/r"),
        ("file", ""),
        ("file", "../etc"),
        ("file", "srv/../etc"),
        ("file", "-x"),
    ];
    for (scheme, rest) in bad {
        let parsed = RepoUrl::parse(scheme, rest);
        assert!(parsed.is_err(), "{scheme}/{rest} was taken as {parsed:?}");
    }
    let bad = [
        "",
        "r",
        "/srv/r",
        "./r",
        "../r",
        "https:/h/r",
        "ext::sh -c x",
        "https://h.example/r?x",
        "https://h.example/r#x",
        "file://h.example/r",
        "ssh://h.example/r",
        "ssh://git@h.example",
        "ssh://-oProxyCommand=x/r",
        "ssh://git@-oProxyCommand=x/r",
        "-u@h:r",
        "--upload-pack=x",
    ];
    for text in bad {
        assert!(text.parse::<RepoUrl>().is_err(), "{text}");
    }
}

#[test]
fn credentials_are_refused_and_not_repeated() {
    let bad = [
        ("https", "user:hunter2@h.example/r"),
        ("https", "hunter2@h.example/r"),
        ("https", "user%3Ahunter2%40h.example/r"),
        ("https", "user:hunt/er2@h.example/r"),
        ("https", "user:hunt%2Fer2@h.example/r"),
        ("https", "user:8hunter2/@h.example/r"),
        ("http", ":hunter2@h.example/r"),
        ("git", "user:hunter2@h.example/r"),
        ("ssh", "git:hunter2@h.example:o/r"),
    ];
    for (scheme, rest) in bad {
        let error = RepoUrl::parse(scheme, rest).expect_err(rest);
        assert_eq!(error, RepoError::Credentials, "{rest}");
        assert!(!format!("{error} {error:?}").contains("hunt"), "{error}");
    }
    for text in [
        "https://user:hunter2@h.example/r",
        "ssh://git:hunter2@h.example/r",
        "https://u:a/b@h/r",
    ] {
        assert_eq!(
            text.parse::<RepoUrl>(),
            Err(RepoError::Credentials),
            "{text}"
        );
    }
}

#[test]
fn length_is_bounded() {
    let long = format!("h.example/{}", "x".repeat(RepoUrl::MAX_BYTES));
    assert!(matches!(
        RepoUrl::parse("https", &long),
        Err(RepoError::TooLong { .. })
    ));
    // longer once it is escaped
    let long = format!("h.example/{}", "ä".repeat(RepoUrl::MAX_BYTES / 3));
    assert!(matches!(
        RepoUrl::parse("https", &long),
        Err(RepoError::TooLong { .. })
    ));
}
