//! CommandBus: the one way in for commands. A typed question, a typed answer, a time limit.

use std::time::Duration;

use ploy::command::{Accepted, Command, Refusal};
use ploy::order::StrategyId;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// How long a caller waits: longer than a stop with its grace time takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Commands come from people; more than this many waiting means that nobody takes them.
const WAITING_MAX: usize = 64;

/// Sends commands to the manager.
#[derive(Clone, Debug)]
pub struct CommandBus {
    tx: mpsc::Sender<Request>,
    /// Absent where nobody takes them.
    rollouts: Option<mpsc::Sender<RolloutRequest>>,
}

/// A command and who waits for its answer.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Accepted, Refusal>>,
}

/// What somebody wants of a version of settings on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To know how it decides otherwise than the one in force.
    Compare,
    /// To have it for good.
    Promote,
    /// Not to have it.
    Discard,
}

/// Who decides, and why.
#[derive(Clone, Debug)]
pub struct Who {
    /// Who.
    pub actor: String,
    /// Why, where it was said.
    pub reason: Option<String>,
}

/// A decision about a version on its way, and who waits for its answer.
#[derive(Debug)]
pub struct RolloutRequest {
    /// Of which strategy.
    pub strategy: StrategyId,
    /// What is decided.
    pub decision: Decision,
    /// By whom.
    pub who: Who,
    /// Where the answer goes, as JSON.
    pub reply: oneshot::Sender<Result<Value, Refusal>>,
}

impl Decision {
    /// Returns the word for it in addresses and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Promote => "promote",
            Self::Discard => "discard",
        }
    }
}

impl CommandBus {
    /// Returns the bus and the end at which the manager takes.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (tx, rx) = mpsc::channel(WAITING_MAX);
        (Self { tx, rollouts: None }, rx)
    }

    /// Returns the bus so that it carries decisions about versions too, and the end at which the manager takes them.
    #[must_use]
    pub fn deciding(self) -> (Self, mpsc::Receiver<RolloutRequest>) {
        let (tx, rx) = mpsc::channel(WAITING_MAX);
        (Self { rollouts: Some(tx), ..self }, rx)
    }

    /// Asks the manager about a version on its way and waits for its answer, 10 s at most.
    ///
    /// # Errors
    /// The manager's refusal, or that it did not answer.
    pub async fn decide(
        &self,
        strategy: StrategyId,
        decision: Decision,
        who: Who,
    ) -> Result<Value, Refusal> {
        let (reply, answer) = oneshot::channel();
        let rollouts = self.rollouts.as_ref().ok_or(Refusal::Unavailable)?;
        rollouts
            .try_send(RolloutRequest { strategy, decision, who, reply })
            .map_err(|_full_or_closed| Refusal::Unavailable)?;
        answered(answer).await
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
        answered(answer).await
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Refusal>>) -> Result<T, Refusal> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Refusal::Unavailable),
        Err(_) => Err(Refusal::TimedOut(ANSWER_WITHIN.as_secs())),
    }
}
