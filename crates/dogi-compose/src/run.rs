//! The steps of a run.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use dogi_command::{CommandSpec, Exit};
use tokio_util::sync::CancellationToken;

use crate::{
    ComposeError, HookCommand, HookContainer, Prepared, Sink, environment, exec,
    prepare::{Service, run_error},
    program::On,
};

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What decides the result.
    pub tests: Tests,
    /// Whether images of services that are built are pushed when the tests passed.
    pub push: bool,
    /// Whether the container of the tests stays when it has ended, until all is taken
    /// [down](crate::Compose::down): files can be had out of it.
    pub keep: bool,
    /// Files of this machine that the container of a tests' service may read, and where it finds them.
    /// They have to be readable for everybody.
    pub files: Vec<(PathBuf, String)>,
}

impl Plan {
    /// Whether the tests see files of this machine: only if the engine sees them where
    /// [`Project::shared`](crate::Project::shared) says.
    pub fn has_binds(&self) -> bool {
        match self.tests {
            Tests::Service(_) => !self.files.is_empty(),
            Tests::Container(_) => true,
            Tests::Host(_) => false,
        }
    }
}

/// The tests: once all other services are up, they run, and their exit code is the result.
#[derive(Clone, Debug)]
pub enum Tests {
    /// A one-off container of this service, which is not started as one of the others. It gets the
    /// project's variables.
    Service(String),
    /// The operator's command in a container that gets the engine's socket.
    Container(HookContainer),
    /// The operator's command on this machine, in the checkout.
    Host(HookCommand),
}

/// How a run ended that was not cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How the tests ended. If it is no success, nothing was pushed.
    pub tests: Exit,
    /// Whether images were pushed.
    pub pushed: bool,
}

