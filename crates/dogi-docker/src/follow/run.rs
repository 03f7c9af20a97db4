//! The task behind a [`super::FollowStream`]: live by the helper or by polling, then completed.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::Shared;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::followed::Followed;
use super::frames::{Decoder, Frame, FrameEvent};
use super::helper::HELPER_PATH;
use super::live::{Mismatch, Reconciler};
use super::{FileEvent, FollowError};
use crate::container::Channel;
use crate::container::{Container, Demux, ExecSpec, FinalFile, PathKind, Source};
use crate::error::EngineError;
use crate::patience::Pauses;

type Events = mpsc::Sender<Result<FileEvent, FollowError>>;

/// Why the task ends early.
enum Stop {
    /// Nobody listens.
    Unheard,
    Engine(EngineError),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Stop {
        Stop::Engine(error)
    }
}

pub(super) async fn follow(container: Container, files: Vec<Followed>, events: Events) {
    let docker = container.docker().clone();
    let mut follow = Follow {
        ended: ended(&container),
        container,
        files,
        events,
    };
    let mut breaks = 0;
    let mut pauses = Pauses::new();
    loop {
        match follow.run().await {
            Ok(()) | Err(Stop::Unheard) => return,
            Err(Stop::Engine(error)) if error.is_engine_gone() && breaks < MAX_BREAKS => {
                tracing::debug!(%error, "following goes on when the engine is back");
                // One that answers and breaks off would be asked without a pause otherwise.
                pauses.wait().await;
                docker.until_it_answers().await;
                breaks += 1;
            }
            Err(Stop::Engine(error)) => {
                let _ = follow.events.send(Err(FollowError::Engine(error))).await;
                return;
            }
        }
    }
}

/// So often an engine that answers may break off what it sends.
const MAX_BREAKS: usize = 50;

fn ended(container: &Container) -> Ended {
    let container = container.clone();
    async move {
        let docker = container.docker();
        // An error here is met again by whoever asks next.
        drop(docker.patiently(|| container.wait_not_running()).await);
    }
    .boxed()
    .shared()
}

type Ended = Shared<Pin<Box<dyn Future<Output = ()> + Send>>>;

struct Follow {
    container: Container,
    files: Vec<Followed>,
    events: Events,
    ended: Ended,
}

/// How the helper's part ended.
enum Helper {
    /// It ran, and ended.
    Ended,
    /// It can't run here.
    Useless(String),
}

/// A job can kill the helper; this often it is started again.
const HELPER_STARTS: usize = 5;

impl Follow {
    async fn run(&mut self) -> Result<(), Stop> {
        if self.files.is_empty() {
            return Ok(());
        }
        self.compare().await?;
        for _ in 0..HELPER_STARTS {
            let helper = self.follow_by_helper().await?;
            // The helper dies with the container, a moment before the engine knows.
            let grace = tokio::time::timeout(Duration::from_millis(200), self.ended.clone()).await;
            match helper {
                _ if grace.is_ok() => break,
                Helper::Ended => {}
                Helper::Useless(reason) => {
                    tracing::debug!(container = %self.container.id(), reason, "polling files");
                    break;
                }
            }
        }
        self.follow_by_polling().await?;
        for index in 0..self.files.len() {
            self.complete(index).await?;
            let rest = self.files[index].finish();
            self.deliver(index, rest).await?;
        }
        Ok(())
    }

    /// What was delivered before this following began may not be the file's beginning any more.
    async fn compare(&mut self) -> Result<(), Stop> {
        for index in 0..self.files.len() {
            if self.files[index].is_known() {
                self.files[index].lost = !self.complete(index).await?;
            }
        }
        Ok(())
    }

