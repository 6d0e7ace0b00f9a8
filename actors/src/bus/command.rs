//! CommandBus: the one way in for commands. A typed question, a typed answer, a time limit.

use std::time::Duration;

use ploy::command::{Accepted, Command, Refusal};
use tokio::sync::{mpsc, oneshot};

/// How long a caller waits: longer than a stop with its grace time takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Commands come from people; more than this many waiting means that nobody takes them.
const WAITING_MAX: usize = 64;

/// Sends commands to the manager.
#[derive(Clone, Debug)]
pub struct CommandBus {
    tx: mpsc::Sender<Request>,
}

/// A command and who waits for its answer.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Accepted, Refusal>>,
}

impl CommandBus {
    /// Returns the bus and the end at which the manager takes.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (tx, rx) = mpsc::channel(WAITING_MAX);
        (Self { tx }, rx)
    }

    /// Asks the manager and waits for its answer, 10 s at most.
    ///
    /// # Errors
    /// The manager's refusal, or that it did not answer.
    pub async fn send(&self, command: Command) -> Result<Accepted, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.tx
            .try_send(Request { command, reply })
            .map_err(|_full_or_closed| Refusal::Unavailable)?;
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Refusal::Unavailable),
            Err(_) => Err(Refusal::TimedOut(ANSWER_WITHIN.as_secs())),
        }
    }
}
