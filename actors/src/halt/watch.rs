//! The watch over halts: looks whether store, venue and signal file halt all, and whether what halted has healed.
//!
//! owns: its own beat; what is halted is shared, so that a new watch goes on where one failed
//! takes: its own beat, and what a look at the signal file found
//! emits: causes to the gates
//! dies: of a defect of its own; the root starts it again

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ploy::halt::Cause;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use super::{Halts, file};
use crate::ports::Venue;

/// How often store and venue are looked at: an outage closes all gates within one beat.
const BEAT: Duration = Duration::from_millis(100);
/// How often the signal file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after what halts by itself.
#[derive(Debug)]
pub struct HaltWatch;

/// What the watch is told.
#[derive(Debug)]
pub enum Msg {
    /// Look, and ask to be told again.
    Beat,
    /// What a look at the signal file found.
    File(Found),
}

/// What a look at the signal file found.
#[derive(Debug)]
pub struct Found(file::Seen);

/// What the watch looks at.
#[derive(Clone)]
pub struct Args {
    /// The gates.
    pub halts: Halts,
    /// The venue.
    pub venue: Arc<dyn Venue>,
}

/// The watch's private memory.
#[derive(Debug)]
pub struct State {
    args: Args,
    /// When the signal file was looked at; nothing while a look is on its way: a disk that hangs is asked once.
    looked: Option<Instant>,
    is_store_down: bool,
}

impl Actor for HaltWatch {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        drop(myself.cast(Msg::Beat));
        Ok(State { args, looked: Some(Instant::now()), is_store_down: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Beat => {
                state.on_beat(&myself);
                drop(myself.send_after(BEAT, || Msg::Beat));
            }
            Msg::File(Found(seen)) => {
                state.looked = Some(Instant::now());
                state.args.halts.saw_file(&seen);
            }
        }
        Ok(())
    }
}

impl State {
    fn on_beat(&mut self, myself: &ActorRef<Msg>) {
        let Args { halts, venue } = &self.args;
        let store = &halts.inner.args.store;
        let status = store.status();
        if !status.up {
            let why = status.last_error.unwrap_or_else(|| "its last write failed".to_owned());
            halts.raise(Cause::StoreOutage, &why, "store");
        } else if store.is_full() {
            halts.raise(Cause::StoreOutage, "more rows wait than its queue holds", "store");
        } else {
            halts.over(Cause::StoreOutage);
            if self.is_store_down {
                // Its queue may have refused what became true meanwhile.
                halts.keep(halts.standing());
            }
        }
        self.is_store_down = !store.status().up || store.is_full();
        match venue.health() {
            Err(why) => halts.raise(Cause::VenueOutage, &why, "venue"),
            Ok(()) => halts.over(Cause::VenueOutage),
        }
        halts.tick();
        self.look(myself);
    }

    /// Looks at the signal file, off the async threads.
    fn look(&mut self, myself: &ActorRef<Msg>) {
        let Some(path) = self.args.halts.inner.args.file.clone() else { return };
        if self.looked.is_none_or(|looked| looked.elapsed() < LOOK) {
            return;
        }
        self.looked = None;
        let myself = myself.clone();
        tokio::task::spawn_blocking(move || drop(myself.cast(Msg::File(Found(file::read(&path))))));
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").field("halts", &self.halts).finish_non_exhaustive()
    }
}
