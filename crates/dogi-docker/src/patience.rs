//! Waiting for an engine that is away.

use std::time::Duration;

use crate::client::Docker;
use crate::error::EngineError;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Pauses between attempts; each is twice as long as the one before, up to a second.
#[derive(Debug, Clone)]
pub(crate) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(crate) fn new() -> Pauses {
        Pauses { next: SHORTEST }
    }

    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST);
    }
}

impl Docker {
    /// Waits until the engine answers, for as long as it takes. It is asked at most every second.
    /// Cancel safe.
    pub async fn until_it_answers(&self) {
        let mut pauses = Pauses::new();
        while let Err(error) = self.ping().await {
            tracing::debug!(%error, "waiting for the engine");
            pauses.wait().await;
        }
    }

    /// Asks until there is an answer: whenever the engine is not there, waits for it. For questions
    /// that do no harm when they are asked twice. Cancel safe if the question is.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn patiently<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let mut pauses = Pauses::new();
        loop {
            match ask().await {
                Err(error) if error.is_engine_gone() => {
                    tracing::debug!(%error, "asking again when the engine is back");
                    // One that accepts and breaks off would be asked without a pause otherwise.
                    pauses.wait().await;
                    self.until_it_answers().await;
                }
                answer => return answer,
            }
        }
    }
}