    async fn follow_by_helper(&mut self) -> Result<Helper, Stop> {
        let mut command = vec![HELPER_PATH.to_owned()];
        for file in &self.files {
            let offset = if file.lost { 0 } else { file.live.delivered() };
            command.extend([offset.to_string(), file.path.clone()]);
        }
        let spec = ExecSpec {
            command,
            working_dir: Some("/".to_owned()),
            ..ExecSpec::default()
        };
        let mut io = match self.container.exec_raw(&spec, true).await {
            Ok((_, io)) => io,
            Err(EngineError::Refused { message, .. }) => return Ok(Helper::Useless(message)),
            Err(error) => return Err(error.into()),
        };
        let mut demux = Demux::new(false);
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; 64 * 1024];
        let mut pieces = Vec::new();
        loop {
            let len = match io.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(len) => len,
            };
            if let Err(err) = demux.push(&buffer[..len], &mut pieces) {
                return Ok(Helper::Useless(err.to_string()));
            }
            for (source, piece) in pieces.drain(..) {
                if source != Source::Job(Channel::Stdout) {
                    continue;
                }
                if let Err(err) = decoder.push(&piece) {
                    return Ok(Helper::Useless(err.to_string()));
                }
            }
            loop {
                match decoder.next() {
                    Ok(Some(frame)) => self.take_frame(frame).await?,
                    Ok(None) => break,
                    Err(err) => return Ok(Helper::Useless(err.to_string())),
                }
            }
        }
        Ok(if decoder.begun() {
            Helper::Ended
        } else {
            Helper::Useless(decoder.preamble())
        })
    }

    async fn take_frame(&mut self, frame: Frame) -> Result<(), Stop> {
        let Some(file) = self.files.get_mut(frame.index) else {
            return Ok(());
        };
        let file_key = file.key;
        let event = match frame.event {
            FrameEvent::Data(bytes) if bytes.is_empty() => return Ok(()),
            FrameEvent::Data(bytes) => {
                if file.lost {
                    self.restart(frame.index).await?;
                }
                return match self.files[frame.index].take(bytes) {
                    Ok(new) => self.deliver(frame.index, new).await,
                    // It was compared before: only a file that was lost has a past.
                    Err(Mismatch) => self.restart(frame.index).await,
                };
            }
            FrameEvent::Restart => return self.restart(frame.index).await,
            FrameEvent::NotAFile(kind) => return self.not_a_file(frame.index, kind).await,
            FrameEvent::Unreadable(reason) => FileEvent::Unreadable {
                file: file_key,
                reason,
            },
        };
        self.send(event).await
    }

    async fn send(&mut self, event: FileEvent) -> Result<(), Stop> {
        self.events.send(Ok(event)).await.map_err(|_| Stop::Unheard)
    }

    /// Looks at every file until the container has ended. Each look at a file that has changed costs its
    /// whole size, so large files are looked at less often.
    async fn follow_by_polling(&mut self) -> Result<(), Stop> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            if tokio::time::timeout(pause, self.ended.clone())
                .await
                .is_ok()
            {
                return Ok(());
            }
            let begun = Instant::now();
            for index in 0..self.files.len() {
                self.poll(index).await?;
            }
            pause = (begun.elapsed() * 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        }
    }

    async fn poll(&mut self, index: usize) -> Result<(), Stop> {
        let stat = match self.container.stat(&self.files[index].path).await {
            Ok(Some(stat)) => stat,
            Ok(None) => return Ok(()),
            // Such as a link to itself. The fetch at the end tells.
            Err(EngineError::Refused { status, .. }) if status >= 500 => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if self.files[index].fetched.as_ref() == Some(&stat) {
            return Ok(());
        }
        self.complete(index).await?;
        // A link says nothing about its target's changes.
        let is_file = stat.kind == PathKind::File;
        self.files[index].fetched = is_file.then_some(stat);
        Ok(())
    }

    /// Fetches the file and delivers what is missing of it. Gives whether there is a file.
    async fn complete(&mut self, index: usize) -> Result<bool, Stop> {
        let path = self.files[index].path.clone();
        let mut archive = match self.container.final_file(&path).await {
            Ok(FinalFile::File(archive)) => archive,
            Ok(FinalFile::Missing) => return Ok(false),
            Ok(FinalFile::NotAFile(kind)) => {
                return self.not_a_file(index, kind).await.map(|()| false);
            }
            // One file that the engine can't read is not the end of the others.
            Err(EngineError::Refused {
                status, message, ..
            }) if status >= 500 => {
                tracing::debug!(path, message, "the engine could not read a followed file");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        self.files[index].read_again();
        let mut reconciler = match Reconciler::new(&self.files[index].live, archive.size()) {
            Ok(reconciler) => reconciler,
            Err(Mismatch) => {
                self.restart(index).await?;
                Reconciler::from_the_start()
            }
        };
        loop {
            // A file that shrinks while it is sent breaks the transfer off.
            let chunk = match archive.chunk().await {
                Ok(Some(chunk)) => chunk,
                // The next look sees why; there is none after the end.
                Err(error) if self.ended.clone().now_or_never().is_some() => {
                    return Err(Stop::Engine(self.container.docker().lost(WHAT, error)));
                }
                Ok(None) => return self.was_read(index).await,
                Err(_) => return Ok(!self.files[index].is_in_doubt()),
            };
            let new = match reconciler.push(chunk) {
                Ok(None) => continue,
                Ok(Some(new)) => self.files[index].take(new),
                Err(Mismatch) => Err(Mismatch),
            };
            match new {
                Ok(new) => self.deliver(index, new).await?,
                Err(Mismatch) => return self.begin_again(index).await,
            }
        }
    }

    /// The whole file has streamed by.
    async fn was_read(&mut self, index: usize) -> Result<bool, Stop> {
        match self.files[index].was_read() {
            Ok(rest) => self.deliver(index, rest).await.map(|()| true),
            Err(Mismatch) => self.begin_again(index).await,
        }
    }

    /// What was delivered is not its beginning: all of it is.
    async fn begin_again(&mut self, index: usize) -> Result<bool, Stop> {
        self.restart(index).await?;
        Box::pin(self.complete(index)).await
    }

    async fn deliver(&mut self, index: usize, mut bytes: Bytes) -> Result<(), Stop> {
        let file = self.files[index].key;
        while !bytes.is_empty() {
            let bytes = bytes.split_to(bytes.len().min(PIECE));
            self.send(FileEvent::Data { file, bytes }).await?;
        }
        Ok(())
    }

    async fn restart(&mut self, index: usize) -> Result<(), Stop> {
        let file = &mut self.files[index];
        file.start_over();
        let file = file.key;
        self.send(FileEvent::Restarted { file }).await
    }

    /// Told once, until there is something else.
    async fn not_a_file(&mut self, index: usize, kind: PathKind) -> Result<(), Stop> {
        let file = &mut self.files[index];
        if file.told.replace(kind) == Some(kind) {
            return Ok(());
        }
        let file = file.key;
        self.send(FileEvent::NotAFile { file, kind }).await
    }
}

const WHAT: &str = "send a followed file";
/// Data comes in pieces of at most this size.
const PIECE: usize = 64 * 1024;
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
