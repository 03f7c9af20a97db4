//! Programs of this machine in a checkout: compose projects and the operator's commands.

mod checkout;
mod logins;
mod shared;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use dogi_command::{CommandSpec, Program};
use dogi_compose::{
    Allow, Ceilings, Compose as ComposeProgram, ComposeError, Down, EngineAddress, HookCommand,
    HookContainer, Login, Plan, Prepared, Project, ProjectName, Sink, Tests,
};
use dogi_docker::RegistryAuth;
use dogi_job::{Compose, ComposeTest, Event, Exit, FailureKind, Local, RunId, Spec};
use dogi_stream::mask::Masks;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::OnceCell;

pub use shared::SharedDir;

use self::shared::Found;
use super::program::{Log, told, watch};
use crate::{
    adapters::coverage::warning,
    chain,
    ports::{Alive, Local as LocalPort, LocalRequest, SecretValues, StepError, Work},
};

/// How long a project may take to be taken down in order.
const TO_GO: Duration = Duration::from_secs(120);
/// In the directory of a run.
const CHECKOUT: &str = "checkout";
const SCRATCH: &str = "scratch";
/// For whoever reads the run, and knows the operator.
const BINDS_LEAD_ASTRAY: &str = "dogi: this server runs in a container, and where the engine's machine sees its \
    files could not be found: what is bound may be missing in the containers. HOST_SHARED_DIR says where that \
    machine sees DATA_DIR";
/// Where the tests of a compose project find the event.
const EVENT_PATH: &str = "/github/workflow/event.json";

/// How programs in checkouts are run.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// Where checkouts stand while they are used; nothing else may write there.
    pub directory: PathBuf,
    /// Where the engine's machine sees a directory that `directory` is in, for the binds of projects.
    pub shared: SharedDir,
    /// What commands inherit, `PATH` and `HOME` among it.
    pub environment: Vec<(OsString, OsString)>,
    /// The engine that projects run on.
    pub engine: EngineAddress,
    /// Who projects are at registries, whether or not it can be seen that they need them.
    pub logins: Vec<Login>,
    /// Where more logins are found, for those registries that a project's images are named after.
    pub registries: RegistryAuth,
    /// Labels of everything in the engine that belongs to this server.
    pub labels: BTreeMap<String, String>,
    /// Ceilings for each container of a project.
    pub ceilings: Ceilings,
}

/// Runs programs of this machine in checkouts.
#[derive(Debug)]
pub struct LocalRunner {
    options: LocalOptions,
    compose: OnceCell<ComposeProgram>,
    shared: OnceCell<Found>,
}

