//! The image of a step: found, built or pulled.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use dogi_docker::{
    BuildError, BuildSpec, Builder, ImageId, ImageName, LabelFilter, Owned, OwnedKind, PullError,
    RegistryAuth,
};
use dogi_job::{FailureKind, Origin, Spec, UnixMillis};
use dogi_url::{BuildParams, ImageRef};
use serde::Serialize;
use tokio::sync::{SemaphorePermit, mpsc};

use super::{DockerRunner, error, images::ImageKey, label};
use crate::{
    outputs::Console,
    ports::{BuildRequest, BuiltImage, Context, ContextRequest, PullRequest, StepError, Work},
};

impl DockerRunner {
    pub(super) async fn have_image(
        &self,
        request: BuildRequest<'_>,
        work: &Work,
    ) -> Result<BuiltImage, StepError> {
        match &request.spec.origin {
            Origin::Build(build) => self.have_built(build, request, work).await,
            Origin::Image(image) if request.spec.public_image => {
                let spec = request.spec;
                self.have_named(PullRequest { spec, image }, work).await
            }
            Origin::Image(image) => self.have_pulled(image, request.spec, work).await,
            Origin::Graph(_) => {
                let message = "each node of a graph has its own image";
                Err(StepError::failed(FailureKind::Internal, message))
            }
            Origin::Local(_) => {
                let message = "programs of this machine have no image";
                Err(StepError::failed(FailureKind::Internal, message))
            }
            Origin::Host(command) => {
                let message = format!("{:?} is a command, and has no image", command.name);
                Err(StepError::failed(FailureKind::Internal, message))
            }
        }
    }

    /// Finds an earlier build of the same content in the table, or builds.
    async fn have_built(
        &self,
        build: &BuildParams,
        request: BuildRequest<'_>,
        work: &Work,
    ) -> Result<BuiltImage, StepError> {
        self.images.load().await;
        let context = request.checkout.context(ContextRequest {
            build,
            cancel: &work.cancel,
        });
        let context = work.unless_cancelled(context).await??;
        for note in context.notes() {
            work.console.line(format!("dogi: {note}")).await;
        }
        let rebuild = request.spec.rebuild;
        let Some(key) = self.image_key(build, request.spec, &*context, work).await? else {
            let image = self
                .build_image(build, request.spec, &*context, work)
                .await?;
            self.images.made(&work.run, &image, None).await;
            return Ok(BuiltImage {
                id: image.to_string(),
                reused: false,
            });
        };
        let _turn = work.unless_cancelled(self.images.turn(&key)).await?;
        if !rebuild && let Some(id) = self.find_built(&key, work).await? {
            return Ok(BuiltImage { id, reused: true });
        }
        let id = self
            .build_image(build, request.spec, &*context, work)
            .await?;
        self.images.made(&work.run, &id, Some(&key)).await;
        Ok(BuiltImage {
            id: id.to_string(),
            reused: false,
        })
    }

    /// What determines the image; `None` where it can't be known, and Docker's cache decides.
    async fn image_key(
        &self,
        build: &BuildParams,
        run: &Spec,
        context: &dyn Context,
        work: &Work,
    ) -> Result<Option<ImageKey>, StepError> {
        let (rebuild, auth) = (run.rebuild, self.registries(run));
        let args = arguments(build);
        let target = build.target.as_ref().map(ToString::to_string);
        let bases = dogi_docker::base_images(context.dockerfile(), &args, target.as_deref());
        let Some(digest) = context.digest().filter(|_| bases.is_knowable()) else {
            return Ok(None);
        };
        let mut resolved = BTreeMap::new();
        for image in bases.images.iter().chain(&bases.frontend) {
            let asked = self.docker.resolve_digest(image, &auth, rebuild);
            match work.unless_cancelled(asked).await? {
                Ok(found) => resolved.insert(image.to_string(), format!("{found:?}")),
                // The builder says better what is wrong with it.
                Err(_) => return Ok(None),
            };
        }
        Ok(ImageKey::of(&Ingredients {
            context: digest,
            dockerfile: context.dockerfile_path(),
            target,
            args,
            platform: build.platform.as_ref().map(ToString::to_string),
            builder: format!("{:?}", self.options.builder),
            bases: resolved,
            secrets: bases.secrets,
        }))
    }

    async fn find_built(&self, key: &ImageKey, work: &Work) -> Result<Option<String>, StepError> {
        let Some(id) = self.images.find(&work.run, key).await else {
            return Ok(None);
        };
        let exists = work.unless_cancelled(self.docker.image_exists(&id)).await?;
        if exists.map_err(|error| error::step(FailureKind::Build, &error))? {
            return Ok(Some(id.to_string()));
        }
        self.images.forget(&id).await;
        Ok(None)
    }

