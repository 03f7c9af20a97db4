//! The operator's command instead of a service.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

use dogi_command::{CommandSpec, Program};

use crate::{ComposeError, Prepared, environment, scratch};

/// The label of a container that runs the operator's command, with the project's name. It is not
/// Compose's own label: `docker-compose up --remove-orphans` in it would end it.
pub(crate) const HOOK: &str = "dogi.compose.hook";

/// Where docker looks for its socket.
const SOCKET: &str = "/var/run/docker.sock";

/// A command in a container, with the engine's socket: what runs there is root on the engine's
/// machine.
///
/// The checkout is bound at its own path, which is the working directory, and so is the scratch
/// directory, to be read: `COMPOSE_FILE` is the checked file. The command's environment is the
/// project's, `COMPOSE_PROJECT_NAME` and the variables by which the engine is found; with logins,
/// `DOCKER_CONFIG` too.
#[derive(Clone, PartialEq, Eq)]
pub struct HookContainer {
    /// The image. Docker pulls it if it is not there.
    pub image: String,
    /// The command and its arguments; none: the image's own.
    pub words: Vec<String>,
    /// Files or directories of this machine that the container may read at the same path.
    pub readable: Vec<PathBuf>,
    /// Variables besides the project's, which win. Names that mean something about this machine (`PATH`,
    /// `HOME` and the like) and values of several lines are left out.
    pub environment: Vec<(OsString, OsString)>,
}

/// What a container has itself.
const OF_MACHINES: [&str; 12] = [
    "HOME", "HOSTNAME", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHELL", "SHLVL", "TERM", "TMPDIR",
    "USER", "_",
];

impl fmt::Debug for HookContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("HookContainer")
            .field("image", &self.image)
            .field("words", &self.words)
            .field("readable", &self.readable)
            .field("environment", &names)
            .finish()
    }
}

impl HookContainer {
    fn inherited(&self) -> impl Iterator<Item = (OsString, OsString)> {
        let of_machine = |name: &OsStr| OF_MACHINES.iter().any(|known| name == *known);
        let one_line = |value: &OsStr| !value.to_string_lossy().contains(['\n', '\r']);
        let kept = self.environment.iter();
        kept.filter(move |(name, value)| !of_machine(name) && one_line(value))
            .cloned()
    }
}

/// A command on this machine, in the checkout, as this user. `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
pub struct HookCommand {
    /// The program, which is looked up in the checkout or by `PATH`, and its arguments.
    pub words: Vec<String>,
    /// What it inherits. The project's variables, and those by which the engine and the project are
    /// found, come on top.
    pub environment: Vec<(OsString, OsString)>,
}

impl fmt::Debug for HookCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("HookCommand")
            .field("words", &self.words)
            .field("environment", &names)
            .finish()
    }
}

impl Prepared {
    pub(crate) fn hook_command(&self, hook: &HookCommand) -> Result<CommandSpec, ComposeError> {
        let name = hook.words.first().map(OsString::from).unwrap_or_default();
        let path = hook
            .environment
            .iter()
            .rev()
            .find(|(name, _)| name == "PATH");
        let search = path.map_or(self.compose.search(), |(_, path)| path.as_os_str());
        let has_slash = name.as_encoded_bytes().contains(&b'/');
        let directory = has_slash.then_some(self.root.as_path());
        let program = Program::find(&name, directory, search)?;
        let mut spec = CommandSpec::new(program, name);
        spec.arguments = hook.words.iter().skip(1).map(OsString::from).collect();
        spec.environment = hook.environment.clone();
        spec.environment
            .extend(environment::given(&self.project.environment));
        // Of whom the command belongs to it finds the logins by itself, unless there are others.
        spec.environment
            .extend(self.found_by(!self.project.logins.is_empty()));
        let engine = self.project.engine.variables().into_iter();
        spec.environment
            .extend(engine.filter(|(_, value)| !value.is_empty()));
        spec.working_directory = Some(self.root.clone());
        Ok(spec)
    }

