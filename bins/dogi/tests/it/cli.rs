//! The command line, in-process.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use dogi::cli::{self, Console, Exit};
use dogi::config::Environment;

const URL: &str = "https://dogi.example.com/https/github.com/o/r.git?action=run";

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// Exit, standard output, standard error.
pub(crate) fn dogi(args: &[&str], env: &[(&str, &str)]) -> (Exit, String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let mut console = Console::new(out.clone(), err.clone());
    let args = ["dogi"].iter().chain(args).map(OsString::from);
    let env: Environment = env.iter().copied().collect();
    let exit = cli::main(args, &env, &mut console);
    (exit, out.text(), err.text())
}

#[test]
fn the_command_tree_is_sound() {
    cli::command().debug_assert();
}

#[test]
fn help_names_every_command_and_every_setting() {
    let (exit, help, err) = dogi(&["--help"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Success, ""));
    for word in [
        "serve",
        "run",
        "tail",
        "sign",
        "check",
        "gc",
        "backup",
        "Exit codes",
        "125",
    ] {
        assert!(help.contains(word), "{word} is not in {help}");
    }
    let (exit, help, _) = dogi(&["serve", "--help"], &[]);
    assert_eq!(exit, Exit::Success);
    for row in dogi::config::SETTINGS {
        assert!(
            help.contains(&format!("--{}", row.flag)),
            "{} is not in {help}",
            row.flag
        );
        assert!(help.contains(row.env), "{} is not in {help}", row.env);
    }
}

#[test]
fn signing_prints_the_url_with_its_signature() {
    let secret = [("SIGNATURES_SECRET", "very secret")];
    // echo -n 'very secret:/https/github.com/o/r.git?action=run' | sha1sum
    let (exit, out, _) = dogi(&["sign", URL, "--legacy"], &secret);
    assert_eq!(exit, Exit::Success);
    assert_eq!(
        out,
        format!("{URL}&sig=a541fe7cce131d5f6360116ff381d06842735085\n")
    );
    let (exit, out, _) = dogi(&["sign", URL, "--no-expiry"], &secret);
    assert_eq!(exit, Exit::Success);
    let sig = out
        .trim_end()
        .strip_prefix(URL)
        .and_then(|rest| rest.strip_prefix("&sig="));
    assert_eq!(sig.map(str::len), Some(64), "{out}");
    let (exit, out, _) = dogi(&["sign", URL], &secret);
    assert_eq!(exit, Exit::Success);
    assert!(
        out.contains("&exp="),
        "a signature is good for seven days by default: {out}"
    );
    let (_, path, _) = dogi(
        &["sign", "/https/github.com/o/r.git", "--expires", "1h"],
        &secret,
    );
    assert!(path.starts_with("/https/github.com/o/r.git?exp="), "{path}");
}

#[test]
fn what_cannot_be_signed_is_told() {
    let secret = [("SIGNATURES_SECRET", "very secret")];
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        (&["sign", URL], &[], "set SIGNATURES_SECRET"),
        (
            &["sign", URL],
            &[("SIGNATURES_SECRET", "short")],
            "expected at least 6 characters",
        ),
        (&["sign", "github.com/o/r.git"], &secret, "neither a path"),
        (&["sign", URL, "--expires", "soon"], &secret, "--expires: "),
        (
            &["sign", &format!("{URL}&sig=aa")],
            &secret,
            "already has a `sig`",
        ),
        (
            &["sign", URL, "--expires", "1h", "--no-expiry"],
            &secret,
            "cannot be used with",
        ),
        (
            &["sign", URL, "--expiry", "1h"],
            &secret,
            "did you mean \"expires\"?",
        ),
        (&["sign"], &secret, "<URL>"),
    ];
    for (args, env, wanted) in cases {
        let (exit, out, err) = dogi(args, env);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{args:?}");
        assert!(err.contains(wanted), "{args:?}: {err}");
        assert!(!err.contains("very secret"), "{args:?}: {err}");
    }
}

#[test]
fn check_prints_every_mistake() {
    let data = ("DATA_DIR", "/srv/dogi");
    let good = [data, ("SIGNATURES_SECRET", "very secret")];
    let (exit, out, err) = dogi(&["check"], &good);
    assert_eq!(
        (exit, out.as_str(), err.as_str()),
        (Exit::Success, "the settings are good\n", "")
    );
    let (exit, _, err) = dogi(&["check"], &[data]);
    assert_eq!(exit, Exit::Success);
    assert!(err.contains("would not start"), "{err}");
    let bad = [data, ("MAX_RUNNING", "0"), ("PORT", "x")];
    let (exit, out, err) = dogi(&["check", "--confg", "x"], &bad);
    assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
    assert_eq!(
        err,
        "dogi: 3 settings are wrong:\n  \
         --confg: unknown flag; did you mean \"config\"?\n  \
         $PORT: \"x\": expected a port from 0 to 65535\n  \
         $MAX_RUNNING: \"0\": expected a whole number of at least 1\n"
    );
}

#[test]
fn an_unknown_flag_is_reported_together_with_bad_settings() {
    let (exit, _, err) = dogi(
        &[
            "serve",
            "--max-runing",
            "4",
            "--s3-host=x",
            "--port",
            "http",
        ],
        &[("DATA_DIR", "relative")],
    );
    assert_eq!(exit, Exit::Usage);
    for wanted in [
        "--max-runing: unknown flag; did you mean \"max-running\"?",
        "--s3-host: unknown flag",
        "--port: \"http\": expected a port",
        "$DATA_DIR: \"relative\": expected an absolute path",
        "neither SIGNATURES_SECRET nor BYPASS_SIGNATURES=true",
    ] {
        assert!(err.contains(wanted), "wanted {wanted}, got {err}");
    }
}

#[test]
fn mistakes_of_the_command_line_exit_with_64() {
    for args in [
        &["fly"] as &[&str],
        &[],
        &["run"],
        &["tail"],
        &["serve", "now"],
        &["check", "--event", "push"],
        &["check", "--payload", "push.json"],
        &["check", "--forge", "gitea"],
    ] {
        let (exit, out, err) = dogi(args, &[]);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{args:?}");
        assert!(!err.is_empty(), "{args:?}");
    }
}

#[test]
fn what_keeps_a_server_from_starting_is_told_without_passwords() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let dir = data.path().to_str().expect("UTF-8");
    let hosts = [
        "tcp://me:pa/s,s@w0rd@127.0.0.1:1",
        "tcp://me:w0rd@127.0.0.1:1/path",
        "ssh://me:w0rd@127.0.0.1",
        "me:w0rd@127.0.0.1:2375",
    ];
    for host in hosts {
        let env = [
            ("BYPASS_SIGNATURES", "true"),
            ("LISTEN", "127.0.0.1:0"),
            ("DATA_DIR", dir),
            ("DOCKER_HOST", host),
        ];
        let run = ["run", "https://127.0.0.1/o/r.git"];
        for (args, wanted) in [(&["serve"][..], Exit::Unavailable), (&run, Exit::Usage)] {
            let (exit, out, err) = dogi(args, &env);
            assert_eq!(exit, wanted, "{host}: {err}");
            assert!(err.contains("DOCKER_HOST"), "{host}: {err}");
            assert!(!format!("{out}{err}").contains("w0rd"), "{host}: {err}");
        }
    }
}
