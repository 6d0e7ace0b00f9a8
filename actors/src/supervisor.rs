//! RootSupervisor: starts the parts in their order, and ends the service when one that all need is gone.
//!
//! owns: every part but the strategies, which are the manager's
//! takes: the deaths of its parts, and the word to end
//! emits: why the service must end, to the program
//! dies: when it is asked to, after its parts

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::mpsc;

/// Watches over the parts.
#[derive(Debug)]
pub struct RootSupervisor;

/// What the root is told.
#[derive(Debug)]
pub enum Msg {
    /// A part was started under it and has this name.
    Named(ActorId, &'static str),
    /// The service ends: deaths from now on are as they should be.
    Ending,
}

/// The root's private memory.
#[derive(Debug)]
pub struct State {
    names: Vec<(ActorId, &'static str)>,
    fatal: mpsc::Sender<String>,
    is_ending: bool,
}

impl Actor for RootSupervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = mpsc::Sender<String>;

    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        fatal: mpsc::Sender<String>,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { names: Vec::new(), fatal, is_ending: false })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Named(id, name) => state.names.push((id, name)),
            Msg::Ending => state.is_ending = true,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorFailed(cell, error) => state.on_death(&cell, &error.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                state.on_death(&cell, &reason.unwrap_or_else(|| "no reason given".to_owned()));
            }
        }
        Ok(())
    }
}

impl State {
    /// Every part here is one that all strategies need, and none can be made anew without what it knew: the
    /// process ends in good order, and whoever runs it starts it again.
    fn on_death(&self, cell: &ActorCell, why: &str) {
        if self.is_ending {
            return;
        }
        let name = self.names.iter().find(|(id, _)| *id == cell.get_id());
        let name = name.map_or("a part", |(_, name)| name);
        // A full or closed channel means that the end is on its way already.
        drop(self.fatal.try_send(format!("{name} has ended: {why}")));
    }
}
