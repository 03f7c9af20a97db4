//! Repository URLs, in every way they are written.

use dogi_url::{JoinError, RepoUrl, Transport};

/// From a run URL: scheme, rest, canonical text, clone URL, match key, and the run path when it is
/// not what was given.
#[test]
fn run_paths() {
    let cases = [
        (
            "https",
            "github.com/o/r.git",
            "https://github.com/o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "https",
            "github.com/o/r",
            "https://github.com/o/r",
            "",
            "github.com/o/r",
        ),
        (
            "https",
            "GitHub.COM/O/R.git",
            "https://github.com/O/R.git",
            "",
            "github.com/O/R",
        ),
        (
            "https",
            "github.com:443/o/r.git",
            "https://github.com/o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "https",
            "github.com:8443/o/r",
            "https://github.com:8443/o/r",
            "",
            "github.com:8443/o/r",
        ),
        (
            "https",
            "github.com/o/r.git/",
            "https://github.com/o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "https",
            "github.com/%6F/r%2Egit",
            "https://github.com/o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "https",
            "github.com%2Fo%2Fr.git",
            "https://github.com/o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "https",
            "h.example/my%20r",
            "https://h.example/my%20r",
            "",
            "h.example/my r",
        ),
        (
            "https",
            "h.example/a+b",
            "https://h.example/a+b",
            "",
            "h.example/a+b",
        ),
        (
            "https",
            "h.example/%25x",
            "https://h.example/%25x",
            "",
            "h.example/%x",
        ),
        (
            "https",
            "h.example/ä",
            "https://h.example/%C3%A4",
            "",
            "h.example/ä",
        ),
        (
            "https",
            "bücher.example/r",
            "https://xn--bcher-kva.example/r",
            "",
            "xn--bcher-kva.example/r",
        ),
        (
            "https",
            "h.example/o/-r",
            "https://h.example/o/-r",
            "",
            "h.example/o/-r",
        ),
        (
            "https",
            "h.example/a/b/c/d.git",
            "https://h.example/a/b/c/d.git",
            "",
            "h.example/a/b/c/d",
        ),
        (
            "http",
            "127.0.0.1:8080/r.git",
            "http://127.0.0.1:8080/r.git",
            "",
            "127.0.0.1:8080/r",
        ),
        ("http", "0x7f.1/r", "http://127.0.0.1/r", "", "127.0.0.1/r"),
        (
            "http",
            "[::1]:8080/r",
            "http://[::1]:8080/r",
            "",
            "[::1]:8080/r",
        ),
        ("http", "[0:0::1]/r", "http://[::1]/r", "", "[::1]/r"),
        (
            "http",
            "localhost:80/r",
            "http://localhost/r",
            "",
            "localhost/r",
        ),
        (
            "git",
            "h.example:9418/r",
            "git://h.example/r",
            "",
            "h.example/r",
        ),
        (
            "file",
            "srv/git/r.git",
            "file:///srv/git/r.git",
            "",
            "file/srv/git/r",
        ),
        (
            "ssh",
            "git@github.com:ovenator/dogi.git",
            "git@github.com:ovenator/dogi.git",
            "",
            "github.com/ovenator/dogi",
        ),
        (
            "ssh",
            "git%40github.com%3Ao%2Fr.git",
            "git@github.com:o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "ssh",
            "git@GitHub.com:o/r.git",
            "git@github.com:o/r.git",
            "",
            "github.com/o/r",
        ),
        (
            "ssh",
            "git@h.example:2222/o/r.git",
            "git@h.example:2222/o/r.git",
            "ssh://git@h.example:2222/o/r.git",
            "h.example:2222/o/r",
        ),
        (
            "ssh",
            "git@h.example:22/o/r",
            "git@h.example:22/o/r",
            "ssh://git@h.example:22/o/r",
            "h.example:22/o/r",
        ),
        (
            "ssh",
            "git@h.example:/srv/r.git",
            "git@h.example:/srv/r.git",
            "ssh://git@h.example/srv/r.git",
            "h.example/srv/r",
        ),
        (
            "ssh",
            "git@[::1]:2222/r",
            "git@[::1]:2222/r",
            "ssh://git@[::1]:2222/r",
            "[::1]:2222/r",
        ),
        ("ssh", "git@[::1]:r", "git@[::1]:r", "", "[::1]/r"),
        (
            "ssh",
            "me@h.example:~/r",
            "me@h.example:~/r",
            "",
            "h.example/~/r",
        ),
        (
            "ssh",
            "git@h.example:2222/my r",
            "git@h.example:2222/my r",
            "ssh://git@h.example:2222/my%20r",
            "h.example:2222/my r",
        ),
        (
            "ssh",
            "git@h.example:123",
            "git@h.example:123",
            "",
            "h.example/123",
        ),
    ];
    for (scheme, rest, canonical, clone_url, key) in cases {
        let repo = RepoUrl::parse(scheme, rest).unwrap_or_else(|error| panic!("{rest}: {error}"));
        assert_eq!(repo.as_str(), canonical, "{rest}");
        assert_eq!(
            repo.clone_url(),
            if clone_url.is_empty() {
                canonical
            } else {
                clone_url
            }
        );
        assert_eq!(repo.match_key(), key);
        same_again(&repo);
    }
}

