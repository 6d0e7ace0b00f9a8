//! Shadow: runs a new version of a strategy's settings beside the one in force, without orders, and compares.
//!
//! owns: a kernel by the new version and a twin by the version in force, each with a private venue on paper
//! takes: the market events that both want, by a subscription of its own; questions how they compare
//! emits: its failure to the manager, answers to those who ask; nothing to executor, store or board
//! dies: when told to, or of a defect of its own, which the manager takes for a failure of the new version

mod player;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ploy::compare::Both;
use ploy::compare::running::Running;
use ploy::config::StrategyConfig;
use ploy::event::{Kind, MarketEvent};
use ploy::kernel::Checkpoint;
use ploy::restart::Failure;
use ploy::rollout::short;
use ploy::strategy::{Strategy, Subscription};
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::bus::event::{Delivery, Mailbox};
use crate::compare::Told;
use crate::replay::shown;
use player::Player;

/// Runs a new version beside the one in force.
#[derive(Debug)]
pub struct Shadow;

/// What a shadow is told.
#[derive(Debug)]
pub enum Msg {
    /// Something waits in its mailbox.
    Ready,
    /// Say how the two versions compare.
    Compare(oneshot::Sender<Box<Compared>>),
}

/// Is told once that the new version failed, and of what. Must not block.
pub type Fail = Box<dyn Fn(String) + Send + Sync>;
/// Builds a fresh strategy, or says of what kind the failure is.
pub type Fresh = Arc<dyn Fn() -> Result<Box<dyn Strategy>, Failure> + Send + Sync>;

/// One of the two versions.
#[derive(Clone)]
pub struct Side {
    /// Its settings.
    pub config: StrategyConfig,
    /// How it is built where it cannot go on from a checkpoint.
    pub fresh: Fresh,
}

/// What a shadow is built of.
pub struct Args {
    /// The version in force, and the new one.
    pub sides: Both<Side>,
    /// What the strategy knows, where it runs.
    pub checkpoint: Option<Box<Checkpoint>>,
    /// What waits for it.
    pub mailbox: Arc<Mailbox>,
    /// How long an order takes to a venue.
    pub latency: Duration,
    /// Since when it runs.
    pub since: Timestamp,
    /// Who is told that it failed.
    pub fail: Fail,
}

/// A shadow's private memory.
pub struct State {
    players: Option<Both<Player>>,
    running: Running,
    sides: Both<Side>,
    mailbox: Arc<Mailbox>,
    since: Timestamp,
    /// Why it did not begin with what the strategy knows.
    fresh: Option<String>,
    fail: Fail,
}

/// How the two versions compare.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The new version.
    pub version: String,
    /// The version in force.
    pub good: String,
    /// Since when the new version runs beside it.
    pub since: Timestamp,
    /// All of it for people.
    pub text: String,
    /// All that was found; side `a` is a twin of the version in force.
    #[serde(flatten)]
    pub told: Told,
}

impl Actor for Shadow {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let Args { sides, checkpoint, mailbox, latency, since, fail } = args;
        let begun = player::pair(&sides, checkpoint.as_deref(), latency);
        let (players, fresh) = match begun {
            Ok((players, fresh)) => (Some(players), fresh),
            Err(why) => {
                fail(why);
                (None, None)
            }
        };
        let running =
            Running::new(Both { a: shown::set(&sides.a.config), b: shown::set(&sides.b.config) });
        mailbox.attach(Box::new(move || drop(myself.cast(Msg::Ready))));
        Ok(State { players, running, sides, mailbox, since, fresh, fail })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Ready => state.on_ready(),
            Msg::Compare(reply) => {
                if let Some(compared) = state.compared() {
                    drop(reply.send(Box::new(compared))); // an asker that left is no failure
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// Takes in everything that waits. The tickets go when it is played: the next event of a tape waits for it, so
    /// that it sees what the strategy sees.
    fn on_ready(&mut self) {
        let batch = self.mailbox.take();
        if self.mailbox.has_overflowed() {
            return self.end("more waits for it than it may hold: it does not keep up".to_owned());
        }
        for delivery in batch.items {
            match delivery {
                Delivery::Market(event, ticket) => {
                    if batch.missed != 0 {
                        let kind = Kind::Gap { missed: batch.missed };
                        self.play(&MarketEvent { at: event.at, kind });
                    }
                    self.play(&event);
                    drop(ticket);
                }
                // It has no orders but those of its own venue, and its time goes on with the events.
                Delivery::Order(_, ticket)
                | Delivery::Timer(_, ticket)
                | Delivery::Save(ticket) => {
                    drop(ticket);
                }
            }
        }
    }

    fn play(&mut self, event: &MarketEvent) {
        let Some(Both { a, b }) = &mut self.players else { return };
        let lines = Both { a: a.play(event), b: b.play(event) };
        let failed = b.failed().or_else(|| {
            let why = a.failed()?;
            Some(format!("the twin of the version in force: {why}"))
        });
        self.running.tell(lines, event.at);
        if let Some(why) = failed {
            self.end(why);
        }
    }

    fn end(&mut self, why: String) {
        if self.players.take().is_some() {
            (self.fail)(why);
        }
    }

    fn compared(&self) -> Option<Compared> {
        let Both { a, b } = self.players.as_ref()?;
        let comparison = self.running.result(Both { a: Some(a.total()), b: Some(b.total()) });
        let names = Both { a: "in force (its twin)".to_owned(), b: "in shadow".to_owned() };
        let mut remarks = vec![
            "fills of both sides are on paper, from the same instant and the same books".to_owned(),
        ];
        remarks.extend(
            self.fresh
                .as_ref()
                .map(|why| format!("both began without positions and history: {why}")),
        );
        let told = Told::new(names, Vec::new(), remarks, comparison);
        Some(Compared {
            version: short(&self.sides.b.config.version),
            good: short(&self.sides.a.config.version),
            since: self.since,
            text: told.to_string(),
            told,
        })
    }
}

/// Returns what both versions want to see.
#[must_use]
pub fn subscription(sides: &Both<Side>) -> Subscription {
    let Both { a, b } = sides;
    let mut both = a.config.kind.subscription();
    let other = b.config.kind.subscription();
    both.slug_prefixes.extend(other.slug_prefixes);
    both.symbols.extend(other.symbols);
    both
}

/// Lines that one side has told.
type Lines = VecDeque<ploy::compare::line::Line>;

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("version", &self.config.version).finish_non_exhaustive()
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").field("sides", &self.sides).finish_non_exhaustive()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("sides", &self.sides).finish_non_exhaustive()
    }
}
