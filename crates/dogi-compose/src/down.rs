//! Taking a project down, whatever is known of it.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

use dogi_command::CommandSpec;
use tokio_util::sync::CancellationToken;

use crate::{
    Compose, DownError, EngineAddress, ProjectName, Sink, environment, exec, hook::HOOK,
    rewrite::PROJECT, scratch::Scratch,
};

/// What is taken down.
#[derive(Clone, Debug)]
pub struct Down {
    /// The project.
    pub name: ProjectName,
    /// Its scratch directory. It may be empty, as after a crash that came early; then one more file or
    /// two are written there.
    pub scratch: PathBuf,
    /// The engine.
    pub engine: EngineAddress,
    /// Whether images go that were built and that the file gives no name.
    pub images: bool,
    /// How long the program may take to take it down in order. What is left then is removed at once.
    pub time: Duration,
}

/// How often it is looked whether something is left: what a program asked for before it was ended may
/// still come.
const ROUNDS: u32 = 10;

/// One removal of one thing takes no longer, on an engine that answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long containers have to end by themselves, in seconds: their data goes with them.
const GRACE: &str = "3";

impl Compose {
    /// Takes a project down, with its volumes: `down --volumes --remove-orphans` if its resolved file
    /// is there, and then everything that carries its name as Compose's label. So it also works when
    /// no more than the name is known, and when the program fails. Nothing is left of a project that
    /// was never up, and of one that is down already; that is no error.
    ///
    /// # Errors
    ///
    /// [`DownError`]: something may be left.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped some of it may be left: call it again.
    pub async fn down(&self, what: &Down, sink: &mut dyn Sink) -> Result<(), DownError> {
        let scratch = Scratch::at(&what.scratch);
        let lay_out = scratch.lay_out(&[], None);
        lay_out.map_err(|source| DownError::Scratch {
            path: what.scratch.clone(),
            source,
        })?;
        let in_order = self.in_order(what, &scratch, sink).await;
        match self.docker() {
            Ok(_) => self.sweep(what, &scratch).await,
            // Whoever has no docker program has what it is for by this one.
            Err(_) if in_order => Ok(()),
            Err(error) => Err(DownError::Docker(error)),
        }
    }

    /// Whether the program did it.
    async fn in_order(&self, what: &Down, scratch: &Scratch, sink: &mut dyn Sink) -> bool {
        let model = scratch.model();
        if !model.is_file() {
            return false;
        }
        let mut arguments: Vec<OsString> = vec!["--ansi".into(), "never".into()];
        arguments.extend(["--file".into(), model.into()]);
        arguments.extend(["--project-name".into(), what.name.as_str().into()]);
        arguments.extend(["--env-file".into(), scratch.no_variables().into()]);
        let down = ["down", "--volumes", "--remove-orphans", "--timeout", GRACE];
        arguments.extend(down.map(OsString::from));
        if what.images {
            arguments.extend(["--rmi".into(), "local".into()]);
        }
        let mut spec = self.command(arguments);
        self.complete(&mut spec, what, scratch);
        spec.limits.time = Some(what.time);
        exec::say(sink, &format!("$ {} down", self.name())).await;
        match exec::stream(spec, sink, &CancellationToken::new()).await {
            Ok(exit) if exit.success() => true,
            Ok(exit) => {
                exec::say(sink, &format!("it ended with {exit}")).await;
                false
            }
            Err(error) => {
                exec::say(sink, &error.to_string()).await;
                false
            }
        }
    }

    async fn sweep(&self, what: &Down, scratch: &Scratch) -> Result<(), DownError> {
        let sweep = Sweep {
            compose: self,
            what,
            scratch,
        };
        let mut last = Ok(());
        for round in 0..ROUNDS {
            let left = sweep.left().await?;
            if left.is_empty() {
                return Ok(());
            }
            if round > 0 {
                // Somebody else removes it, or it is still in use by what was just removed.
                tokio::time::sleep(Duration::from_millis(100) * round).await;
            }
            last = sweep.remove(&left).await;
        }
        let left = sweep.left().await?;
        if left.is_empty() {
            return Ok(());
        }
        last?;
        let left = left.into_iter();
        Err(DownError::Left {
            project: what.name.to_string(),
            left: left.map(|(kind, name)| format!("{kind} {name}")).collect(),
        })
    }

