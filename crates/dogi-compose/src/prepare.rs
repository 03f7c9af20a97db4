//! From a file in a checkout to a model that may be run.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    Build, Compose, ComposeError, Login, Project, RunError, Sink,
    checkout::Checkout,
    dotenv, images, model,
    policy::Judge,
    resolve::Resolver,
    rewrite::{has_binds, isolate},
    scratch::{self, Scratch},
    sources,
};

/// A project that was checked, and whose resolved and rewritten file lies in its scratch directory.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) compose: Compose,
    pub(crate) project: Project,
    pub(crate) scratch: Scratch,
    /// The checkout, without links.
    pub(crate) root: PathBuf,
    /// What relative paths count from.
    pub(crate) base: PathBuf,
    pub(crate) services: Vec<Service>,
    images: BTreeSet<String>,
    builds: Vec<Build>,
    has_binds: bool,
    /// Who it is at registries by [`Prepared::log_in`].
    pub(crate) found: Vec<Login>,
}

/// What the steps have to know about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) builds: bool,
    pub(crate) has_image: bool,
    /// It belongs to a profile, so that it is not up unless it is asked for.
    pub(crate) has_profile: bool,
}

/// Where the files are, once it is known that they are in the checkout.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) checkout: Checkout,
    pub(crate) file: PathBuf,
    /// What relative paths count from.
    pub(crate) base: PathBuf,
}

impl Compose {
    /// Checks the project, lets the program resolve its file, judges the result, and writes what will
    /// be run: without published ports, container names and restarts, with limits and labels. Nothing
    /// is asked of an engine. What the program says about the file goes to the sink.
    ///
    /// # Errors
    ///
    /// [`ComposeError`]; [`ComposeError::Refused`] names all that the project may not have.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, or the token cancelled, the program is ended. Files may be left in
    /// the scratch directory.
    pub async fn prepare(
        &self,
        project: &Project,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Prepared, ComposeError> {
        let scratch = Scratch::at(&project.scratch);
        let place = {
            let (project, scratch, plugins) = (project.clone(), scratch.clone(), self.plugins());
            let plugins = plugins.map(Path::to_owned);
            blocking(move || before(&project, &scratch, plugins.as_deref())).await?
        };
        let resolver = Resolver {
            compose: self,
            project,
            scratch: &scratch,
            place: &place,
        };
        let model = resolver.resolve(sink, cancel).await?;
        let Read {
            services,
            images,
            builds,
            has_binds,
        } = {
            let (project, scratch, place) = (project.clone(), scratch.clone(), place.clone());
            blocking(move || after(model, &project, &scratch, &place)).await?
        };
        Ok(Prepared {
            compose: self.clone(),
            project: project.clone(),
            scratch,
            root: place.checkout.root().to_owned(),
            base: place.base,
            services,
            images,
            builds,
            has_binds,
            found: Vec::new(),
        })
    }
}

/// What is known of a project by its model.
struct Read {
    services: Vec<Service>,
    images: BTreeSet<String>,
    builds: Vec<Build>,
    has_binds: bool,
}

impl Prepared {
    /// Whether containers of the project see files of this machine: only if the engine sees them where
    /// [`Project::shared`] says.
    pub fn has_binds(&self) -> bool {
        self.has_binds
    }

    /// The names of images that the file gives, as they stand there: those that are pulled and pushed. What
    /// the builds begin with is not among them, see [`Prepared::builds`].
    pub fn images(&self) -> &BTreeSet<String> {
        &self.images
    }

    /// What is built, as far as it can be read.
    pub fn builds(&self) -> &[Build] {
        &self.builds
    }