    /// The command line has names and paths; values are in a file that only this user may read.
    pub(crate) fn hook_container(
        &self,
        hook: &HookContainer,
        keep: bool,
    ) -> Result<CommandSpec, ComposeError> {
        let docker = self.compose.docker()?;
        let (binds, variables) = self.engine_inside();
        let mut arguments: Vec<OsString> = vec!["run".into()];
        if !keep {
            arguments.push("--rm".into());
        }
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        let hook_label = [(HOOK, self.project.name.as_str())].into_iter();
        let labels = self.project.labels.iter();
        let labels = labels.map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in labels.chain(hook_label) {
            option("--label", format!("{key}={value}").into());
        }
        option("--volume", self.bind(&self.root, ""));
        let scratch = self.scratch.root();
        for path in [scratch]
            .into_iter()
            .chain(hook.readable.iter().map(PathBuf::as_path))
        {
            option("--volume", self.bind(path, ":ro"));
        }
        binds.into_iter().for_each(|bind| option("--volume", bind));
        option("--workdir", self.root.clone().into());
        option("--env-file", self.write_variables(hook, variables)?.into());
        option(
            "--pids-limit",
            self.project.ceilings.pids.to_string().into(),
        );
        arguments.extend(["--".into(), hook.image.clone().into()]);
        arguments.extend(hook.words.iter().map(OsString::from));
        let mut spec = CommandSpec::new(docker.clone(), "docker");
        spec.arguments = arguments;
        spec.environment = environment::of_programs(
            &self.compose,
            &self.project.name,
            &self.project.engine,
            &self.scratch,
            &BTreeMap::new(),
        );
        Ok(spec)
    }

    fn bind(&self, path: &Path, mode: &str) -> OsString {
        let mut bind = self.project.seen(path).into_os_string();
        bind.push(":");
        bind.push(path);
        bind.push(mode);
        bind
    }

    /// How the engine is reached from a container: binds and variables.
    fn engine_inside(&self) -> (Vec<OsString>, Vec<(OsString, OsString)>) {
        let engine = &self.project.engine;
        let mut variables = engine.variables();
        let mut binds = Vec::new();
        if let Some(socket) = engine.host.strip_prefix("unix://") {
            binds.push(format!("{socket}:{SOCKET}").into());
            variables.push(("DOCKER_HOST".into(), format!("unix://{SOCKET}").into()));
        }
        if let Some(certificates) = &engine.cert_path {
            binds.push(self.bind(certificates, ":ro"));
        }
        (binds, variables)
    }

    fn found_by(&self, with_logins: bool) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = vec![
            (
                "COMPOSE_PROJECT_NAME".into(),
                self.project.name.as_str().into(),
            ),
            ("COMPOSE_FILE".into(), self.scratch.model().into()),
        ];
        if with_logins {
            variables.push(("DOCKER_CONFIG".into(), self.scratch.docker().into()));
        }
        variables
    }

    /// `docker run --env-file` takes a line as it is and knows no quotes.
    fn write_variables(
        &self,
        hook: &HookContainer,
        engine: Vec<(OsString, OsString)>,
    ) -> Result<PathBuf, ComposeError> {
        let given = environment::given(&self.project.environment);
        let mut text = String::new();
        // Of several of a name the last counts.
        let all = hook.inherited().chain(given).chain(engine);
        let has_logins = !self.project.logins.is_empty() || !self.found.is_empty();
        for (name, value) in all.chain(self.found_by(has_logins)) {
            let (name, value) = (lossy(&name), lossy(&value));
            if value.contains(['\n', '\r']) {
                let what = "line breaks";
                return Err(ComposeError::Value {
                    variable: name,
                    what,
                });
            }
            text.push_str(&format!("{name}={value}\n"));
        }
        let path = self.scratch.container_variables();
        match scratch::write(&path, &text) {
            Ok(()) => Ok(path),
            Err(source) => Err(ComposeError::Scratch { path, source }),
        }
    }
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}
