//! Every setting of `dogi serve`, on one page.
//!
//! Flags, `--help`, `docs/settings.md` and the keys of `dogi.yaml` all come from [`SETTINGS`];
//! [`super::settings`] turns the texts into types. A setting is added in those two places.

use super::setting::{Group, Kind, Setting};

/// The setting with this variable, if there is one.
#[must_use]
pub fn setting(env: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.env == env)
}

const BASE: Setting = Setting {
    env: "",
    also: &[],
    flag: "",
    value: "TEXT",
    default: "",
    group: Group::Other,
    kind: Kind::Plain,
    expected: "text",
    help: "",
};

const BYTES: &str = "a number of bytes such as 512m, 1GiB or 1073741824";
const COUNT: &str = "a whole number of at least 1";
const SWITCH: &str = "true or false";
const URL: &str = "an http or https URL";

/// The variables that hold secrets.
#[must_use]
pub fn secret_variables() -> Vec<&'static str> {
    SETTINGS
        .iter()
        .filter(|setting| matches!(setting.kind, Kind::Secret | Kind::Secrets | Kind::Object))
        .flat_map(|setting| setting.also.iter().copied().chain([setting.env]))
        .collect()
}

/// All of them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        env: "LISTEN",
        flag: "listen",
        value: "ADDR",
        default: "0.0.0.0:3001",
        group: Group::Listener,
        expected: "an IP address and a port such as 127.0.0.1:3001 or [::]:3001",
        help: "Address to listen on; port 0 takes a free one and logs it",
        ..BASE
    },
    Setting {
        env: "BIND",
        flag: "bind",
        value: "IP",
        group: Group::Listener,
        expected: "an IP address such as 127.0.0.1 or ::",
        help: "The address part of LISTEN alone",
        ..BASE
    },
    Setting {
        env: "PORT",
        flag: "port",
        value: "PORT",
        group: Group::Listener,
        expected: "a port from 0 to 65535",
        help: "The port part of LISTEN alone",
        ..BASE
    },
    Setting {
        env: "CERT_PATH",
        flag: "cert",
        value: "PEM",
        group: Group::Listener,
        expected: "a path",
        help: "Serve HTTPS with this certificate (chain) and key; read again when the file changes",
        ..BASE
    },
    Setting {
        env: "KEY_PATH",
        flag: "key",
        value: "PEM",
        group: Group::Listener,
        expected: "a path",
        help: "The certificate's private key, when it is not in the same file",
        ..BASE
    },
    Setting {
        env: "ADVERTISED_URL",
        flag: "advertised-url",
        value: "URL",
        group: Group::Listener,
        expected: "an http or https URL without query",
        help: "Base of every URL that dogi hands out; without it links are relative",
        ..BASE
    },
    Setting {
        env: "TRUSTED_PROXIES",
        flag: "trusted-proxies",
        value: "CIDR,…",
        group: Group::Listener,
        kind: Kind::List,
        expected: "addresses or networks such as 10.0.0.0/8,::1",
        help: "Proxies whose X-Forwarded-For is believed",
        ..BASE
    },
    Setting {
        env: "MAX_CONNECTIONS",
        flag: "max-connections",
        value: "N",
        default: "4096",
        group: Group::Listener,
        expected: COUNT,
        help: "Connections at once; past that idle ones are closed, then new ones answered 503",
        ..BASE
    },
    Setting {
        env: "STOP_GRACE",
        flag: "stop-grace",
        value: "TIME",
        default: "10s",
        group: Group::Listener,
        expected: "a duration such as 10s or 2m",
        help: "How long responses may go on after SIGTERM or SIGINT; a second signal exits at once",
        ..BASE
    },
    Setting {
        env: "BYPASS_SIGNATURES",
        flag: "bypass-signatures",
        value: "BOOL",
        default: "false",
        group: Group::Access,
        kind: Kind::Switch,
        expected: SWITCH,
        help: "Let everybody who can connect run anything: no URL needs a signature",
        ..BASE
    },
    Setting {
        env: "SIGNATURES_SECRET",
        flag: "signatures-secret",
        value: "SECRET",
        group: Group::Access,
        kind: Kind::Secret,
        expected: "at least 6 characters",
        help: "Secret of signed URLs (`dogi sign` makes them)",
        ..BASE
    },
    Setting {
        env: "SIGNATURES_SECRET_PREVIOUS",
        flag: "signatures-secret-previous",
        value: "SECRET",
        group: Group::Access,
        kind: Kind::Secrets,
        expected: "at least 6 characters",
        help: "The secret before the current one: still accepted, no longer used for signing",
        ..BASE
    },
    Setting {
        env: "SIGNATURES_LEGACY",
        flag: "signatures-legacy",
        value: "BOOL",
        default: "true",
        group: Group::Access,
        kind: Kind::Switch,
        expected: SWITCH,
        help: "Accept SHA-1 signatures (40 hex digits) besides HMAC-SHA-256",
        ..BASE
    },
    Setting {
        env: "DOGI_TOKEN",
        flag: "dogi-token",
        value: "TOKEN",
        group: Group::Access,
        kind: Kind::Secret,
        expected: "at least 6 characters, visible ASCII",
        help: "The operator's bearer token: opens every route without a signature",
        ..BASE
    },
    Setting {
        env: "DATA_DIR",
        flag: "data-dir",
        value: "DIR",
        default: "/var/lib/dogi as root, else $XDG_STATE_HOME/dogi",
        group: Group::Storage,
        expected: "an absolute path",
        help: "Runs, their outputs and mirrors of the repositories",
        ..BASE
    },
    Setting {
        env: "HOST_SHARED_DIR",
        flag: "host-shared-dir",
        value: "DIR",
        group: Group::Storage,
        expected: "an absolute path",
        help: "Where the Docker host sees DATA_DIR when dogi runs in a container: binds of compose projects \
               lead there. Found by itself where the engine knows the container",
        ..BASE
    },
    Setting {
        env: "NAMESPACE",
        flag: "namespace",
        value: "NAME",
        default: "default",
        group: Group::Storage,
        expected: "letters, digits, `_`, `.` and `-`, beginning with a letter, a digit or `_`",
        help: "Part of every instance id, and of the labels in Docker",
        ..BASE
    },
    Setting {
        env: "KEEP_RUNS",
        flag: "keep-runs",
        value: "N",
        default: "100",
        group: Group::Storage,
        expected: COUNT,
        help: "Finished runs kept per instance (of all instances together, 10000)",
        ..BASE
    },
    Setting {
        env: "KEEP_BYTES",
        flag: "keep-bytes",
        value: "BYTES",
        default: "10GiB",
        group: Group::Storage,
        expected: BYTES,
        help: "Disk that the outputs of finished runs may take together; the oldest go first",
        ..BASE
    },
    Setting {
        env: "KEEP_MIRROR_BYTES",
        flag: "keep-mirror-bytes",
        value: "BYTES",
        default: "10GiB",
        group: Group::Storage,
        expected: BYTES,
        help: "Disk that mirrors of repositories may take together; those not used for longest go \
               first, none that is in use",
        ..BASE
    },
    Setting {
        env: "KEEP_IMAGE_BYTES",
        flag: "keep-image-bytes",
        value: "BYTES",
        default: "20GiB",
        group: Group::Storage,
        expected: BYTES,
        help: "Disk that images of dogi's own builds may take together, what they share with others \
               left out; those not used for longest go first, none that is in use",
        ..BASE
    },
    Setting {
        env: "MIN_FREE_BYTES",
        flag: "min-free-bytes",
        value: "BYTES",
        default: "1GiB",
        group: Group::Storage,
        expected: BYTES,
        help: "Disk that is left free: below that, what is kept goes even within its budget, then new \
               jobs are answered 507",
        ..BASE
    },
    Setting {
        env: "MAX_RUNNING",
        flag: "max-running",
        value: "N",
        default: "10",
        group: Group::Jobs,
        expected: COUNT,
        help: "Jobs at once, from the clone to the end of the container, and each further container of \
               a container graph; callbacks don't count",
        ..BASE
    },
    Setting {
        env: "MAX_QUEUED",
        flag: "max-queued",
        value: "N",
        default: "1000",
        group: Group::Jobs,
        expected: "a whole number",
        help: "Jobs waiting; past that 429 with Retry-After",
        ..BASE
    },
    Setting {
        env: "JOB_TIMEOUT",
        flag: "job-timeout",
        value: "TIME",
        default: "6h",
        group: Group::Jobs,
        expected: "a duration such as 90s, 5m, 6h or 7d",
        help: "Ceiling of a job's time; a request may ask for less",
        ..BASE
    },
    Setting {
        env: "JOB_MEMORY",
        flag: "job-memory",
        value: "BYTES",
        default: "",
        group: Group::Jobs,
        expected: BYTES,
        help: "Ceiling of a job's memory; a request may ask for less",
        ..BASE
    },
    Setting {
        env: "JOB_CPUS",
        flag: "job-cpus",
        value: "CPUS",
        default: "",
        group: Group::Jobs,
        expected: "a number of processors such as 0.5 or 2",
        help: "Ceiling of a job's processors; a request may ask for less",
        ..BASE
    },
    Setting {
        env: "JOB_PIDS",
        flag: "job-pids",
        value: "N",
        default: "4096",
        group: Group::Jobs,
        expected: COUNT,
        help: "Processes and threads in a job's container",
        ..BASE
    },
    Setting {
        env: "MAX_LOG_BYTES",
        flag: "max-log-bytes",
        value: "BYTES",
        default: "1GiB",
        group: Group::Jobs,
        expected: BYTES,
        help: "Bytes kept of each output of a run",
        ..BASE
    },
    Setting {
        env: "MAX_LOG_ACTION",
        flag: "max-log-action",
        value: "ACTION",
        default: "cut",
        group: Group::Jobs,
        expected: "`cut` (the job goes on) or `fail` (it is stopped)",
        help: "What becomes of a job that prints more than that; the output is marked either way",
        ..BASE
    },
    Setting {
        env: "DOCKER_HOST",
        flag: "docker-host",
        value: "URL",
        default: "unix:///var/run/docker.sock",
        group: Group::Docker,
        expected: "unix:///path or tcp://host:port",
        help: "The Docker engine, as the Docker CLI reads it",
        ..BASE
    },
    Setting {
        env: "DOCKER_CERT_PATH",
        flag: "docker-cert-path",
        value: "DIR",
        group: Group::Docker,
        expected: "a path",
        help: "Directory with ca.pem, cert.pem and key.pem for a tcp engine",
        ..BASE
    },
    Setting {
        env: "DOCKER_TLS_VERIFY",
        flag: "docker-tls-verify",
        value: "ANY",
        group: Group::Docker,
        expected: "anything: it is on when not empty",
        help: "Use TLS and check the engine's certificate (as in the Docker CLI, any value is a yes)",
        ..BASE
    },
    Setting {
        env: "DOCKER_BUILDKIT",
        flag: "docker-buildkit",
        value: "0|1",
        default: "1 where the engine has it",
        group: Group::Docker,
        expected: "0 or 1",
        help: "0 builds with the classic builder, 1 insists on BuildKit",
        ..BASE
    },
    Setting {
        env: "GITHUB_TOKEN",
        flag: "github-token",
        value: "TOKEN",
        group: Group::Network,
        kind: Kind::Secret,
        expected: "visible ASCII",
        help: "Clones private repositories from GITHUB_URL's host and tells it commit statuses (other \
               hosts: `forges` in dogi.yaml); with GITHUB_REPO what deliveries carry as `?token=`",
        ..BASE
    },
    Setting {
        env: "GITHUB_URL",
        flag: "github-url",
        value: "URL",
        default: "https://github.com",
        group: Group::Network,
        expected: URL,
        help: "For GitHub Enterprise: where GITHUB_TOKEN belongs",
        ..BASE
    },
    Setting {
        env: "GITHUB_API_URL",
        flag: "github-api-url",
        value: "URL",
        default: "https://api.github.com, of another GITHUB_URL its /api/v3",
        group: Group::Network,
        expected: URL,
        help: "For GitHub Enterprise: where commit statuses go",
        ..BASE
    },
    Setting {
        env: "EGRESS_ALLOW",
        flag: "egress-allow",
        value: "WHAT,…",
        default: "external,private",
        group: Group::Network,
        kind: Kind::List,
        expected: "external, private, loopback, networks such as 10.0.0.0/8, host names",
        help: "What clones and callbacks asked for from outside may reach; link-local and metadata \
               addresses never",
        ..BASE
    },
    Setting {
        env: "HTTP_PROXY",
        also: &["http_proxy"],
        flag: "http-proxy",
        value: "URL",
        group: Group::Network,
        kind: Kind::Secret,
        expected: "http://host:port, https://host:port or host:port",
        help: "Proxy for http, as curl reads it",
        ..BASE
    },
    Setting {
        env: "HTTPS_PROXY",
        also: &["https_proxy"],
        flag: "https-proxy",
        value: "URL",
        group: Group::Network,
        kind: Kind::Secret,
        expected: "http://host:port, https://host:port or host:port",
        help: "Proxy for https, as curl reads it",
        ..BASE
    },
    Setting {
        env: "NO_PROXY",
        also: &["no_proxy"],
        flag: "no-proxy",
        value: "HOST,…",
        group: Group::Network,
        kind: Kind::List,
        expected: "host names, addresses, networks or *",
        help: "Hosts that are reached without a proxy",
        ..BASE
    },
    Setting {
        env: "CB_HEADERS",
        flag: "cb-headers",
        value: "JSON",
        default: "{}",
        group: Group::Callbacks,
        kind: Kind::Object,
        expected: "a JSON object of header names and texts such as {\"X-Key\": \"abc\"}",
        help: "Headers sent with each callback",
        ..BASE
    },
    Setting {
        env: "CB_SECRET",
        flag: "cb-secret",
        value: "KEY",
        group: Group::Callbacks,
        kind: Kind::Secret,
        expected: "`whsec_` and base64 of 24 to 64 bytes",
        help: "Signs callbacks as Standard Webhooks says (never the secret of URLs)",
        ..BASE
    },
    Setting {
        env: "HOOKS",
        flag: "hooks",
        value: "FILE",
        group: Group::Hooks,
        kind: Kind::Paths,
        expected: "paths of files with hooks, in YAML or JSON",
        help: "Serve the hooks of this file at /hooks/{id}; may be repeated",
        ..BASE
    },
    Setting {
        env: "MAX_HOOK_BODY",
        flag: "max-hook-body",
        value: "BYTES",
        default: "32MiB",
        group: Group::Hooks,
        expected: BYTES,
        help: "Bytes that the body of a request to a hook may have; a longer one is answered 413",
        ..BASE
    },
    Setting {
        env: "SMTP_HOST",
        flag: "smtp-host",
        value: "HOST",
        group: Group::Mail,
        expected: "a host name or address, without a port",
        help: "The server that takes mails about results",
        ..BASE
    },
    Setting {
        env: "SMTP_PORT",
        flag: "smtp-port",
        value: "PORT",
        default: "587",
        group: Group::Mail,
        expected: "a port from 1 to 65535",
        help: "Its port: 465 is TLS, others have to offer STARTTLS except on loopback",
        ..BASE
    },
    Setting {
        env: "SMTP_USER",
        flag: "smtp-user",
        value: "USER",
        group: Group::Mail,
        expected: "text",
        help: "The user to log in as",
        ..BASE
    },
    Setting {
        env: "SMTP_PASS",
        flag: "smtp-pass",
        value: "PASSWORD",
        group: Group::Mail,
        kind: Kind::Secret,
        expected: "text",
        help: "The user's password",
        ..BASE
    },
    Setting {
        env: "SMTP_FROM",
        flag: "smtp-from",
        value: "ADDRESS",
        group: Group::Mail,
        expected: "a mail address such as ci@example.com",
        help: "The sender of the mails",
        ..BASE
    },
    Setting {
        env: "SMTP_TO",
        flag: "smtp-to",
        value: "ADDRESS,…",
        group: Group::Mail,
        kind: Kind::List,
        expected: "mail addresses such as ci@example.com",
        help: "Who gets them where a rule of dogi.yaml does not say",
        ..BASE
    },
    Setting {
        env: "GITHUB_REPO",
        flag: "github-repo",
        value: "OWNER/NAME",
        group: Group::ComposeCi,
        expected: "owner/name, of letters, digits, `_`, `-` and `.`",
        help: "Test this repository of GITHUB_URL by its compose project, for deliveries with `?token=$GITHUB_TOKEN`",
        ..BASE
    },
    Setting {
        env: "COMPOSE_FILE",
        flag: "compose-file",
        value: "PATH",
        default: "docker-compose.yml",
        group: Group::ComposeCi,
        expected: "a path relative to the root of the repository",
        help: "The repository's compose file",
        ..BASE
    },
    Setting {
        env: "HOOK",
        flag: "hook",
        value: "COMMAND",
        group: Group::ComposeCi,
        expected: "a command",
        help: "Command that tests the project, instead of its service `tests`; split as a shell would, but not run by one",
        ..BASE
    },
    Setting {
        env: "BUILD_IMAGE",
        flag: "build-image",
        value: "IMAGE",
        group: Group::ComposeCi,
        expected: "the name of an image such as docker:cli",
        help: "Run HOOK in a container of this image, with the engine's socket; without it on this machine",
        ..BASE
    },
    Setting {
        env: "GARBAGE_COLLECT",
        flag: "garbage-collect",
        value: "BOOL",
        default: "1",
        group: Group::ComposeCi,
        expected: SWITCH,
        help: "0 leaves the project's containers, networks and volumes there",
        ..BASE
    },
    Setting {
        env: "DOCKER_REGISTRY",
        flag: "docker-registry",
        value: "HOST",
        default: "docker.io",
        group: Group::ComposeCi,
        expected: "a registry such as registry.example.com, perhaps with a path",
        help: "Where the project's images come from and go to",
        ..BASE
    },
    Setting {
        env: "REGISTRY_USER",
        flag: "registry-user",
        value: "USER",
        group: Group::ComposeCi,
        expected: "text",
        help: "The user for DOCKER_REGISTRY",
        ..BASE
    },
    Setting {
        env: "REGISTRY_PASS",
        flag: "registry-pass",
        value: "PASSWORD",
        group: Group::ComposeCi,
        kind: Kind::Secret,
        expected: "text",
        help: "The user's password",
        ..BASE
    },
    Setting {
        env: "LOG_LEVEL",
        flag: "log-level",
        value: "FILTER",
        default: "info",
        group: Group::Other,
        expected: "error, warn, info, debug, trace, or target=level,…",
        help: "What the server writes to its standard error",
        ..BASE
    },
    Setting {
        env: "LOG_FORMAT",
        flag: "log-format",
        value: "FORMAT",
        default: "text",
        group: Group::Other,
        expected: "text or json",
        help: "How it writes it",
        ..BASE
    },
    Setting {
        env: "CONFIG",
        flag: "config",
        value: "FILE",
        group: Group::Other,
        expected: "a path",
        help: "dogi.yaml: forges, git, registries, repos, url_repos, webhooks, and any setting by its \
               variable in lower case",
        ..BASE
    },
];
