//! What the table says, as `--help` and as a page of the documentation.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::setting::{Group, Kind, Setting};
use super::sources::Flags;
use super::table::SETTINGS;

/// Adds a flag for every setting.
pub fn add_flags(command: Command) -> Command {
    SETTINGS
        .iter()
        .fold(command, |command, setting| command.arg(flag(setting)))
}

fn flag(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.env)
        .long(setting.flag)
        .value_name(setting.value)
        .help(help(setting))
        .help_heading(setting.group.title())
        .value_parser(clap::value_parser!(std::ffi::OsString))
        .action(ArgAction::Append);
    match setting.kind {
        Kind::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => arg.num_args(1).allow_hyphen_values(true),
    }
}

fn help(setting: &Setting) -> String {
    let mut text = format!("{} [env: {}]", setting.help, setting.env);
    if !setting.default.is_empty() {
        // Writing to a String can't fail.
        let _ = write!(text, " [default: {}]", setting.default);
    }
    text
}

/// The flags that were given, as texts.
#[must_use]
pub fn flags(matches: &ArgMatches) -> Flags {
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let values = matches
                .try_get_many::<std::ffi::OsString>(setting.env)
                .ok()??;
            Some((setting.env, values.cloned().collect()))
        })
        .collect()
}

/// `docs/settings.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut groups: Vec<Group> = SETTINGS.iter().map(|setting| setting.group).collect();
    groups.dedup();
    for group in groups {
        let _ = write!(
            page,
            "\n## {}\n\n| variable | flag | default | meaning | expected |\n|---|---|---|---|---|\n",
            group.title()
        );
        for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
            row(&mut page, setting);
        }
    }
    page.push_str(SECTIONS);
    page
}

fn row(page: &mut String, setting: &Setting) {
    let default = match setting.default {
        "" => String::new(),
        text => format!("`{text}`"),
    };
    let _ = writeln!(
        page,
        "| `{}` | `--{} {}` | {} | {} | {} |",
        setting.env,
        setting.flag,
        setting.value.replace('|', "\\|"),
        default,
        setting.help,
        setting.expected
    );
}

const HEAD: &str = "\
<!-- Made from bins/dogi/src/config/table.rs by its test; edit that. -->
# Settings of `dogi serve`

Flags win, then the environment, then `--config dogi.yaml`, then the default. An empty variable
counts as not set. Every setting is also a key of `dogi.yaml`: the variable in lower case
(`max_running: 4`). Secrets are better set by variable or file than by flag, which the process list
shows.

Every mistake is reported at once, with its place and what was expected; dogi then exits with 64.
`dogi check` does the same without starting anything.

`HOME`, `XDG_STATE_HOME` and `DOCKER_CONFIG` say where `~/.ssh`, the data directory and the Docker
CLI's `config.json` are, as they do for other programs.
";

const SECTIONS: &str = "
## Sections of `dogi.yaml`

A secret is a text, `{env: NAME}` or `{file: PATH}`. An unknown key is an error that names the
nearest known one.

```yaml
forges:                         # how private repositories are cloned and commit statuses told, by host
                                # of the clone URL; what stands here or in git.hosts may be reached
                                # whatever EGRESS_ALLOW says. kind: github (default), gitea, forgejo or
                                # gitlab; api: without it the usual place on that host
  git.example.com: {kind: gitea, api: \"https://git.example.com/api/v1\", token: {env: GITEA_TOKEN}}
  git.lab.local: {token: {file: /etc/dogi/token}, plain_http: true}  # also over http://
git:
  known_hosts: accept-new       # or strict: only hosts that known_hosts lists already
  known_hosts_file: /etc/dogi/known_hosts
  allow: [git, file]            # git:// and file:// URLs are refused unless they stand here
  hosts: {git.example.com: {ssh_key: /etc/dogi/id_ed25519}}
registries:                     # default: the Docker CLI's config.json
  registry.example.com: {user: ci, password: {env: REGISTRY_PASSWORD}}
url_repos: [\"github.com/acme/*\"]  # what run URLs may run: host[:port]/owner/name; `*` crosses `/`
webhooks:                       # who may send deliveries; a list of secrets while one is changed
  github: {secret: {env: GITHUB_WEBHOOK_SECRET}}
  gitea: {secret: [{env: NEW_SECRET}, {env: OLD_SECRET}]}    # Forgejo too
  gitlab: {token: {env: GITLAB_WEBHOOK_TOKEN}}               # or signing_key: whsec_…, or both
  dockerhub: {token: {env: DOCKERHUB_WEBHOOK_TOKEN}}
  registry: {token: {env: REGISTRY_WEBHOOK_TOKEN}}
repos:                          # what deliveries start: the first rule that matches decides
  - match: github.com/acme/*    # host[:port]/owner/name; `*` crosses `/`
    on:                         # without it every push to a branch, and what somebody sends by hand
      push: {branches: [main, \"release/**\"], tags: [\"v*\"], paths: [\"src/**\", \"!**/*.md\"]}
      pull_request: {actions: [opened, synchronize, reopened], branches: [main], paths: [\"src/**\"]}
      release: {actions: [published], tags: [\"v*\"]}
      create: {branches: [\"**\"]}
      manual: true
    run:                        # one or several; without it {dockerfile: Dockerfile}
      - {dockerfile: Dockerfile, context: app, target: test, cmd: [make, test], name: unit}
      - {image: \"python:3.12\", bashc: \"pip install . && pytest\", timeout: 10m, memory: 1g, cpus: 2}
      - {compose: docker-compose.yml, service: tests, push: true}
      - {compose: docker-compose.yml, command: [make, integration], name: integration}
      - {pipeline: triggered}                                # or a node, [test, deploy], \"*\"
      - {command: [make, deploy]}                            # on this machine, without a container
      - {hooks: hooks.yaml, image: \"alpine:3\"}               # the repository's own
    files: {data: /app/data.jsonl}
    env: {RUST_LOG: debug}
    secrets: {NPM_TOKEN: {env: ACME_NPM_TOKEN}}              # at least 4 characters
    status: true                # commit statuses; without it where there is a token
    mail: {to: [team@example.com], on: failure}              # or always, success; to: else SMTP_TO
    allow: [privileged, host-network, host-binds]            # compose only
    group: deploy               # one at a time; group_policy: queue, replace or reject
```

Patterns of branches, tags and files: `*`, `?` and `[…]` stop at `/`, `**` does not, `{a,b}` is
either; what begins with `!` excludes, and the last pattern that matches decides. A push that asks for
tags and not for branches is for tags alone. `paths` are asked about branches and pull requests.
`dogi check --event push --payload push.json` explains what a delivery would start.
";
