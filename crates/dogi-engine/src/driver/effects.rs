//! What each effect does.

use dogi_job::{Effect, FailureKind, Spec};
use futures::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use super::{Driver, Ended};
use crate::{
    chain::chain,
    ports::{
        Begin, BuildRequest, CheckoutRequest, CommandRequest, ContainerRequest, Delivery,
        LocalRequest, SecretValues, Secrets, StepError, Work,
    },
    promises::callback_id,
};

impl Driver {
    pub(super) fn perform(&self, effect: &Effect, work: Work) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let spec = self.run.spec().clone();
        match (effect, &self.checkout) {
            (Effect::Checkout, _) => async move {
                let request = CheckoutRequest {
                    source: &spec.source,
                    stranger: spec.stranger,
                };
                Ended::Checkout(shared.source.checkout(request, &work).await)
            }
            .boxed(),
            (Effect::Build { .. }, Some(checkout)) => {
                let checkout = checkout.clone();
                async move {
                    let request = BuildRequest {
                        spec: &spec,
                        checkout: &*checkout,
                    };
                    Ended::Build(shared.runner.build(request, &work).await)
                }
                .boxed()
            }
            (
                Effect::Run {
                    image,
                    container: None,
                },
                Some(checkout),
            ) => {
                let (checkout, image) = (checkout.clone(), image.clone());
                let outputs = self.outputs.clone();
                async move {
                    if let Err(error) = shared.make_way(&spec).await {
                        return Ended::Run(Err(error));
                    }
                    let secrets = match reveal(&*shared.secrets, &spec, &work).await {
                        Ok(secrets) => secrets,
                        Err(error) => return Ended::Run(Err(error)),
                    };
                    let request = ContainerRequest {
                        spec: &spec,
                        image: &image,
                        outputs: &outputs,
                        node: None,
                        begin: Begin::Make {
                            checkout: Some(&*checkout),
                            secrets: &secrets,
                        },
                    };
                    Ended::Run(shared.runner.run(request, &work).await)
                }
                .boxed()
            }
            (
                Effect::Run {
                    image,
                    container: Some(container),
                },
                _,
            ) => {
                let (container, image) = (container.clone(), image.clone());
                let outputs = self.outputs.clone();
                async move {
                    let request = ContainerRequest {
                        spec: &spec,
                        image: &image,
                        outputs: &outputs,
                        node: None,
                        begin: Begin::TakeUp {
                            container: &container,
                        },
                    };
                    Ended::Run(shared.runner.run(request, &work).await)
                }
                .boxed()
            }
            (Effect::Local, None) => async {
                let reason = "the server ended while programs of the run were under way".to_owned();
                Ended::Run(Err(StepError::Lost { reason }))
            }
            .boxed(),
            (Effect::Plan, Some(checkout)) => self.plan(checkout.clone(), work),
            (Effect::NodeImage { node }, _) => self.node_image(node, work),
            (
                Effect::NodeRun {
                    node,
                    image,
                    container,
                },
                _,
            ) => self.node_run(node, image, container.as_deref(), work),
            (Effect::Build { .. } | Effect::Run { .. } | Effect::Plan, None) => async {
                let reason = "the checkout of the run is gone".to_owned();
                Ended::Build(Err(StepError::Lost { reason }))
            }
            .boxed(),
            (Effect::Command, _) => self.command(work),
            (Effect::Local, Some(checkout)) => {
                let checkout = checkout.clone();
                let outputs = self.outputs.clone();
                async move {
                    let secrets = match reveal(&*shared.secrets, &spec, &work).await {
                        Ok(secrets) => secrets,
                        Err(error) => return Ended::Run(Err(error)),
                    };
                    let request = LocalRequest {
                        spec: &spec,
                        secrets: &secrets,
                        checkout: &*checkout,
                        event: &outputs.directory().details(),
                        outputs: &outputs,
                    };
                    Ended::Run(shared.local.run(request, &work).await)
                }
                .boxed()
            }
            // What is kept goes with the history.
            (Effect::Cleanup, _) if spec.keep => async { Ended::Cleanup(Ok(())) }.boxed(),
            (Effect::Cleanup, _) if spec.host_command().is_some() => {
                // The port has ended the program; its directory is history.
                async { Ended::Cleanup(Ok(())) }.boxed()
            }
            (Effect::Deliver { attempt }, _) => self.deliver(*attempt, work.cancel),
            (Effect::Cleanup, _) => {
                async move { Ended::Cleanup(shared.clean(&work.run, &spec).await) }.boxed()
            }
        }
    }

    fn command(&self, work: Work) -> BoxFuture<'static, Ended> {
        let host = self.shared.host.clone();
        let spec = self.run.spec().clone();
        let outputs = self.outputs.clone();
        async move {
            let Some(command) = spec.host_command() else {
                unreachable!("only a run of a command wants one");
            };
            let request = CommandRequest {
                command,
                details: &outputs.directory().details(),
                outputs: &outputs,
            };
            Ended::Run(host.run(request, &work).await)
        }
        .boxed()
    }

    fn deliver(&self, attempt: u32, cancel: CancellationToken) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let first = self.run.callback().first_at;
        let now = shared.clock.now();
        let since_first = now.saturating_since(first.unwrap_or(now));
        let status = self.run.status_for_callback();
        let callback = self.run.spec().callback.clone();
        let id = callback_id(&self.run);
        async move {
            let (Some(callback), Some(id)) = (callback, id) else {
                unreachable!("a run without a callback wants no delivery");
            };
            let delivery = Delivery {
                id: &id,
                callback: &callback,
                status: &status,
                attempt,
                since_first,
            };
            Ended::Deliver(shared.deliverer.deliver(delivery, &cancel).await)
        }
        .boxed()
    }
}

/// The values of the secrets that a container is to get. Whoever asked for the run is told which one is
/// missing, and not where it was looked for.
pub(super) async fn reveal(
    secrets: &dyn Secrets,
    spec: &Spec,
    work: &Work,
) -> Result<SecretValues, StepError> {
    if spec.secrets.is_empty() {
        return Ok(SecretValues::new());
    }
    let revealed = work.unless_cancelled(secrets.reveal(&spec.secrets));
    revealed.await?.map_err(|error| {
        tracing::warn!(run = %work.run, error = %chain(&error), "a secret was not revealed");
        StepError::failed(FailureKind::Start, error.to_string())
    })
}