    /// Says who the project is at registries, besides the logins of [`Project::logins`], which win. Whoever
    /// calls this with the registries of its [`images`](Prepared::images) and [`builds`](Prepared::builds)
    /// lets a project have no login that it has no use for. The file is private, and goes with the scratch
    /// directory.
    ///
    /// # Errors
    ///
    /// [`ComposeError::Scratch`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future may leave the logins as they were, or these.
    pub async fn log_in(&mut self, logins: Vec<Login>) -> Result<(), ComposeError> {
        let all: Vec<Login> = logins.iter().chain(&self.project.logins).cloned().collect();
        let (scratch, plugins) = (self.scratch.clone(), self.compose.plugins());
        let plugins = plugins.map(Path::to_owned);
        blocking(move || {
            let written = scratch.log_in(&all, plugins.as_deref());
            written.map_err(unwritable(scratch.root()))
        })
        .await?;
        self.found = logins;
        Ok(())
    }
}

/// All that has to be known before the program reads anything.
fn before(
    project: &Project,
    scratch: &Scratch,
    plugins: Option<&Path>,
) -> Result<Place, ComposeError> {
    let place = find(project)?;
    let mut judge = Judge::new(&place.checkout, &place.base, project.allow);
    sources::check(&place.checkout, place.file.clone(), &mut judge)?;
    refuse(judge)?;
    scratch
        .lay_out(&project.logins, plugins)
        .map_err(unwritable(scratch.root()))?;
    let variables = variables(&place)?;
    let text = scratch::quoted(&variables)?;
    let path = scratch.variables();
    scratch::write(&path, &text).map_err(unwritable(&path))?;
    Ok(place)
}

/// All that follows from the resolved model.
fn after(
    mut model: Value,
    project: &Project,
    scratch: &Scratch,
    place: &Place,
) -> Result<Read, ComposeError> {
    let mut judge = Judge::new(&place.checkout, &place.base, project.allow);
    judge.model(&model);
    refuse(judge)?;
    let read = Read {
        services: services(&model),
        images: images::names(&model),
        builds: images::builds(&model, place),
        has_binds: has_binds(&model),
    };
    isolate(&mut model, project);
    let path = scratch.model();
    scratch::write(&path, &model::to_text(&model)).map_err(unwritable(&path))?;
    Ok(read)
}

fn find(project: &Project) -> Result<Place, ComposeError> {
    let checkout = Checkout::open(&project.directory).map_err(|source| {
        let path = project.directory.clone();
        ComposeError::Directory { path, source }
    })?;
    let file = &project.file;
    let is_relative = file
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if !is_relative || file.as_os_str().is_empty() {
        return Err(ComposeError::FileName { file: file.clone() });
    }
    let real = checkout.inside(checkout.root(), file).map_err(|source| {
        let file = file.clone();
        ComposeError::File { file, source }
    })?;
    // Of a link, the program and the checks see the file itself: one place that paths count from.
    let base = real.parent().unwrap_or(checkout.root()).to_owned();
    Ok(Place {
        checkout,
        file: real,
        base,
    })
}

fn variables(place: &Place) -> Result<BTreeMap<String, String>, ComposeError> {
    let shown = place.base.join(".env");
    let path = shown.strip_prefix(place.checkout.root()).unwrap_or(&shown);
    let path = path.to_owned();
    let real = match place.checkout.inside(&place.base, Path::new(".env")) {
        Ok(real) => real,
        Err(source) => return Err(ComposeError::File { file: path, source }),
    };
    let text = match sources::read(&real) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(ComposeError::Read { path, source }),
    };
    dotenv::parse_dotenv(&text).map_err(|source| ComposeError::Dotenv { path, source })
}

fn services(model: &Value) -> Vec<Service> {
    let services = model["services"].as_object();
    let services = services.into_iter().flatten();
    let has = |service: &Value, key: &str| match &service[key] {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    services
        .map(|(name, service)| Service {
            name: name.clone(),
            builds: has(service, "build"),
            has_image: has(service, "image"),
            has_profile: has(service, "profiles"),
        })
        .collect()
}

fn refuse(judge: Judge<'_>) -> Result<(), ComposeError> {
    let refusals = judge.into_refusals();
    if refusals.is_empty() {
        return Ok(());
    }
    Err(ComposeError::Refused(refusals))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ComposeError {
    let path = path.to_owned();
    |source| ComposeError::Scratch { path, source }
}

/// A cancelled run is not a failed step.
pub(crate) fn run_error(step: String, source: RunError) -> ComposeError {
    match source {
        RunError::Cancelled => ComposeError::Cancelled,
        source => ComposeError::Run { step, source },
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ComposeError> + Send + 'static,
) -> Result<T, ComposeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shutting down.
        Err(_) => Err(ComposeError::Cancelled),
    }
}