impl LocalRunner {
    /// With these options. Nothing is looked for before it is needed.
    #[must_use]
    pub fn new(options: LocalOptions) -> Self {
        Self {
            options,
            compose: OnceCell::new(),
            shared: OnceCell::new(),
        }
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        let found = self
            .options
            .environment
            .iter()
            .find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    fn search(&self) -> OsString {
        self.variable("PATH").cloned().unwrap_or_default()
    }

    async fn compose(&self) -> Result<&ComposeProgram, StepError> {
        let search = self.search();
        let home = self.variable("HOME").map(PathBuf::from);
        let find = || ComposeProgram::find(&search, home.as_deref());
        let found = self.compose.get_or_try_init(find).await;
        found.map_err(|error| untold("Compose can't be found", &error))
    }

    /// Of one run.
    fn place(&self, run: &RunId) -> PathBuf {
        self.options.directory.join(run.as_str())
    }

    async fn execute(&self, request: LocalRequest<'_>, work: &Work) -> Result<Exit, StepError> {
        let place = self.place(&work.run);
        let tree = request.checkout.tree("", work.cancel.clone());
        let directory = place.join(CHECKOUT);
        work.unless_cancelled(checkout::write(&place, &directory, tree))
            .await??;
        let (masks, warnings) = masks(request.secrets)?;
        for warning in warnings {
            work.console.line(format!("dogi: {warning}")).await;
        }
        let mut log = Log::new(request.outputs.log().clone(), &masks);
        work.record(Event::Started {
            container: "programs of the server's machine".to_owned(),
        })
        .await;
        let done = match request.spec.local() {
            Some(Local::Compose(compose)) => {
                self.project(compose, &request, work, (&place, &directory), &mut log)
                    .await
            }
            Some(Local::Command(words)) => {
                self.command(words, &request, work, &directory, &mut log)
                    .await
            }
            None => Err(StepError::failed(
                FailureKind::Internal,
                "the run has no programs to be run in a checkout",
            )),
        };
        log.finish().await;
        done.map_err(|error| shown(error, &masks, &place))
    }

    async fn project(
        &self,
        compose: &Compose,
        request: &LocalRequest<'_>,
        work: &Work,
        (place, directory): (&Path, &Path),
        log: &mut Log,
    ) -> Result<Exit, StepError> {
        let program = self.compose().await?;
        let scratch = place.join(SCRATCH);
        checkout::private(&scratch)?;
        let name = project_name(&work.run)?;
        let event = request.event;
        let mut environment = environment(request);
        environment.insert("COMPOSE_PROJECT_NAME".to_owned(), name.to_string());
        let mut files = Vec::new();
        match compose.test {
            ComposeTest::Service(_) if event.is_file() => {
                files.push((checkout::readable(event, &scratch)?, EVENT_PATH.to_owned()));
                environment.insert("GITHUB_EVENT_PATH".to_owned(), EVENT_PATH.to_owned());
            }
            _ if event.is_file() => {
                let path = event.display().to_string();
                environment.insert("GITHUB_EVENT_PATH".to_owned(), path);
            }
            _ => {}
        }
        let mut labels = self.options.labels.clone();
        labels.insert("dogi.run".to_owned(), work.run.to_string());
        labels.insert("dogi.instance".to_owned(), work.instance.to_string());
        let limits = &request.spec.limits;
        let seen = shared::find(&self.shared, &self.options.shared);
        let seen = work.unless_cancelled(seen).await?;
        let project = Project {
            name,
            directory: directory.to_owned(),
            file: PathBuf::from(&compose.file),
            scratch,
            environment,
            engine: self.options.engine.clone(),
            // Who has written this may be anybody.
            logins: match request.spec.stranger {
                true => Vec::new(),
                false => self.options.logins.clone(),
            },
            allow: Allow {
                privileged: compose.allow.privileged,
                host_network: compose.allow.host_network,
                host_binds: compose.allow.host_binds,
            },
            labels,
            ceilings: Ceilings {
                memory: limits.memory.or(self.options.ceilings.memory),
                milli_cpus: limits
                    .cpus
                    .map(|cpus| cpus.nanos() / 1_000_000)
                    .or(self.options.ceilings.milli_cpus),
                ..self.options.ceilings
            },
            shared: seen.shared(),
        };
        let plan = Plan {
            tests: self.tests(&compose.test, event),
            push: compose.push,
            keep: request.spec.keep,
            files,
        };
        let run = async {
            let mut prepared = program.prepare(&project, log, &work.cancel).await?;
            if !request.spec.stranger {
                self.log_in(&mut prepared, &plan.tests, work).await?;
            }
            if let Found::Unknown = seen
                && (prepared.has_binds() || plan.has_binds())
            {
                work.console.line(BINDS_LEAD_ASTRAY.to_owned()).await;
            }
            prepared.run(&plan, log, &work.cancel).await
        };
        match run.await {
            Ok(outcome) => Ok(told(outcome.tests)),
            Err(ComposeError::Cancelled) => Err(StepError::Cancelled),
            Err(error) => Err(of_compose(&error)),
        }
    }

    async fn log_in(
        &self,
        project: &mut Prepared,
        tests: &Tests,
        work: &Work,
    ) -> Result<(), ComposeError> {
        let image = match tests {
            Tests::Container(container) => Some(container.image.as_str()),
            Tests::Service(_) | Tests::Host(_) => None,
        };
        let finding = logins::of_project(&self.options.registries, project, image);
        let finding = work.unless_cancelled(finding).await;
        let (found, unknown) = finding.map_err(|_| ComposeError::Cancelled)?;
        for registry in unknown {
            let line = format!("dogi: no login for {registry}: the server's log says why");
            work.console.line(line).await;
        }
        project.log_in(found).await
    }

    fn tests(&self, test: &ComposeTest, event: &Path) -> Tests {
        match test {
            ComposeTest::Service(name) => Tests::Service(name.clone()),
            ComposeTest::Command(words) => Tests::Host(HookCommand {
                words: words.clone(),
                environment: self.options.environment.clone(),
            }),
            ComposeTest::Container { image, command } => Tests::Container(HookContainer {
                image: image.to_string(),
                words: command.clone(),
                environment: self.options.environment.clone(),
                readable: event
                    .is_file()
                    .then(|| event.to_owned())
                    .into_iter()
                    .collect(),
            }),
        }
    }

    async fn command(
        &self,
        words: &[String],
        request: &LocalRequest<'_>,
        work: &Work,
        directory: &Path,
        log: &mut Log,
    ) -> Result<Exit, StepError> {
        let Some((name, arguments)) = words.split_first() else {
            return Err(StepError::failed(
                FailureKind::Start,
                "the command has no words",
            ));
        };
        let program = Program::find(name.as_ref(), Some(directory), &self.search());
        let program = program.map_err(|error| untold("the command can't be found", &error))?;
        let mut spec = CommandSpec::new(program, name);
        spec.arguments = arguments.iter().map(OsString::from).collect();
        spec.environment.clone_from(&self.options.environment);
        let own = environment(request).into_iter();
        spec.environment
            .extend(own.map(|(name, value)| (OsString::from(name), OsString::from(value))));
        if request.event.is_file() {
            let path = request.event.as_os_str().to_owned();
            spec.environment.push(("GITHUB_EVENT_PATH".into(), path));
        }
        spec.working_directory = Some(directory.to_owned());
        let running = spec.spawn().await;
        let running = running.map_err(|error| untold("the command can't be started", &error))?;
        watch(running, log, work).await
    }

    /// Those of which there is something.
    fn runs(&self) -> Vec<RunId> {
        let entries = std::fs::read_dir(&self.options.directory);
        let entries = entries.into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| RunId::parse(&name).ok()).collect()
    }

