//! Settings: the table, the order of sources, and the texts of reports.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use dogi::config::{Environment, Flags, Purpose, SETTINGS, Settings, reference, setting, volatile};
use dogi_engine::AtLogLimit;

/// An environment in which a server could start.
const GOOD: [(&str, &str); 2] = [
    ("SIGNATURES_SECRET", "very secret"),
    ("DATA_DIR", "/srv/dogi"),
];

pub(crate) fn env(more: &[(&str, &str)]) -> Environment {
    GOOD.iter().chain(more).copied().collect()
}

pub(crate) fn load(flags: &[(&'static str, &str)], env: &Environment) -> Result<Settings, String> {
    let flags: Flags = flags
        .iter()
        .map(|(name, value)| (*name, vec![OsString::from(value)]))
        .collect();
    Settings::load(&flags, env, Purpose::Serve).map_err(|report| report.to_string())
}

pub(crate) fn refused(env: &Environment) -> String {
    load(&[], env)
        .map(|_| ())
        .expect_err("these settings are bad")
}

/// A file whose name in reports is `dogi.yaml`.
pub(crate) fn with_file(text: &str, more: &[(&str, &str)]) -> Result<Settings, String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("dogi.yaml");
    std::fs::write(&path, text).expect("a file");
    let name = path.to_str().expect("UTF-8");
    let all: Vec<_> = more.iter().copied().chain([("CONFIG", name)]).collect();
    load(&[], &env(&all)).map_err(|report| report.replace(name, "dogi.yaml"))
}

#[test]
fn the_table_names_everything_once() {
    for (what, names) in [
        (
            "variable",
            SETTINGS
                .iter()
                .map(|row| row.env.to_owned())
                .collect::<Vec<_>>(),
        ),
        (
            "flag",
            SETTINGS.iter().map(|row| row.flag.to_owned()).collect(),
        ),
    ] {
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(
            unique.len(),
            names.len(),
            "a {what} stands twice in {names:?}"
        );
    }
    for row in SETTINGS {
        assert!(
            !row.help.is_empty() && !row.help.ends_with('.'),
            "{}: {}",
            row.env,
            row.help
        );
        assert!(
            !row.expected.is_empty() && !row.value.is_empty(),
            "{}",
            row.env
        );
        assert_eq!(setting(row.env), Some(row));
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let settings = load(&[], &env(&[])).expect("good settings");
    assert_eq!(settings.listen.addr.to_string(), "0.0.0.0:3001");
    assert_eq!(settings.listen.tls, None);
    assert!(!settings.access.bypass);
    assert_eq!(settings.storage.namespace.to_string(), "default");
    assert_eq!(settings.storage.keep_runs, 100);
    assert_eq!(settings.storage.keep_bytes, 10 << 30);
    assert_eq!(settings.storage.keep_mirror_bytes, 10 << 30);
    assert_eq!(settings.storage.keep_image_bytes, 20 << 30);
    assert_eq!(settings.storage.min_free_bytes, 1 << 30);
    assert_eq!(settings.jobs.max_running, 10);
    assert_eq!(settings.jobs.max_queued, 1000);
    assert_eq!(settings.jobs.timeout, Duration::from_secs(6 * 60 * 60));
    assert_eq!((settings.jobs.memory, settings.jobs.cpus), (None, None));
    assert_eq!(settings.jobs.pids, 4096);
    assert_eq!(settings.jobs.max_log_bytes, 1 << 30);
    assert_eq!(settings.jobs.at_log_limit, AtLogLimit::GoOn);
    assert_eq!(settings.docker.buildkit, None);
    assert_eq!(settings.network.github_url.as_str(), "https://github.com/");
    assert!(settings.callbacks.headers.as_map().is_empty());
    assert_eq!(
        settings.network.github_api_url.as_str(),
        "https://api.github.com/"
    );
    assert!(settings.file.url_repos.is_none());
    assert!(settings.file.webhooks.is_empty() && settings.file.repos.is_empty());
    assert_eq!((settings.mail, settings.compose_ci), (None, None));
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
}

#[test]
fn flags_win_then_the_environment_then_the_file() {
    let file = "max_running: 1\nmax_queued: 1\njob_pids: 1\n";
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("dogi.yaml");
    std::fs::write(&path, file).expect("a file");
    let env = env(&[("MAX_RUNNING", "2"), ("MAX_QUEUED", "2"), ("KEEP_RUNS", "")]);
    let name = path.to_str().expect("UTF-8");
    let settings = load(&[("CONFIG", name), ("MAX_RUNNING", "3")], &env).expect("good settings");
    let jobs = &settings.jobs;
    assert_eq!((jobs.max_running, jobs.max_queued, jobs.pids), (3, 2, 1));
    assert_eq!(
        settings.storage.keep_runs, 100,
        "an empty variable is not set"
    );
}

#[test]
fn what_becomes_of_a_job_that_prints_too_much_is_set() {
    let by_variable = |value| load(&[], &env(&[("MAX_LOG_ACTION", value)]));
    let by_flag = load(&[("MAX_LOG_ACTION", "fail")], &env(&[]));
    let by_file = with_file("max_log_action: fail\n", &[]);
    for (settings, expected) in [
        (by_variable("cut"), AtLogLimit::GoOn),
        (by_variable("fail"), AtLogLimit::Fail),
        (by_flag, AtLogLimit::Fail),
        (by_file, AtLogLimit::Fail),
    ] {
        assert_eq!(settings.expect("good settings").jobs.at_log_limit, expected);
    }
    let report = by_variable("stop").expect_err("no such action");
    assert!(
        report.contains("`cut` (the job goes on) or `fail`"),
        "{report}"
    );
}

#[test]
fn every_value_has_its_form() {
    let good: &[(&str, &[&str])] = &[
        (
            "LISTEN",
            &["127.0.0.1:0", "[::1]:80", ":3001", "localhost:3001"],
        ),
        ("BIND", &["::", "[::1]", "10.0.0.1"]),
        ("PORT", &["0", "65535"]),
        ("BYPASS_SIGNATURES", &["true", "TRUE", "1", "no", "off"]),
        ("SIGNATURES_SECRET", &["sechs6", "ääääää"]),
        (
            "ADVERTISED_URL",
            &["https://dogi.example.com", "http://h:1/base/"],
        ),
        ("NAMESPACE", &["default", "a.b-c_9"]),
        ("JOB_TIMEOUT", &["90s", "1h30m", "7d"]),
        ("JOB_MEMORY", &["512m", "1GiB", "1073741824"]),
        ("JOB_CPUS", &["0.5", "16"]),
        (
            "TRUSTED_PROXIES",
            &["10.0.0.0/8", "10.0.0.1, ::1", "fd00::/8"],
        ),
        (
            "EGRESS_ALLOW",
            &["external", "loopback,10.0.0.0/8,example.com"],
        ),
        ("CB_HEADERS", &["{}", r#"{"X-Key": "a b"}"#]),
        ("CB_SECRET", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]),
        (
            "HTTP_PROXY",
            &["http://proxy:3128", "proxy:3128", "http://u:p@proxy:1"],
        ),
        ("DOCKER_TLS_VERIFY", &["1", "0", "anything"]),
        ("DOCKER_BUILDKIT", &["0", "1"]),
        ("MAX_LOG_ACTION", &["cut", "fail"]),
        ("LOG_LEVEL", &["debug", "info,hyper=trace"]),
        ("LOG_FORMAT", &["text", "json"]),
    ];
    let bad: &[(&str, &[&str])] = &[
        (
            "LISTEN",
            &["3001", "example.com:80", "0.0.0.0", "0.0.0.0:65536"],
        ),
        ("BIND", &["localhost", "1.2.3"]),
        ("PORT", &["http", "-1", "65536"]),
        ("BYPASS_SIGNATURES", &["maybe", "2"]),
        ("SIGNATURES_SECRET", &["short"]),
        ("SIGNATURES_SECRET_PREVIOUS", &["short"]),
        ("DOGI_TOKEN", &["short", "with space", "ümlaut-token"]),
        ("DATA_DIR", &["relative/dir"]),
        (
            "ADVERTISED_URL",
            &[
                "dogi.example.com",
                "ftp://x",
                "http://x?a=b",
                "http://u:p@x",
            ],
        ),
        ("NAMESPACE", &["-a", "a/b", "a b"]),
        ("MAX_RUNNING", &["0", "-1", "many", "1.5"]),
        ("JOB_TIMEOUT", &["0", "soon", "5 minutes"]),
        ("JOB_MEMORY", &["much", "-1", "1.5GiB"]),
        ("JOB_CPUS", &["0", "-1", "all"]),
        ("JOB_PIDS", &["0", "x"]),
        ("TRUSTED_PROXIES", &["proxy.example.com", "10.0.0.0/33"]),
        ("EGRESS_ALLOW", &["10.0.0.0/64", "exter nal"]),
        (
            "CB_HEADERS",
            &[
                "[]",
                "{",
                r#"{"a b": "c"}"#,
                r#"{"a": 1}"#,
                r#"{"a": "\n"}"#,
            ],
        ),
        ("CB_SECRET", &["secret", "whsec_short", "whsec_AAAA"]),
        ("HTTPS_PROXY", &["socks5://proxy:1080", "http://"]),
        ("GITHUB_URL", &["github.com"]),
        ("MAX_LOG_ACTION", &["stop", "FAIL", "cut,fail"]),
        ("LOG_LEVEL", &["loud"]),
        ("LOG_FORMAT", &["xml"]),
    ];
    for (name, values) in good {
        for value in *values {
            let loaded = load(&[], &env(&[(name, value)])).map(|_| ());
            assert_eq!(loaded, Ok(()), "{name}={value}");
        }
    }
    for (name, values) in bad {
        for value in *values {
            let loaded = load(&[], &env(&[(name, value)])).map(|_| ());
            let report = loaded.expect_err(&format!("{name}={value}"));
            let place = format!("a setting is wrong:\n  ${name}: ");
            assert!(report.starts_with(&place), "{name}={value}: {report}");
            assert!(report.contains("expected "), "{name}={value}: {report}");
        }
    }
}

#[test]
fn all_mistakes_stand_in_one_report() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("dogi.yaml");
    std::fs::write(&path, "max_queued: lots\nregistires: {}\n").expect("a file");
    let name = path.to_str().expect("UTF-8");
    let env = env(&[
        ("MAX_RUNNING", "many"),
        ("DOGI_TOKEN", "tiny"),
        ("PORT", "http"),
    ]);
    let report = load(&[("CONFIG", name), ("JOB_TIMEOUT", "soon")], &env)
        .map(|_| ())
        .expect_err("bad settings");
    assert_eq!(
        report.replace(name, "dogi.yaml"),
        "6 settings are wrong:\n  \
         dogi.yaml:2: registires: unknown key; did you mean \"registries\"?\n  \
         $PORT: \"http\": expected a port from 0 to 65535\n  \
         $DOGI_TOKEN: expected at least 6 characters, visible ASCII; it has 4\n  \
         $MAX_RUNNING: \"many\": expected a whole number of at least 1\n  \
         dogi.yaml:1: max_queued: \"lots\": expected a whole number\n  \
         --job-timeout: \"soon\": expected a duration such as 90s, 5m, 6h or 7d"
    );
}

#[test]
fn a_server_that_nobody_could_use_does_not_start() {
    let nobody: Environment = [("DATA_DIR", "/srv/dogi")].into_iter().collect();
    let report = refused(&nobody);
    assert!(
        report.contains("neither SIGNATURES_SECRET nor BYPASS_SIGNATURES=true"),
        "{report}"
    );
    let other = Settings::load(&Flags::new(), &nobody, Purpose::Other);
    assert!(other.is_ok(), "other commands need no secret");
    let open = [("DATA_DIR", "/srv/dogi"), ("BYPASS_SIGNATURES", "true")];
    let settings = load(&[], &open.into_iter().collect()).expect("open to everybody");
    assert_eq!(
        settings.warnings.len(),
        1,
        "and says so: {:?}",
        settings.warnings
    );
}

#[test]
fn a_server_that_has_hooks_needs_no_signatures() {
    let env: Environment = [("DATA_DIR", "/srv/dogi"), ("HOOKS", "/etc/hooks.yaml")]
        .into_iter()
        .collect();
    let settings = load(&[], &env).expect("it starts");
    let warned = settings.warnings.join("\n");
    assert!(warned.contains("is answered 401"), "{warned}");
}

#[test]
fn files_of_hooks_are_named_by_flags_a_variable_or_a_list() {
    let names = |settings: Settings| -> Vec<String> {
        let files = settings.hooks.files.iter();
        files.map(|path| path.display().to_string()).collect()
    };
    let flags: Flags = [(
        "HOOKS",
        vec![OsString::from("a.yaml"), OsString::from("b,c.json")],
    )]
    .into_iter()
    .collect();
    let settings = Settings::load(&flags, &env(&[("HOOKS", "x.yaml")]), Purpose::Serve);
    assert_eq!(names(settings.expect("good")), ["a.yaml", "b,c.json"]);
    let settings = load(&[], &env(&[("HOOKS", "x.yaml, y.yaml")])).expect("good");
    assert_eq!(names(settings), ["x.yaml", "y.yaml"]);
    for (text, wanted) in [
        ("hooks: a.yaml", vec!["a.yaml"]),
        ("hooks: [a.yaml, b.yaml]", vec!["a.yaml", "b.yaml"]),
        ("{}", vec![]),
    ] {
        assert_eq!(names(with_file(text, &[]).expect("good")), wanted, "{text}");
    }
}

#[test]
fn what_holds_secrets_is_known() {
    let secret = dogi::config::secret_variables();
    for name in [
        "SIGNATURES_SECRET",
        "SIGNATURES_SECRET_PREVIOUS",
        "DOGI_TOKEN",
        "CB_SECRET",
        "CB_HEADERS",
        "GITHUB_TOKEN",
        "SMTP_PASS",
        "REGISTRY_PASS",
    ] {
        assert!(secret.contains(&name), "{name} is not among {secret:?}");
    }
    assert!(!secret.contains(&"PATH") && !secret.contains(&"LISTEN"));
}

#[test]
fn settings_that_contradict_each_other_are_told() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("LISTEN", "0.0.0.0:1"), ("PORT", "2")],
            "leave BIND and PORT out",
        ),
        (&[("KEY_PATH", "/k.pem")], "a key without a certificate"),
    ];
    for (settings, wanted) in cases {
        let report = refused(&env(settings));
        assert!(report.contains(wanted), "{report}");
    }
    let both = load(&[], &env(&[("BIND", "::1"), ("PORT", "80")])).expect("good settings");
    assert_eq!(both.listen.addr.to_string(), "[::1]:80");
}

