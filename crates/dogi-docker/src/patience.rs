//! Waiting for an engine that is away.

use std::time::Duration;

use crate::client::Docker;
use crate::error::EngineError;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

impl Docker {
    /// Waits until the engine answers, for as long as it takes. It is asked at most every second.
    /// Cancel safe.
    pub async fn until_it_answers(&self) {
        let mut pause = SHORTEST;
        while let Err(error) = self.ping().await {
            tracing::debug!(%error, "waiting for the engine");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
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
        loop {
            match ask().await {
                Err(error) if error.is_engine_gone() => {
                    tracing::debug!(%error, "asking again when the engine is back");
                    // One that accepts and breaks off would be asked without a pause otherwise.
                    tokio::time::sleep(SHORTEST).await;
                    self.until_it_answers().await;
                }
                answer => return answer,
            }
        }
    }
}