    /// A project is one that has a scratch directory.
    async fn remove(&self, run: &RunId) -> Result<(), StepError> {
        let place = self.place(run);
        if place.join(SCRATCH).is_dir() {
            let down = Down {
                name: project_name(run)?,
                scratch: place.join(SCRATCH),
                engine: self.options.engine.clone(),
                images: true,
                time: TO_GO,
            };
            // What it says is for nobody: the run's log may be complete by now.
            let mut said = Vec::new();
            let gone = self.compose().await?.down(&down, &mut said).await;
            gone.map_err(|error| untold("the project can't be taken down", &error))?;
        }
        checkout::remove(&place).await
    }
}

impl LocalPort for LocalRunner {
    fn run<'a>(
        &'a self,
        request: LocalRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        self.execute(request, work).boxed()
    }

    fn cleanup<'a>(&'a self, run: &'a RunId, _: &'a Spec) -> BoxFuture<'a, Result<(), StepError>> {
        self.remove(run).boxed()
    }

    fn sweep<'a>(&'a self, alive: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>> {
        async move {
            let mut removed = 0;
            for run in self.runs() {
                if !alive(&run) {
                    self.remove(&run).await?;
                    removed += 1;
                }
            }
            Ok(removed)
        }
        .boxed()
    }
}

impl Sink for Log {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ()> {
        Box::pin(self.append(bytes))
    }
}

fn environment(request: &LocalRequest<'_>) -> BTreeMap<String, String> {
    let plain = request.spec.env.iter();
    let plain = plain.map(|(name, value)| (name.to_string(), value.clone()));
    let secret = request.secrets.iter();
    let secret = secret.map(|(name, value)| (name.to_string(), value.expose().to_owned()));
    plain.chain(secret).collect()
}

fn project_name(run: &RunId) -> Result<ProjectName, StepError> {
    let name = format!("dogi-{run}").to_ascii_lowercase();
    let name = name.parse::<ProjectName>();
    name.map_err(|error| StepError::failed(FailureKind::Internal, error.to_string()))
}

/// What is masked, and what is to be said of what is not.
fn masks(secrets: &SecretValues) -> Result<(Masks, Vec<String>), StepError> {
    let mut builder = Masks::builder();
    let mut warnings = Vec::new();
    for (variable, value) in secrets {
        let coverage = builder.add(value.expose().as_bytes());
        warnings.extend(warning(variable.as_str(), coverage));
    }
    let masks = builder.build().map_err(|error| {
        let message = format!("the secrets can't be masked: {error}");
        StepError::failed(FailureKind::Start, message)
    })?;
    Ok((masks, warnings))
}

/// As whoever may see the run may read it: without secrets, and without where this server works.
fn shown(error: StepError, masks: &Masks, place: &Path) -> StepError {
    let StepError::Failed { kind, message } = error else {
        return error;
    };
    let message = String::from_utf8_lossy(&masks.mask(message.as_bytes())).into_owned();
    let checkout = place.join(CHECKOUT).display().to_string();
    let message = message.replace(&checkout, ".");
    let message = message.replace(&place.display().to_string(), "…");
    StepError::Failed { kind, message }
}

/// The reason, which has paths of the host in it, is for the server's own log.
fn untold(what: &str, error: &(dyn std::error::Error + 'static)) -> StepError {
    tracing::warn!(reason = chain(error), "{what}");
    StepError::failed(
        FailureKind::Start,
        format!("{what}: the server's log says why"),
    )
}

/// What is wrong with the project is its author's to know; what is wrong here is the operator's.
fn of_compose(error: &ComposeError) -> StepError {
    let kind = match error {
        ComposeError::Directory { .. } | ComposeError::Scratch { .. } | ComposeError::Lookup(_) => {
            return untold("the project can't be run", error);
        }
        ComposeError::Refused(_) => FailureKind::Forbidden,
        ComposeError::Step { .. } | ComposeError::Config { .. } => FailureKind::Build,
        _ => FailureKind::Start,
    };
    StepError::failed(kind, chain(error))
}