#[test]
fn the_file_has_sections() {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "from a file\n").expect("a secret");
    let text = format!(
        "# all of it
forges:
  git.example.com: {{kind: gitea, api: \"https://git.example.com/api/v1\", token: {{env: T}}}}
  github.com: {{token: 0123}}
git:
  known_hosts: strict
  known_hosts_file: /etc/dogi/known_hosts
  allow: [git, file]
  hosts: {{git.example.com: {{ssh_key: /etc/dogi/key}}}}
registries:
  registry.example.com:5000: {{user: ci, password: {{file: {}}}}}
url_repos: [\"github.com/acme/*\", git.example.com/o/r]
cb_headers: {{X-Key: {{env: T}}, X-Other: text}}
egress_allow: [external, 10.0.0.0/8]
signatures_secret_previous: [older one, {{env: T}}]
job_cpus: 1.50
",
        secret.path().display()
    );
    let settings = with_file(&text, &[("T", "the token")]).expect("a good file");
    let file = &settings.file;
    let forge = &file.forges["git.example.com"];
    assert_eq!(
        forge.token.as_ref().map(|token| token.expose()),
        Some("the token")
    );
    assert_eq!(
        forge.api.as_ref().map(|url| url.as_str()),
        Some("https://git.example.com/api/v1")
    );
    let token = file.forges["github.com"]
        .token
        .as_ref()
        .map(|token| token.expose());
    assert_eq!(token, Some("0123"), "a number keeps its spelling");
    assert!(file.git.strict_hosts && file.git.allow_git && file.git.allow_file);
    assert_eq!(
        file.git.ssh_keys["git.example.com"],
        Path::new("/etc/dogi/key")
    );
    let registry = &file.registries["registry.example.com:5000"];
    assert_eq!(
        (registry.user.as_str(), registry.password.expose()),
        ("ci", "from a file")
    );
    let repos = file.url_repos.as_ref().expect("patterns");
    assert!(repos.matches("github.com/acme/a") && repos.matches("git.example.com/o/r"));
    assert!(!repos.matches("github.com/other/a") && !repos.matches("git.example.com/o/r2"));
    let headers = settings.callbacks.headers.as_map();
    assert_eq!(headers["x-key"], "the token");
    assert_eq!(headers["x-other"], "text");
    assert_eq!(
        settings.jobs.cpus.map(|cpus| cpus.to_string()).as_deref(),
        Some("1.5")
    );
}

#[test]
fn every_mistake_in_the_file_is_told_with_its_line() {
    let cases: &[(&str, &[&str])] = &[
        (
            "max_runnin: 1\n",
            &["1: max_runnin: unknown key; did you mean \"max_running\"?"],
        ),
        ("updates: []\n", &["1: updates: unknown key"]),
        ("s3: {}\n", &["1: s3: unknown key"]),
        ("- a\n", &["dogi.yaml:1: expected a mapping, not a list"]),
        (
            "max_running: [1]\n",
            &["1: max_running: expected a whole number of at least 1, not a list"],
        ),
        ("a: [\n", &["not valid YAML"]),
        ("max_running: 1\nmax_running: 2\n", &["2: not valid YAML"]),
        (
            "forges:\n  h:\n    kind: gitee\n    api: nowhere\n    tokn: x\n    token: {env: NOPE}\n",
            &[
                "3: forges.h.kind: \"gitee\": expected one of github, gitea, forgejo, gitlab; did you mean \"gitea\"?",
                "4: forges.h.api: \"nowhere\": expected an http or https URL; relative URL without a base",
                "5: forges.h.tokn: unknown key; did you mean \"token\"?",
                "6: forges.h.token.env: $NOPE is not set",
            ],
        ),
        (
            "forges: {h: {token: {fil: x}}}\n",
            &["forges.h.token.fil: unknown key; did you mean \"file\"?"],
        ),
        (
            "forges: {h: {token: {file: /nope}}}\n",
            &["forges.h.token.file: cannot read /nope: "],
        ),
        (
            "forges: {h: {token: {env: A, file: B}}}\n",
            &["forges.h.token: expected text, {env: NAME} or {file: PATH}"],
        ),
        (
            "forges: {\"u@h/x\": {}}\n",
            &["forges.u@h/x: expected a host"],
        ),
        (
            "git: {known_hosts: lenient}\n",
            &["git.known_hosts: \"lenient\": expected one of accept-new, strict"],
        ),
        (
            "git: {allow: [ftp]}\n",
            &["git.allow: \"ftp\": expected one of git, file"],
        ),
        (
            "git: {hosts: {h: {ssh_key: id_rsa}}}\n",
            &["git.hosts.h.ssh_key: \"id_rsa\": expected an absolute path"],
        ),
        (
            "registries: {h: {user: u}}\n",
            &["1: registries.h: password is missing"],
        ),
        (
            "url_repos: [\"a[\"]\n",
            &["url_repos: \"a[\": not a pattern: "],
        ),
        (
            "url_repos: {a: b}\n",
            &["url_repos: expected a list of patterns"],
        ),
    ];
    for (text, wanted) in cases {
        let report = with_file(text, &[]).map(|_| ()).expect_err(text);
        let lines = report.lines().count() - 1;
        assert_eq!(lines, wanted.len(), "{text}: {report}");
        for message in *wanted {
            assert!(
                report.contains(message),
                "{text}: wanted {message}, got {report}"
            );
        }
    }
    let missing = load(&[("CONFIG", "/nope/dogi.yaml")], &env(&[]));
    let report = missing.map(|_| ()).expect_err("there is no such file");
    assert!(
        report.contains("/nope/dogi.yaml: cannot be read: No such file"),
        "{report}"
    );
}

#[test]
fn an_empty_file_is_a_good_one() {
    for text in ["", "\n", "# nothing yet\n", "{}\n", "forges:\n"] {
        assert!(with_file(text, &[]).is_ok(), "{text:?}");
    }
}

#[test]
fn directories_that_a_reboot_clears_are_known() {
    let mounts = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=1g
31 22 0:40 / /srv/fast rw shared:9 - tmpfs tmpfs rw
32 31 8:2 / /srv/fast/disk rw - ext4 /dev/sdb rw
";
    let cases = [
        ("/var/lib/dogi", None),
        ("/tmp/dogi-shared", Some("is a temporary directory")),
        ("/tmpfoo", None),
        ("/run/dogi", Some("is in memory (tmpfs)")),
        ("/srv/fast/dogi", Some("is in memory (tmpfs)")),
        ("/srv/fast/disk/dogi", None),
    ];
    for (path, wanted) in cases {
        assert_eq!(volatile(Path::new(path), mounts), wanted, "{path}");
    }
}

#[test]
fn the_page_in_the_documentation_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let page = reference::page();
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    if stored != page {
        std::fs::write(&path, &page).expect("docs/ can be written");
        panic!("docs/settings.md was out of date and has been written anew: commit it");
    }
}
