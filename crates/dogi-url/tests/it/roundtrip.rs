//! parse ∘ print is the identity, and so is verify ∘ sign.

use std::collections::BTreeMap;
use std::time::Duration;

use dogi_url::{
    Action, Body, BuildParams, CallbackOn, CallbackParams, CallbackUrl, Command, ContainerPath,
    Cpus, EnvName, Expiry, FileName, GroupName, GroupPolicy, ImageRef, InstanceId, Keys, Limits,
    Namespace, OnFail, OutputName, OutputSelection, OutputType, Pipeline, Platform, RawTarget,
    RepoPath, RepoUrl, RequestId, Revision, RunRequest, Scheme, SignatureError, StageName,
    Unverified, duration, size,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;

use crate::support::{secret, unsigned};

fn text(regex: &str) -> impl Strategy<Value = String> + use<> {
    string_regex(regex).expect("a regular expression")
}

/// Texts of a type: those that match and that the type takes.
fn typed<T>(regex: &str) -> impl Strategy<Value = T> + use<T>
where
    T: std::str::FromStr + std::fmt::Debug,
{
    text(regex).prop_filter_map("not a value of the type", |text| text.parse().ok())
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

pub(crate) fn repo() -> impl Strategy<Value = RepoUrl> {
    let host = || text(r"([a-z0-9]{1,6}\.){0,2}[a-z]{2,5}|127\.0\.0\.1|\[::1\]");
    let port = || text("(:[1-9][0-9]{0,3})?");
    let path = || text(r"[^/\\?#\p{C}]{1,6}(/[^/\\?#\p{C}]{1,6}){0,2}(\.git)?");
    let http = (select(vec!["https", "http", "git"]), host(), port(), path())
        .prop_map(|(scheme, host, port, path)| (scheme, format!("{host}{port}/{path}")));
    let ssh = (
        text("[a-z]{1,5}"),
        host(),
        text("|/|[1-9][0-9]{0,3}/"),
        path(),
    )
        .prop_map(|(user, host, slash, path)| ("ssh", format!("{user}@{host}:{slash}{path}")));
    let file = path().prop_map(|path| ("file", path));
    prop_oneof![http, ssh, file].prop_filter_map("not a repository", |(scheme, rest)| {
        RepoUrl::parse(scheme, &escaped(&rest)).ok()
    })
}

fn variables() -> impl Strategy<Value = BTreeMap<EnvName, String>> {
    btree_map(
        typed("[A-Za-z_][A-Za-z0-9_.-]{0,5}"),
        text("[^\0]{0,8}"),
        0..4,
    )
}

fn build() -> impl Strategy<Value = BuildParams> {
    let path = || of(typed::<RepoPath>(r"[^/\p{C}]{1,4}(/[^/\p{C}]{1,4})?"));
    let platform = of(typed::<Platform>("linux/(amd64|arm64|arm/v7)"));
    let target = of(typed::<StageName>("[a-z0-9][a-z0-9_.-]{0,5}"));
    (path(), path(), target, variables(), platform, any::<bool>()).prop_map(
        |(dockerfile, context, target, args, platform, git_dir)| BuildParams {
            dockerfile,
            context,
            target,
            args,
            platform,
            git_dir,
        },
    )
}

fn outputs() -> impl Strategy<Value = OutputSelection> {
    vec(
        typed::<OutputName>("log|status|(file|node)_[a-z0-9_][a-zA-Z0-9_.-]{0,4}"),
        1..4,
    )
    .prop_filter_map("an output twice", |names| OutputSelection::new(names).ok())
}

fn command() -> impl Strategy<Value = Command> {
    let args = vec(text("[^\0]{0,6}"), 1..4)
        .prop_filter_map("no program", |args| Command::args(args).ok());
    let bash = text("[^\0]{1,20}").prop_filter_map("not a line", |line| Command::bash(line).ok());
    prop_oneof![args, bash]
}

fn limits() -> impl Strategy<Value = Limits> {
    let timeout = of((1_u64..3650 * 86_400_000).prop_map(Duration::from_millis));
    let memory = of(RunRequest::MIN_MEMORY..i64::MAX as u64);
    let cpus = of((10_000_000_u64..4_096_000_000_000)
        .prop_filter_map("not an amount", |nanos| Cpus::from_nanos(nanos).ok()));
    (timeout, memory, cpus).prop_map(|(timeout, memory, cpus)| Limits {
        timeout,
        memory,
        cpus,
    })
}

fn callback() -> impl Strategy<Value = CallbackParams> {
    let url = typed::<CallbackUrl>(r"https?://[a-z]{1,5}(:[0-9]{2,4})?/[^#\p{C} @]{0,10}");
    (url, select(CallbackOn::ALL)).prop_map(|(url, on)| CallbackParams { url, on })
}

/// Requests of which `check` approves.
pub(crate) fn request() -> impl Strategy<Value = RunRequest> {
    let what = (
        repo(),
        select(Action::ALL),
        outputs(),
        select(OutputType::ALL),
    );
    let which = (
        of(typed::<RequestId>(r"\PC{1,8}")),
        of(typed::<Revision>(r"[^\p{C} ]{1,8}")),
    );
    let how = (
        build(),
        of(typed::<ImageRef>("[a-z]{1,5}(:[a-z0-9]{1,3})?")),
        of(pipeline()),
    );
    let files = btree_map(
        typed::<FileName>("[a-z0-9_][a-zA-Z0-9_.-]{0,4}"),
        typed::<ContainerPath>(r"/[^\p{C}]{1,8}"),
        0..3,
    );
    let runs = (of(command()), variables(), files, any::<bool>(), limits());
    let group = (
        of(typed::<GroupName>(r"\PC{1,8}")),
        select(GroupPolicy::ALL),
    );
    let rest = (
        group,
        any::<bool>(),
        of(callback()),
        any::<bool>(),
        select(OnFail::ALL),
    );
    (what, which, how, runs, rest).prop_map(|(what, which, how, runs, rest)| {
        let mut request = RunRequest::new(what.0);
        (request.action, request.output, request.output_type) = (what.1, what.2, what.3);
        (request.id, request.revision) = which;
        (request.build, request.image, request.pipeline) = how;
        (
            request.command,
            request.env,
            request.files,
            request.tty,
            request.limits,
        ) = runs;
        (
            (request.group, request.group_policy),
            request.attach,
            request.callback,
            ..,
        ) = rest.clone();
        (request.rebuild, request.on_fail) = (rest.3, rest.4);
        settled(request)
    })
}

fn pipeline() -> impl Strategy<Value = Pipeline> {
    typed(r"\*|[a-z]{1,3}(,[a-z]{1,3}){0,2}")
}

/// Takes away what `check` would complain about.
fn settled(mut request: RunRequest) -> RunRequest {
    if request.pipeline.is_some() {
        (request.build, request.image, request.command) = (BuildParams::default(), None, None);
        request.files.clear();
    }
    if request.image.is_some() {
        request.build = BuildParams::default();
    }
    if request.group.is_none() {
        request.group_policy = GroupPolicy::default();
    }
    if request.action.starts() && request.check().is_err() {
        request.action = Action::Peek;
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn urls(request in request()) {
        prop_assert_eq!(request.check(), Ok(()));
        match request.to_target() {
            Ok(target) => {
                let parsed = RunRequest::parse(&unsigned(&target), None);
                prop_assert_eq!(parsed, Ok(request), "{}", target);
            }
            Err(_) => prop_assert!(matches!(request.command, Some(Command::Args(_)))),
        }
    }

    #[test]
    fn json_bodies(request in request()) {
        let bytes = request.to_json().to_string();
        let body = Body { content_type: Some("application/json"), bytes: bytes.as_bytes() };
        let path = request.repo.run_path();
        prop_assert_eq!(RunRequest::parse(&unsigned(&path), Some(body)), Ok(request), "{}", bytes);
    }

    #[test]
    fn stored(request in request()) {
        let json = serde_json::to_string(&request).expect("it can be written");
        let read: RunRequest = serde_json::from_str(&json).expect(&json);
        prop_assert_eq!(read, request);
    }

    #[test]
    fn forms_are_read_as_the_standard_says(pairs in vec(("env_[A-Z]{1,3}", "[^\0]{0,8}"), 1..5)) {
        let form = serde_urlencoded::to_string(&pairs).expect("it can be written");
        let body = Body { content_type: Some("application/x-www-form-urlencoded"), bytes: form.as_bytes() };
        let parsed = RunRequest::parse(&unsigned("/https/h.example/r"), Some(body));
        let wanted: BTreeMap<_, _> = pairs.iter().cloned().collect();
        match wanted.len() == pairs.len() {
            false => prop_assert!(parsed.is_err()),
            true => {
                let env = parsed.expect("a request").env.into_iter();
                let env: BTreeMap<String, _> = env.map(|(name, value)| (format!("env_{name}"), value)).collect();
                prop_assert_eq!(env, wanted);
            }
        }
    }

    #[test]
    fn repositories(repo in repo()) {
        prop_assert_eq!(repo.as_str().parse(), Ok(repo.clone()));
        prop_assert_eq!(RepoUrl::from_clone_url(&repo.clone_url()), Ok(repo.clone()));
        let path = repo.run_path();
        prop_assert!(RunRequest::is_run_path(&path));
        let (scheme, rest) = path[1..].split_once('/').expect("two parts");
        prop_assert_eq!(RepoUrl::parse(scheme, rest), Ok(repo.clone()));
        let raw = format!("{path}?x");
        prop_assert!(RawTarget::split(&raw).is_ok_and(|raw| raw.path() == path));
    }

    #[test]
    fn instances(repo in repo(), namespace in typed::<Namespace>("[a-z0-9_][a-zA-Z0-9_.-]{0,20}"), id in of(typed::<RequestId>(r"\PC{1,8}"))) {
        let instance = InstanceId::new(&namespace, &repo, id.as_ref());
        prop_assert_eq!(instance.as_str().parse(), Ok(instance.clone()));
        prop_assert_eq!(instance.namespace(), namespace);
    }

    #[test]
    fn amounts(millis in 1_u64..315_360_000_000, bytes in 0..=i64::MAX as u64) {
        let time = Duration::from_millis(millis);
        prop_assert_eq!(duration::parse(&duration::format(time)), Ok(time));
        prop_assert_eq!(size::parse_bytes(&size::format_bytes(bytes)), Ok(bytes));
    }

    #[test]
    fn signatures(target in "/\\PC{0,20}(\\?\\PC{0,30})?", exp in of(1_000_u64..), legacy: bool, flip in any::<prop::sample::Index>()) {
        let (scheme, digits) = if legacy { (Scheme::Legacy, 40) } else { (Scheme::Hmac, 64) };
        let expiry = exp.map_or(Expiry::Never, Expiry::At);
        let keys = Keys::new(Some(secret("correct horse")), [], true);
        let Ok(signed) = keys.sign(&target, expiry, scheme) else { return Ok(()) };
        let verify = |keys: &Keys, target: &str, now| {
            Unverified::new(RawTarget::split(target).expect("a target")).verify(keys, now).map(|_| ())
        };
        prop_assert_eq!(verify(&keys, &signed, 0), Ok(()));
        if let Some(exp) = exp.filter(|exp| *exp < u64::MAX) {
            let now = exp + 1;
            prop_assert_eq!(verify(&keys, &signed, now), Err(SignatureError::Expired { exp, now }));
        }
        let other = Keys::new(Some(secret("battery staple")), [], true);
        prop_assert_eq!(verify(&other, &signed, 0), Err(SignatureError::Mismatch));
        // one character of what is signed, changed
        let end = signed.len() - digits - "&sig=".len();
        let at = 1 + flip.index(end.max(2) - 1);
        let mut changed = signed.clone().into_bytes();
        if at < end && changed[at].is_ascii_alphanumeric() {
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("still ASCII");
            prop_assert!(verify(&keys, &changed, 0).is_err(), "{}", changed);
        }
    }
}