/// Every text that a repository is written as leads to it.
fn same_again(repo: &RepoUrl) {
    assert_eq!(repo.as_str().parse().as_ref(), Ok(repo));
    assert_eq!(
        RepoUrl::from_clone_url(&repo.clone_url()).as_ref(),
        Ok(repo)
    );
    let path = repo.run_path();
    let (scheme, rest) = path[1..].split_once('/').expect("two parts");
    assert_eq!(RepoUrl::parse(scheme, rest).as_ref(), Ok(repo), "{path}");
}

#[test]
fn clone_urls() {
    let cases = [
        ("https://github.com/o/r.git", "https://github.com/o/r.git"),
        ("HTTPS://GitHub.com/o/r.git", "https://github.com/o/r.git"),
        ("ssh://git@github.com/o/r.git", "git@github.com:/o/r.git"),
        (
            "ssh://git@github.com:22/o/r.git",
            "git@github.com:22/o/r.git",
        ),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("git://h.example/r", "git://h.example/r"),
        ("file:///srv/r.git", "file:///srv/r.git"),
        ("file://localhost/srv/r.git", "file:///srv/r.git"),
        // what is not escaped in scp's form stays as it is
        ("git@h.example:a%20b", "git@h.example:a%20b"),
    ];
    for (text, canonical) in cases {
        let repo: RepoUrl = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(repo.as_str(), canonical, "{text}");
        same_again(&repo);
    }
}

#[test]
fn parts() {
    let repo = RepoUrl::parse("ssh", "git@[::1]:2222/o/r.git").expect("a repository");
    let wanted = Transport::Ssh {
        user: "git",
        host: "::1",
        port: Some(2222),
        path: "/o/r.git",
    };
    assert_eq!(repo.transport(), wanted);
    assert_eq!((repo.host(), repo.port()), (Some("::1"), Some(2222)));
    assert_eq!(
        (repo.path(), repo.name(), repo.scheme()),
        ("/o/r.git", "r", "ssh")
    );
    let repo = RepoUrl::parse("file", "srv/r").expect("a repository");
    assert_eq!((repo.host(), repo.port(), repo.name()), (None, None, "r"));
}

#[test]
fn relative_urls() {
    let cases = [
        (
            "https://h.example/o/r.git",
            "../lib.git",
            "https://h.example/o/lib.git",
        ),
        (
            "https://h.example/o/r.git",
            "../../p/lib.git",
            "https://h.example/p/lib.git",
        ),
        (
            "https://h.example/o/r.git",
            "./lib.git",
            "https://h.example/o/r.git/lib.git",
        ),
        (
            "https://h.example/o/r.git",
            "./../lib.git/",
            "https://h.example/o/lib.git",
        ),
        (
            "https://h.example:8443/o/r",
            "../lib",
            "https://h.example:8443/o/lib",
        ),
        (
            "https://h.example/my%20o/r",
            "../lib",
            "https://h.example/my%20o/lib",
        ),
        (
            "git@h.example:o/r.git",
            "../lib.git",
            "git@h.example:o/lib.git",
        ),
        (
            "git@h.example:o/r.git",
            "../../lib.git",
            "git@h.example:lib.git",
        ),
        (
            "git@h.example:2222/o/r.git",
            "../lib.git",
            "git@h.example:2222/o/lib.git",
        ),
        (
            "git@h.example:/o/r.git",
            "../lib.git",
            "git@h.example:/o/lib.git",
        ),
        ("file:///srv/r.git", "../lib.git", "file:///srv/lib.git"),
        ("https://h.example/o/r.git", "../", "https://h.example/o"),
        (
            "https://h.example/o/r.git",
            "./",
            "https://h.example/o/r.git",
        ),
    ];
    for (base, relative, wanted) in cases {
        let base: RepoUrl = base.parse().expect("a repository");
        let joined = base.join_relative(relative).expect(relative);
        assert_eq!(joined.as_str(), wanted, "{base} {relative}");
    }
    let base: RepoUrl = "https://h.example/o/r.git".parse().expect("a repository");
    for bad in ["lib", "/lib", "https://h.example/lib", "", "-u", "..", "."] {
        let error = base.join_relative(bad).expect_err(bad);
        assert!(
            matches!(error, JoinError::NotRelative { .. }),
            "{bad}: {error}"
        );
    }
    let error = base
        .join_relative("../../../evil.example/r")
        .expect_err("too far up");
    assert!(matches!(error, JoinError::AboveRoot { .. }), "{error}");
    for bad in [
        "../a/../b",
        "../a//b",
        "../../-x",
        "../a\nb",
        "../a?b",
        "./../..",
    ] {
        let error = base.join_relative(bad).expect_err(bad);
        assert!(matches!(error, JoinError::Repo(_)), "{bad}: {error}");
    }
    // would be read as a port
    let base: RepoUrl = "git@h.example:o/r.git".parse().expect("a repository");
    assert!(base.join_relative("../../22/r").is_err());
}