    /// Takes up what an earlier life of this server built and did not put in the table: of which
    /// content is not known, but Docker's cache may give it again, and it is to be removed one day.
    pub(super) async fn adopt_images(&self) {
        match self.docker.owned(&self.built_here()).await {
            Ok(mut found) => {
                found.retain(|owned| owned.kind == OwnedKind::Image);
                let seconds = |owned: &Owned| owned.created.and_then(|at| u64::try_from(at).ok());
                let images = found.iter().filter_map(|owned| {
                    let made = UnixMillis::from_secs(seconds(owned).unwrap_or(0));
                    Some((ImageId::parse(&owned.id)?, made))
                });
                self.images.adopt(images);
            }
            Err(error) => tracing::warn!(%error, "earlier images were not looked for"),
        }
    }

    /// Removes the images that went unused for longest, beyond those that are kept. One that
    /// somebody gave a name to, or that is in use, stays with the engine.
    pub(super) async fn trim_images(&self) {
        let surplus = self.images.surplus(self.options.keep_images).await;
        if surplus.is_empty() {
            return;
        }
        let keep = |owned: &Owned| {
            let mut goes = surplus.iter().map(|(id, _)| id);
            let goes = goes.find(|id| id.as_str() == owned.id);
            // A build may have come to the same image meanwhile.
            owned.kind != OwnedKind::Image || goes.is_none_or(|id| self.images.keeps(id))
        };
        if let Err(error) = self.docker.collect(&self.built_here(), keep).await {
            tracing::warn!(%error, "images that went unused were not removed");
            self.images.adopt(surplus);
        }
    }

    /// Who dogi is at registries, for this run.
    fn registries(&self, run: &Spec) -> RegistryAuth {
        match run.stranger {
            true => RegistryAuth::default(),
            false => self.options.registries.clone(),
        }
    }

    fn built_here(&self) -> LabelFilter {
        LabelFilter::is(label::BUILT_BY, &*self.options.server)
    }

    async fn build_image(
        &self,
        build: &BuildParams,
        run: &Spec,
        context: &dyn Context,
        work: &Work,
    ) -> Result<ImageId, StepError> {
        if run.stranger && !self.has_buildkit(work).await? {
            return Err(StepError::failed(
                FailureKind::Forbidden,
                CLASSIC_FOR_STRANGERS,
            ));
        }
        let rebuild = run.rebuild;
        let spec = BuildSpec {
            dockerfile: context.dockerfile_path().to_owned(),
            target: build.target.as_ref().map(ToString::to_string),
            args: arguments(build),
            platform: build.platform.as_ref().map(ToString::to_string),
            labels: BTreeMap::from([(label::BUILT_BY.to_owned(), self.options.server.clone())]),
            no_cache: rebuild,
            pull: rebuild,
            builder: self.options.builder,
            registry_auth: self.registries(run),
            ..BuildSpec::default()
        };
        let mut built = self.build_once(&spec, context, work).await;
        for _ in 1..BUILDS {
            let Err(error @ BuildError::CacheRemoved { .. }) = &built else {
                break;
            };
            let told = format!("dogi: {error}: the build begins again");
            work.console.line(told).await;
            built = self.build_once(&spec, context, work).await;
        }
        match built {
            Ok(id) => Ok(id),
            Err(BuildError::Cancelled) => Err(StepError::Cancelled),
            Err(error) => Err(error::step(FailureKind::Build, &error)),
        }
    }

    async fn has_buildkit(&self, work: &Work) -> Result<bool, StepError> {
        if self.options.builder == Builder::Classic {
            return Ok(false);
        }
        let info = work.unless_cancelled(self.docker.info()).await?;
        let info = info.map_err(|error| error::step(FailureKind::Build, &error))?;
        Ok(info.buildkit)
    }

    async fn build_once(
        &self,
        spec: &BuildSpec,
        context: &dyn Context,
        work: &Work,
    ) -> Result<ImageId, BuildError> {
        let tar = context.stream(work.cancel.clone());
        let (send, lines) = mpsc::unbounded_channel();
        let mut log = teller(send);
        let building = async move { self.docker.build(spec, tar, &mut log, &work.cancel).await };
        let (built, ()) = futures::join!(building, print(lines, &work.console));
        built
    }