impl Prepared {
    /// Pulls, builds, starts and tests, and pushes if the tests passed and the plan says so. Images
    /// of services that are built may be missing at their registry when they are pulled; all other
    /// failures end the run. Nothing is taken down: see [`down`](crate::Compose::down).
    ///
    /// # Errors
    ///
    /// [`ComposeError`] when a step before or after the tests failed, or was cancelled; failed tests
    /// are no error.
    ///
    /// # Cancel safety
    ///
    /// A cancelled token stops the program that runs and all that it started, SIGTERM first; then
    /// this returns [`ComposeError::Cancelled`]. A dropped future kills it. Either way, what the
    /// engine has of the project is there until it is taken [down](crate::Compose::down).
    pub async fn run(
        &self,
        plan: &Plan,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Outcome, ComposeError> {
        if let Tests::Service(name) = &plan.tests {
            self.check_service(name)?;
        }
        self.pull(sink, cancel).await?;
        self.build(sink, cancel).await?;
        self.up(&plan.tests, sink, cancel).await?;
        let tests = self.tests(plan, sink, cancel).await?;
        let mut pushed = false;
        if tests.success() && plan.push {
            pushed = self.push(sink, cancel).await?;
        }
        Ok(Outcome { tests, pushed })
    }

    fn check_service(&self, name: &str) -> Result<(), ComposeError> {
        let known = self.services.iter().map(|service| service.name.clone());
        if known.clone().any(|known| known == name) {
            return Ok(());
        }
        Err(ComposeError::Service {
            file: self.project.file.clone(),
            service: name.to_owned(),
            known: known.collect(),
        })
    }

    async fn pull(
        &self,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        let built = self.named(|service| service.builds && service.has_image);
        if !built.is_empty() {
            // Only to have layers to build upon: it may never have been pushed.
            self.step(&["pull", "--ignore-pull-failures"], &built, sink, cancel)
                .await?;
        }
        let others = self.named(|service| !service.builds);
        if !others.is_empty() {
            self.required(&["pull"], &others, sink, cancel).await?;
        }
        Ok(())
    }

    async fn build(
        &self,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        // All of them, those of profiles too: later on, a container could have changed what a context
        // holds or where it leads.
        let built = self.named(|service| service.builds);
        if built.is_empty() {
            return Ok(());
        }
        let build: &[&str] = if self.compose.is_first() {
            &["build", "--force-rm"]
        } else {
            &["build"]
        };
        self.required(build, &built, sink, cancel).await
    }

    async fn up(
        &self,
        tests: &Tests,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        let is_tests = |name: &str| matches!(tests, Tests::Service(tests) if tests == name);
        let up = self.named(|service| !service.has_profile && !is_tests(&service.name));
        if up.is_empty() {
            return Ok(());
        }
        self.required(&["up", "--detach", "--no-build"], &up, sink, cancel)
            .await
    }

    async fn push(
        &self,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<bool, ComposeError> {
        let built = self.named(|service| service.builds && service.has_image);
        if built.is_empty() {
            return Ok(false);
        }
        self.required(&["push"], &built, sink, cancel).await?;
        Ok(true)
    }

    async fn tests(
        &self,
        plan: &Plan,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Exit, ComposeError> {
        match &plan.tests {
            Tests::Service(name) => {
                let mut arguments = match plan.keep {
                    true => vec!["run", "-T"],
                    false => vec!["run", "--rm", "-T"],
                };
                let binds: Vec<String> = plan
                    .files
                    .iter()
                    .map(|(from, to)| format!("{}:{to}:ro", self.project.seen(from).display()))
                    .collect();
                for bind in &binds {
                    arguments.extend(["--volume", bind]);
                }
                // Without a value: the program takes it from its own environment, which others can't
                // read as they can its command line.
                for name in self.passed_on() {
                    arguments.extend(["-e", name]);
                }
                self.step(&arguments, &[name], sink, cancel).await
            }
            Tests::Container(container) => {
                let spec = self.hook_container(container, plan.keep)?;
                self.stream("docker run".to_owned(), spec, sink, cancel)
                    .await
            }
            Tests::Host(command) => {
                let spec = self.hook_command(command)?;
                let name = command.words.first().cloned().unwrap_or_default();
                self.stream(name, spec, sink, cancel).await
            }
        }
    }

    /// The names of the project's variables, except those that mean something to the programs.
    pub(crate) fn passed_on(&self) -> Vec<&str> {
        let own = environment::of_programs(
            &self.compose,
            &self.project.name,
            &self.project.engine,
            &self.scratch,
            &BTreeMap::new(),
        );
        let is_own = |name: &str| own.iter().any(|(own, _)| own == &OsString::from(name));
        let names = self.project.environment.keys().map(String::as_str);
        names.filter(|name| !is_own(name)).collect()
    }

    fn named(&self, wanted: impl Fn(&Service) -> bool) -> Vec<&str> {
        let services = self.services.iter().filter(|service| wanted(service));
        services.map(|service| service.name.as_str()).collect()
    }

    async fn required(
        &self,
        arguments: &[&str],
        services: &[&str],
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        let exit = self.step(arguments, services, sink, cancel).await?;
        if exit.success() {
            return Ok(());
        }
        let step = self.shown(arguments);
        Err(ComposeError::Step { step, exit })
    }

    async fn step(
        &self,
        arguments: &[&str],
        services: &[&str],
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Exit, ComposeError> {
        let all: Vec<&str> = arguments
            .iter()
            .chain(&["--"])
            .chain(services)
            .copied()
            .collect();
        let on = On {
            file: &self.scratch.model(),
            base: &self.base,
            variables: &self.scratch.no_variables(),
        };
        let spec = self
            .compose
            .on_file(&self.project, &self.scratch, &on, &all);
        let step = self.shown(arguments);
        exec::say(sink, &format!("$ {step} {}", services.join(" "))).await;
        self.stream(step, spec, sink, cancel).await
    }

    async fn stream(
        &self,
        step: String,
        mut spec: CommandSpec,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Exit, ComposeError> {
        // Nothing counts from where this process runs.
        let here = || self.base.clone();
        spec.working_directory.get_or_insert_with(here);
        let ended = exec::stream(spec, sink, cancel).await;
        ended.map_err(|source| run_error(step, source))
    }

    fn shown(&self, arguments: &[&str]) -> String {
        let words = arguments.iter().take_while(|word| **word != "-e");
        let words: Vec<&str> = words.copied().collect();
        format!("{} {}", self.compose.name(), words.join(" "))
    }
}
