//! The texts that users read, pinned.

use dogi_url::{RawTarget, RepoUrl, Unverified};

use crate::support::{REPO, keys, post, query};

#[test]
fn of_requests() {
    let cases = [
        (
            "action=rnu",
            "parameter `action`: \"rnu\" is not an action; allowed: peek, run, restart, abort (did you mean `run`?)",
        ),
        (
            "acton=run",
            "unknown parameter `acton` in the query; did you mean `action`?",
        ),
        (
            "id=1&id=2",
            "parameter `id` is given 2 times in the query; allowed: once",
        ),
        (
            "id=%zz",
            "parameter `id` in the query: \"%zz\" is not an escape; allowed: `%` and two hex digits, `%25` for `%` itself",
        ),
        (
            "id=%ff",
            "parameter `id` in the query: the decoded text is not UTF-8 at byte 0",
        ),
        (
            "ref=-x",
            "parameter `ref`: \"-x\" is not a revision: it begins with '-'; allowed: a branch, a tag or a full commit id, as `git check-ref-format` allows them",
        ),
        (
            "file_a=data",
            "parameter `file_a`: \"data\" is not a path in the container: it does not begin with '/'; allowed: the absolute path of a file, as `/app/data.jsonl`",
        ),
        (
            "cmd=a&bashc=b",
            "`cmd` and `bashc` can't be given together: both say what to run",
        ),
        (
            "action=run&output=file_x",
            "`output=file_x` needs `file_x`: it says which file of the container that is",
        ),
        (
            "tty=yes",
            "parameter `tty`: \"yes\" is not a yes or no; allowed: true, false, 1, 0",
        ),
        (
            "output=log,log",
            "parameter `output`: \"log,log\" is not a list of outputs: `log` stands in it twice; allowed: one or several of log, status, file_NAME, node_NAME, comma separated, none twice",
        ),
        (
            "id=a%00%1b[31m",
            "parameter `id`: \"a\\0\\u{1b}[31m\" is not an instance id: it holds '\\0'; allowed: 1 to 256 bytes of text without control characters",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(query(text).expect_err(text).to_string(), wanted);
    }
    let long = query(&format!("action={}", "x".repeat(1000)))
        .expect_err("long")
        .to_string();
    assert!(long.starts_with(&format!(
        "parameter `action`: \"{}… (1000 bytes)\"",
        "x".repeat(80)
    )));
    let error = post("", "application/json", b"[]").expect_err("a list");
    assert_eq!(
        error.to_string(),
        "the body is not a JSON object of parameters: invalid type: sequence, expected an object at line 1 column 0"
    );
}

#[test]
fn of_repositories() {
    let cases = [
        (
            "ssh",
            "github.com/o/r",
            "\"github.com/o/r\" is not an ssh repository; allowed: `git@host:owner/repo.git` or `git@host:port/path`",
        ),
        (
            "ssh",
            "git@-x:r",
            "\"-x\" is not a host of a repository: it begins with '-'",
        ),
        (
            "https",
            "h/../r",
            "\"../r\" is not the path of a repository: it has a part \"..\"",
        ),
        ("https", "h:0/r", "\"0\" is not a port; allowed: 1 to 65535"),
        (
            "https",
            "u:p@h/r",
            "the repository URL holds credentials, which would end up in logs; leave them out (the operator configures how private repositories are reached)",
        ),
    ];
    for (scheme, rest, wanted) in cases {
        assert_eq!(
            RepoUrl::parse(scheme, rest).expect_err(rest).to_string(),
            wanted
        );
    }
}

#[test]
fn of_signatures() {
    let cases = [
        ("", "the URL is not signed: it has no `sig`"),
        (
            "?sig=1",
            "`sig` has 1 characters; allowed: 64 hex digits (HMAC-SHA-256) or 40 (SHA-1, legacy)",
        ),
        (
            "?sig=1&a=2",
            "`sig` is not the last parameter; whatever follows it would not be signed",
        ),
        (
            "?sig=1&sig=2",
            "`sig` is given 2 times; allowed: once, as the last parameter",
        ),
    ];
    for (rest, wanted) in cases {
        let target = format!("{REPO}{rest}");
        let raw = RawTarget::split(&target).expect("a request target");
        assert_eq!(
            Unverified::new(raw)
                .verify(&keys(), 0)
                .expect_err(rest)
                .to_string(),
            wanted
        );
    }
}