    fn complete(&self, spec: &mut CommandSpec, what: &Down, scratch: &Scratch) {
        let none = BTreeMap::new();
        spec.environment = environment::of_programs(self, &what.name, &what.engine, scratch, &none);
        spec.working_directory = Some(scratch.root().to_owned());
    }
}

struct Sweep<'a> {
    compose: &'a Compose,
    what: &'a Down,
    scratch: &'a Scratch,
}

impl Sweep<'_> {
    /// What there is of the project, with its kind; containers first, since they hold the rest.
    async fn left(&self) -> Result<Vec<(&'static str, String)>, DownError> {
        let name = &self.what.name;
        let project = format!("label={PROJECT}={name}");
        let hook = format!("label={HOOK}={name}");
        let mut left = Vec::new();
        for label in [&hook, &project] {
            let list = [
                "container",
                "ls",
                "--all",
                "--quiet",
                "--no-trunc",
                "--filter",
                label,
            ];
            left.extend(self.listed("container", &list).await?);
        }
        let list = [
            "network",
            "ls",
            "--quiet",
            "--no-trunc",
            "--filter",
            &project,
        ];
        left.extend(self.listed("network", &list).await?);
        let list = ["volume", "ls", "--quiet", "--filter", &project];
        left.extend(self.listed("volume", &list).await?);
        if self.what.images {
            let format = "{{.Repository}}:{{.Tag}}";
            let list = ["image", "ls", "--filter", &project, "--format", format];
            let images = self.listed("image", &list).await?;
            // An image that the file names belongs to whoever uses that name. 1.29 has `_` between
            // the names of project and service, version 2 has `-`.
            let is_nameless = |image: &str| {
                let rest = image.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.starts_with(['_', '-']) && !rest.ends_with("<none>"))
            };
            left.extend(images.into_iter().filter(|(_, image)| is_nameless(image)));
        }
        Ok(left)
    }

    async fn listed(
        &self,
        kind: &'static str,
        arguments: &[&str],
    ) -> Result<Vec<(&'static str, String)>, DownError> {
        let text = self.docker(arguments).await?;
        // A warning of the program is no name.
        let is_name = |line: &&str| !line.is_empty() && !line.contains(' ');
        let names = text.lines().map(str::trim).filter(is_name);
        Ok(names.map(|name| (kind, name.to_owned())).collect())
    }

    /// Removes each by itself, so that one that is gone by now does not keep the others.
    async fn remove(&self, left: &[(&'static str, String)]) -> Result<(), DownError> {
        let mut result = Ok(());
        for (kind, name) in left {
            let arguments: &[&str] = match *kind {
                "container" => &["container", "rm", "--force", "--volumes", "--", name],
                "volume" => &["volume", "rm", "--force", "--", name],
                kind => &[kind, "rm", "--", name],
            };
            if let Err(error) = self.docker(arguments).await {
                result = Err(error);
            }
        }
        result
    }

    async fn docker(&self, arguments: &[&str]) -> Result<String, DownError> {
        let docker = self.compose.docker().map_err(DownError::Docker)?;
        let step = format!("docker {}", arguments.join(" "));
        let mut spec = CommandSpec::new(docker.clone(), "docker");
        spec.arguments = arguments.iter().map(OsString::from).collect();
        self.compose.complete(&mut spec, self.what, self.scratch);
        spec.limits.time = Some(PATIENCE);
        let said = match exec::collect(spec).await {
            Ok(said) => said,
            Err(source) => return Err(DownError::Run { step, source }),
        };
        if said.exit.success() {
            return Ok(said.text);
        }
        Err(DownError::Step {
            step,
            exit: said.exit,
            said: said.text.chars().take(500).collect(),
        })
    }
}
