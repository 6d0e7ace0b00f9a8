//! The one way out of safe mode: a typed question, a typed answer, a time limit.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ploy::command::Refusal;
use tokio::sync::oneshot;

/// How long a caller waits: the manager only notes it and begins to start strategies.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Asks the manager to leave safe mode.
#[derive(Clone)]
pub struct SafeModeBus {
    tell: Arc<dyn Fn(Leave) + Send + Sync>,
}

/// Somebody wants to leave safe mode.
#[derive(Debug)]
pub struct Leave {
    /// Who.
    pub actor: String,
    /// Why, for the audit.
    pub reason: String,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<(), Refusal>>,
}

impl SafeModeBus {
    /// Returns the bus to whoever is told.
    #[must_use]
    pub fn new(tell: Arc<dyn Fn(Leave) + Send + Sync>) -> Self {
        Self { tell }
    }

    /// Asks the manager and waits for its answer, 10 s at most.
    ///
    /// # Errors
    /// When the service is not in safe mode, or the manager did not answer.
    pub async fn leave(&self, actor: String, reason: String) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        (self.tell)(Leave { actor, reason, reply });
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Refusal::Unavailable),
            Err(_) => Err(Refusal::TimedOut(ANSWER_WITHIN.as_secs())),
        }
    }
}

impl fmt::Debug for SafeModeBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SafeModeBus").finish_non_exhaustive()
    }
}
