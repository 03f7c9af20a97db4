//! Single files that are put into a container before it starts.

use bytes::Bytes;
use dogi_docker::{Container, ContainerId, FileOfArchive, FinalFile, LabelFilter, OwnedKind};
use dogi_job::{FailureKind, RunId, Spec};

use super::{DockerRunner, container::WORKSPACE, error, label};
use crate::ports::{ContainerRequest, FileOut, StepError, Work};

/// Makes `/workspace` lead to the repository's files. Where the image has something of that name it stays,
/// and the log says so.
pub(super) async fn link_workspace(container: &Container, spec: &Spec, work: &Work) {
    let path = spec
        .workspace
        .as_ref()
        .map(|workspace| workspace.path.as_str());
    let Some(path) = path.filter(|path| *path != WORKSPACE) else {
        return;
    };
    let made = tar_of(|tar| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        tar.append_link(&mut header, below_root(WORKSPACE), path)
    });
    let failed = match made {
        Ok(archive) => container
            .upload("/", one(archive))
            .await
            .err()
            .map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = failed {
        let line = format!("dogi: {WORKSPACE} does not lead to {path} in this image: {reason}");
        work.console.line(line).await;
    }
}

/// Puts in the event that started the run.
pub(super) async fn put_event(
    container: &Container,
    request: &ContainerRequest<'_>,
) -> Result<(), StepError> {
    let Some(path) = &request.spec.event_path else {
        return Ok(());
    };
    let failed = |error: std::io::Error| {
        let message = format!("the event that started the run can't be read: {error}");
        StepError::failed(FailureKind::Internal, message)
    };
    let event = tokio::fs::read(request.outputs.directory().details()).await;
    let event = event.map_err(failed)?;
    let archive = tar_of(|tar| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(event.len() as u64);
        tar.append_data(&mut header, below_root(path.as_str()), event.as_slice())
    });
    let uploaded = container.upload("/", one(archive.map_err(failed)?)).await;
    uploaded.map_err(|error| error::step(FailureKind::Start, &error))
}

fn below_root(path: &str) -> &str {
    path.trim_start_matches('/')
}

fn tar_of(
    fill: impl FnOnce(&mut tar::Builder<Vec<u8>>) -> std::io::Result<()>,
) -> std::io::Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    fill(&mut tar)?;
    tar.into_inner().map(Bytes::from)
}

fn one(bytes: Bytes) -> crate::ports::BoxStream {
    Box::pin(futures::stream::once(async { Ok(bytes) }))
}

impl DockerRunner {
    pub(super) async fn file_of(
        &self,
        run: &RunId,
        path: &str,
    ) -> Result<Option<FileOut>, StepError> {
        let mine = LabelFilter::is(label::SERVER, &*self.options.server);
        let its = mine.and(label::RUN, run.as_str());
        let owned = self.docker.owned(&its).await;
        let mut owned = owned.map_err(|error| error::of_engine(&error))?;
        owned.retain(|owned| owned.kind == OwnedKind::Container);
        owned.sort_by_key(|owned| std::cmp::Reverse(owned.created));
        for found in owned {
            let Some(id) = ContainerId::parse(&found.id) else {
                continue;
            };
            let container = self.docker.container(&id).await;
            let container = container.map_err(|error| error::of_engine(&error))?;
            let file = container.final_file(path).await;
            if let FinalFile::File(file) = file.map_err(|error| error::of_engine(&error))? {
                return Ok(Some(FileOut {
                    size: file.size(),
                    content: content(file),
                }));
            }
        }
        Ok(None)
    }
}

fn content(file: FileOfArchive) -> crate::ports::BoxStream {
    Box::pin(futures::stream::try_unfold(file, |mut file| async move {
        Ok(file.chunk().await?.map(|chunk| (chunk, file)))
    }))
}