    /// An image that the repository names: found or pulled. For a stranger it is always pulled, and without
    /// credentials: what the engine has may have been pulled with the operator's.
    pub(super) async fn have_named(
        &self,
        request: PullRequest<'_>,
        work: &Work,
    ) -> Result<BuiltImage, StepError> {
        if !request.spec.stranger {
            return self.have_pulled(request.image, request.spec, work).await;
        }
        let name = parse_name(request.image)?;
        let _turn = self.turn_to_pull(work).await?;
        // By its digest: so a stranger moves no tag that other runs go by. The registry is asked first, for
        // an engine that has the digest need not ask again.
        let nobody = RegistryAuth::none();
        let published = self.docker.published(&name, &nobody);
        let published = work.unless_cancelled(published).await?;
        let published = published.map_err(|error| not_for_strangers(&error))?;
        let pulled = self.pull_image(&published, &nobody, work).await?;
        pulled.map_err(|error| not_for_strangers(&error))
    }

    async fn have_pulled(
        &self,
        image: &ImageRef,
        run: &Spec,
        work: &Work,
    ) -> Result<BuiltImage, StepError> {
        let name = parse_name(image)?;
        if !run.rebuild {
            let found = self.docker.local_image(&name);
            let found = work.unless_cancelled(found).await?;
            if let Some(id) = found.map_err(|error| not_had(&error))? {
                return Ok(BuiltImage {
                    id: id.to_string(),
                    reused: true,
                });
            }
        }
        let _turn = self.turn_to_pull(work).await?;
        self.pull_image(&name, &self.registries(run), work)
            .await?
            .map_err(|error| not_had(&error))
    }

    /// Waits until few enough images are pulled.
    async fn turn_to_pull(&self, work: &Work) -> Result<SemaphorePermit<'_>, StepError> {
        let turn = work.unless_cancelled(self.pulls.acquire()).await?;
        Ok(turn.expect("the semaphore is never closed"))
    }

    async fn pull_image(
        &self,
        name: &ImageName,
        auth: &RegistryAuth,
        work: &Work,
    ) -> Result<Result<BuiltImage, PullError>, StepError> {
        let (send, lines) = mpsc::unbounded_channel();
        let mut log = teller(send);
        let pulling = async move {
            self.docker
                .pull(name, None, auth, &mut log, &work.cancel)
                .await
        };
        let (pulled, ()) = futures::join!(pulling, print(lines, &work.console));
        match pulled {
            Err(PullError::Cancelled { .. }) => Err(StepError::Cancelled),
            pulled => Ok(pulled.map(|id| BuiltImage {
                id: id.to_string(),
                reused: false,
            })),
        }
    }
}

fn parse_name(image: &ImageRef) -> Result<ImageName, StepError> {
    ImageName::parse(image.as_str()).map_err(|error| not_had(&error))
}

fn not_had(error: &(dyn std::error::Error + 'static)) -> StepError {
    error::step(FailureKind::Build, error)
}

/// Where the registry said no, it says to whom.
fn not_for_strangers(error: &PullError) -> StepError {
    match (error, not_had(error)) {
        (PullError::Denied { .. }, StepError::Failed { kind, message }) => {
            let rule = "pull requests from forks get only images that everybody can pull";
            StepError::failed(kind, format!("{message}; {rule}"))
        }
        (_, other) => other,
    }
}

/// Everything that an image is made of. Two builds with the same ingredients give the same image.
#[derive(Serialize)]
struct Ingredients<'a> {
    context: String,
    dockerfile: &'a str,
    target: Option<String>,
    args: BTreeMap<String, String>,
    platform: Option<String>,
    builder: String,
    /// What each base and the frontend resolve to now.
    bases: BTreeMap<String, String>,
    secrets: BTreeSet<String>,
}

fn arguments(build: &BuildParams) -> BTreeMap<String, String> {
    build
        .args
        .iter()
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect()
}

/// Takes pieces of text where nobody can wait, for [`print()`].
fn teller(send: mpsc::UnboundedSender<Bytes>) -> impl FnMut(&[u8]) + Send {
    move |text| {
        // Whoever prints is there for as long as this is.
        let _ = send.send(Bytes::copy_from_slice(text));
    }
}

/// The classic builder takes the beginning of an image's id for its name (seen with 20.10.24), in `FROM`, in
/// `COPY --from`, and in the `ONBUILD` of a base, which nobody sees before: so it gives away what other
/// repositories were built to.
const CLASSIC_FOR_STRANGERS: &str = "pull requests from forks are built by BuildKit alone: with the \
    classic builder a Dockerfile can begin from any image that the engine has, by its id";

/// How often a build is tried whose cached images are removed under it: by retention, by other builds that
/// end, by people who prune.
const BUILDS: usize = 5;

/// Whatever has come: a build can't be held up, so that what is left lying would pile up.
const ALL: usize = usize::MAX;

/// Writes what comes to the log, many pieces at once if they come fast.
async fn print(mut texts: mpsc::UnboundedReceiver<Bytes>, console: &Console) {
    let mut batch = Vec::new();
    while texts.recv_many(&mut batch, ALL).await > 0 {
        console.raw(batch.concat().into()).await;
        batch.clear();
    }
}
