//! Whether what jobs need is there: asked seldom, by one at a time, and never for long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dogi_engine::Engine;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

/// How long a part may take to answer; one that is silent is not ready.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

/// What is wrong with a part, in a sentence; `None`: it answers.
pub(super) type Fault = Option<Arc<str>>;

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    /// The Docker engine.
    pub(super) docker: Fault,
    /// The database.
    pub(super) database: Fault,
    at: Instant,
}

impl Findings {
    pub(super) fn is_ready(&self) -> bool {
        self.docker.is_none() && self.database.is_none()
    }
}

type Flight = Shared<BoxFuture<'static, Findings>>;

/// Asks the parts that the server stands on. However many want to know at once, each part is asked
/// once, and what it said is told for a second.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<Option<Flight>>>);

impl Readiness {
    /// What is known, or is being found out. Takes at most two seconds. Cancel safe: somebody else
    /// who waits for the same is not held up by it.
    pub(super) async fn look(&self, engine: &Engine) -> Findings {
        self.flight(engine).await
    }

    fn flight(&self, engine: &Engine) -> Flight {
        // A panic while it was held leaves it whole: every change is one assignment.
        let mut flight = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |flight: &Flight| flight.peek().is_none_or(|said| said.at.elapsed() < FRESH);
        if let Some(flight) = flight.as_ref().filter(|flight| is_good(flight)) {
            return flight.clone();
        }
        // In a task of its own, so that it goes on when the first who asked goes away.
        let task = tokio::spawn(find(engine.clone()));
        let answer = async { task.await.unwrap_or_else(|_| Findings::broken()) };
        flight.insert(answer.boxed().shared()).clone()
    }
}

impl Findings {
    /// The check itself broke: nothing is known of anything.
    fn broken() -> Self {
        let fault: Fault = Some("the check broke off: a fault of dogi".into());
        Self {
            docker: fault.clone(),
            database: fault,
            at: Instant::now(),
        }
    }
}

async fn find(engine: Engine) -> Findings {
    let docker = ask("the Docker engine", engine.ready());
    let database = ask("the database", engine.store_ready());
    let (docker, database) = tokio::join!(docker, database);
    Findings {
        docker,
        database,
        at: Instant::now(),
    }
}

async fn ask<E: std::fmt::Display>(
    part: &str,
    answer: impl Future<Output = Result<(), E>>,
) -> Fault {
    match timeout(PATIENCE, answer).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string().into()),
        Err(_) => Some(format!("{part} does not answer in time").into()),
    }
}
