//! RootSupervisor: watches over the parts. One that only shows is started again; one that trades ends the service.
//!
//! owns: every part but the strategies, which are the manager's
//! takes: the deaths of its parts, and the word to end
//! emits: parts made anew, and to the program why the service must end
//! dies: when it is asked to, after its parts

use std::fmt;

use ploy::restart::{Failure, FailureClass, RestartBudget, RestartPolicy, Verdict};
use ploy::time::Timestamp;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::mpsc;

use crate::ports::Pending;
use crate::telemetry::events;

/// Watches over the parts.
#[derive(Debug)]
pub struct RootSupervisor;

/// What the root is told.
#[derive(Debug)]
pub enum Msg {
    /// A part was started under it.
    Part(Part),
    /// The wait before a part is started again is over.
    Respawn(ActorId),
    /// The service ends: deaths from now on are as they should be.
    Ending,
}

/// A part of the service.
pub struct Part {
    /// Its actor.
    pub id: ActorId,
    /// What it is called, for people.
    pub name: &'static str,
    /// How it is started again; a part without this is one that all strategies need and that cannot be made
    /// anew without what it knew: its death ends the service, and whoever runs it starts it again.
    pub respawn: Option<Respawn>,
}

/// Starts a part again, under the root.
pub type Respawn =
    Box<dyn Fn(ActorCell) -> Pending<'static, Result<ActorCell, SpawnErr>> + Send + Sync>;

/// What the root needs.
#[derive(Debug)]
pub struct Args {
    /// Where it says that the service must end.
    pub fatal: mpsc::Sender<String>,
    /// The machine's clock.
    pub wall: fn() -> Timestamp,
}

/// The root's private memory.
#[derive(Debug)]
pub struct State {
    args: Args,
    parts: Vec<(Part, RestartBudget)>,
    is_ending: bool,
}

impl Actor for RootSupervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { args, parts: Vec::new(), is_ending: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Part(part) => state.parts.push((part, RestartBudget::default())),
            Msg::Respawn(id) => state.on_respawn(&myself, id).await,
            Msg::Ending => state.is_ending = true,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorFailed(cell, error) => {
                state.on_death(&myself, cell.get_id(), error.to_string());
            }
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                let why = reason.unwrap_or_else(|| "no reason given".to_owned());
                state.on_death(&myself, cell.get_id(), why);
            }
        }
        Ok(())
    }
}

impl State {
    fn on_death(&mut self, myself: &ActorRef<Msg>, id: ActorId, why: String) {
        if self.is_ending {
            return;
        }
        let Some((part, budget)) = self.parts.iter_mut().find(|(part, _)| part.id == id) else {
            return self.args.end(format!("a part has ended: {why}"));
        };
        if part.respawn.is_none() {
            return self.args.end(format!("{} has ended: {why}", part.name));
        }
        tracing::error!(
            event.name = events::PART_FAILED,
            part = part.name,
            error.message = why,
            "a part has failed"
        );
        let failure = Failure { class: FailureClass::Error, message: why };
        match budget.judge(&RestartPolicy::default(), &failure, (self.args.wall)(), id.pid()) {
            Verdict::Retry { delay, .. } => {
                drop(myself.send_after(delay, move || Msg::Respawn(id)));
            }
            Verdict::Halt { cause, .. } => {
                self.args.end(format!("{} keeps failing: {cause}", part.name));
            }
        }
    }

    async fn on_respawn(&mut self, myself: &ActorRef<Msg>, id: ActorId) {
        let Some((part, budget)) = self.parts.iter_mut().find(|(part, _)| part.id == id) else {
            return;
        };
        let Some(respawn) = part.respawn.as_ref().filter(|_| !self.is_ending) else { return };
        match respawn(myself.get_cell()).await {
            Ok(cell) => {
                part.id = cell.get_id();
                budget.running((self.args.wall)());
            }
            Err(error) => self.on_death(myself, id, error.to_string()),
        }
    }
}

impl Args {
    fn end(&self, why: String) {
        // A full or closed channel means that the end is on its way already.
        drop(self.fatal.try_send(why));
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
