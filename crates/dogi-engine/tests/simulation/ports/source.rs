//! Files that nobody looks at.

use std::sync::Arc;

use dogi_engine::ports::{
    BoxStream, Checkout, CheckoutRequest, Context, ContextRequest, FileLimits, RepoFile, Source,
    StepError, Work,
};
use dogi_job::FailureKind;
use dogi_url::Commit;
use futures::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use super::Ports;

#[derive(Debug)]
struct Files;

impl Checkout for Files {
    fn commit(&self) -> Option<Commit> {
        Some(Commit::new("45d218fc28c14ec629065042c0de0ba6bc0c5a34").expect("a commit"))
    }

    fn revision(&self) -> Option<String> {
        None
    }

    fn context<'a>(
        &'a self,
        _request: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>> {
        unreachable!("nothing is built of the files")
    }

    fn files<'a>(
        &'a self,
        _: &'a (dyn Fn(&str) -> bool + Send + Sync),
        _: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn tree(&self, _prefix: &str, _cancel: CancellationToken) -> BoxStream {
        Box::pin(futures::stream::empty())
    }
}

impl Source for Ports {
    fn checkout<'a>(
        &'a self,
        _request: CheckoutRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>> {
        async move {
            work.console.line("cloning").await;
            let cloning = self.0.act("checkout", |state| state.fails());
            match work.unless_cancelled(cloning).await? {
                true => Err(StepError::failed(FailureKind::Internal, "no clone today")),
                false => Ok(Arc::new(Files) as Arc<dyn Checkout>),
            }
        }
        .boxed()
    }
}
