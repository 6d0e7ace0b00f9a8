//! ConfigService: watches the folder of strategies' settings and tells what a look at it changes.
//!
//! owns: the last look at the folder, and the watch over it
//! takes: hints that something may have changed, its looks when they are done, and its own beat
//! emits: what changed to whoever applies it; the faults of files to the status board and the log
//! dies: of a defect of its own; the root starts it again, and trading goes on

mod desk;
mod files;
mod looked;
mod write;

pub use desk::{AskStandings, Desk, DeskArgs, Slot, Standings};
pub use looked::Looked;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ploy::config::{Folder, Move, Seen, Watch as Watching, WatchConfig};
use ploy::status::ConfigStatus;
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bus::status::StatusBus;
use crate::telemetry::events;
use files::{Reading, Watch};

/// After so many quiet times it is read although it does not come to rest.
const QUIET_TIMES_MAX: u32 = 8;
/// How many may wait for a reading that they asked for.
const ASKED_MAX: usize = 64;

/// Watches the folder of strategies' settings.
#[derive(Debug)]
pub struct ConfigService;

/// What the service is told.
#[derive(Debug)]
pub enum Msg {
    /// Something may have changed.
    Hint,
    /// Read the folder and take in what it says.
    Look,
    /// Read the folder, and look at it in good order when it says something new.
    Rescan,
    /// Read the folder now and take in what it says, at rest or not; tell what was found.
    Reload(oneshot::Sender<Result<Looked, String>>),
    /// The folder was read.
    Read(Purpose, Outcome),
}

/// What the folder is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To take in what it says: nothing has happened for a while.
    Look,
    /// To see whether it says something new: it may be half written.
    Compare,
}

/// What came of a reading.
#[derive(Debug)]
pub struct Outcome(Box<Reading>);

/// Takes what a look changes; nothing new is told too, so that what waits can be looked at again. Must not block.
pub type Tell = Arc<dyn Fn(Vec<Move>) + Send + Sync>;

/// What the service needs. It outlives the actor, which goes on with it where one failed.
#[derive(Clone)]
pub struct Args {
    /// The folder.
    pub folder: PathBuf,
    /// What tells that something in it may have changed, and its times.
    pub watch: WatchConfig,
    /// Where this service says that it is the one who reads.
    pub reader: Slot,
    /// What is known of it.
    pub known: Arc<Mutex<Folder>>,
    /// Where faults are shown.
    pub board: StatusBus,
    /// Who applies what changed.
    pub tell: Tell,
    /// The machine's clock.
    pub wall: fn() -> Timestamp,
}

/// The service's private memory.
#[derive(Debug)]
pub struct State {
    args: Args,
    watch: Option<Watch>,
    /// Whether a hint waits in the mailbox: a flood of events is one hint.
    is_hinted: Arc<AtomicBool>,
    /// The look that comes when nothing more happens, and since when it is put off.
    armed: Option<JoinHandle<()>>,
    hinted_at: Option<Instant>,
    is_reading: bool,
    /// What a reading is asked for while another is under way.
    then: Option<Purpose>,
    /// Those who wait for a look that has not begun, and those whose look is under way.
    asked: Vec<oneshot::Sender<Result<Looked, String>>>,
    answering: Vec<oneshot::Sender<Result<Looked, String>>>,
    /// What the last look found.
    seen: Option<Vec<Seen>>,
}

impl Actor for ConfigService {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        args.board.config(|status| status.folder = args.folder.display().to_string());
        *args.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(myself.clone());
        drop(myself.cast(Msg::Look));
        drop(myself.send_after(args.watch.rescan, || Msg::Rescan));
        Ok(State {
            args,
            watch: None,
            is_hinted: Arc::default(),
            armed: None,
            hinted_at: None,
            is_reading: false,
            then: None,
            asked: Vec::new(),
            answering: Vec::new(),
            seen: None,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Hint => {
                state.is_hinted.store(false, Ordering::SeqCst);
                state.arm(&myself);
            }
            Msg::Look => state.look(&myself),
            Msg::Reload(reply) => state.on_reload(&myself, reply),
            Msg::Rescan => {
                state.read(&myself, Purpose::Compare);
                drop(myself.send_after(state.args.watch.rescan, || Msg::Rescan));
            }
            Msg::Read(purpose, Outcome(reading)) => state.on_read(&myself, purpose, *reading),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(armed) = state.armed.take() {
            armed.abort();
        }
        Ok(())
    }
}

impl State {
    /// Looks at the folder now.
    fn look(&mut self, myself: &ActorRef<Msg>) {
        if let Some(armed) = self.armed.take() {
            armed.abort();
        }
        self.hinted_at = None;
        self.read(myself, Purpose::Look);
    }

    fn on_reload(
        &mut self,
        myself: &ActorRef<Msg>,
        reply: oneshot::Sender<Result<Looked, String>>,
    ) {
        if ASKED_MAX <= self.asked.len() {
            drop(reply.send(Err("too many wait for the folder to be read".to_owned())));
            return;
        }
        self.asked.push(reply);
        self.look(myself);
    }

    /// Has the folder looked at when nothing more happens for a while.
    fn arm(&mut self, myself: &ActorRef<Msg>) {
        let now = Instant::now();
        let since = *self.hinted_at.get_or_insert(now);
        if let Some(armed) = &self.armed {
            if self.args.watch.quiet * QUIET_TIMES_MAX <= now.duration_since(since) {
                return;
            }
            armed.abort();
        }
        let (myself, quiet) = (myself.clone(), self.args.watch.quiet);
        self.armed = Some(tokio::spawn(async move {
            tokio::time::sleep(quiet).await;
            drop(myself.cast(Msg::Look));
        }));
    }

    /// Reads the folder on a thread that may block.
    fn read(&mut self, myself: &ActorRef<Msg>, purpose: Purpose) {
        if self.is_reading {
            let is_look = purpose == Purpose::Look || self.then == Some(Purpose::Look);
            self.then = Some(if is_look { Purpose::Look } else { Purpose::Compare });
            return;
        }
        self.is_reading = true;
        if purpose == Purpose::Look {
            self.answering.append(&mut self.asked);
        }
        let (folder, place) =
            (self.args.folder.clone(), self.watch.as_ref().and_then(Watch::place));
        let (is_hinted, hinted) = (Arc::clone(&self.is_hinted), myself.clone());
        let hint = move || {
            if !is_hinted.swap(true, Ordering::SeqCst) {
                drop(hinted.cast(Msg::Hint));
            }
        };
        let hint = (self.args.watch.watch == Watching::Notify).then_some(hint);
        let myself = myself.clone();
        tokio::spawn(async move {
            let reading =
                tokio::task::spawn_blocking(move || files::read(&folder, place.as_ref(), hint));
            let reading = reading.await.unwrap_or_else(|error| Reading::failed(error.to_string()));
            drop(myself.cast(Msg::Read(purpose, Outcome(Box::new(reading)))));
        });
    }

    fn on_read(&mut self, myself: &ActorRef<Msg>, purpose: Purpose, reading: Reading) {
        self.is_reading = false;
        let Reading { seen, watch, unwatched } = reading;
        if let Some(why) = unwatched {
            tracing::warn!(folder = %self.args.folder.display(), error.message = why,
                "the folder is not watched; it is read every {} s", self.args.watch.rescan.as_secs());
        }
        self.watch = watch.or_else(|| self.watch.take());
        match seen {
            Err(why) => {
                self.on_unreadable(&why);
                self.answer(&Err(why));
            }
            Ok(seen) => match purpose {
                Purpose::Look => self.on_look(myself, seen),
                Purpose::Compare => self.on_compare(myself, &seen),
            },
        }
        if let Some(then) = self.then.take() {
            self.read(myself, then);
        }
    }

    /// Nothing changes while the folder cannot be read.
    fn on_unreadable(&mut self, why: &str) {
        if let Some(watch) = &mut self.watch {
            // What comes back under its name may be another folder.
            watch.forget_place();
        }
        self.seen = None;
        let mut is_new = false;
        let now = (self.args.wall)();
        self.args.board.config(|status| {
            is_new = status.error.as_deref() != Some(why);
            (status.looked_at, status.looks) = (Some(now), status.looks + 1);
            status.error = Some(why.to_owned());
        });
        if is_new {
            tracing::error!(
                event.name = events::CONFIG_REJECTED,
                error.message = why,
                "the folder of settings cannot be read; nothing that runs was changed"
            );
        }
        (self.args.tell)(Vec::new());
    }

    fn on_compare(&mut self, myself: &ActorRef<Msg>, seen: &[Seen]) {
        let is_same = self.seen.as_deref() == Some(seen);
        if is_same && !self.known().is_unsettled() {
            self.show(false);
            (self.args.tell)(Vec::new());
        } else if self.armed.is_none() {
            // Only a hint says that something is still being written: this reading says no more than the hint did.
            self.arm(myself);
        }
    }

    fn on_look(&mut self, myself: &ActorRef<Msg>, seen: Vec<Seen>) {
        let (moves, is_unsettled) = {
            let mut known = self.known();
            (known.look(&seen), known.is_unsettled())
        };
        self.seen = Some(seen);
        moves.iter().for_each(log);
        self.show(true);
        if is_unsettled {
            self.arm(myself);
        }
        let looked = self.looked(&moves);
        // Before the answers: who is answered may ask the manager next.
        (self.args.tell)(moves);
        self.answer(&Ok(looked));
    }

    fn looked(&self, moves: &[Move]) -> Looked {
        let mut changed = BTreeSet::new();
        let mut removed = Vec::new();
        for change in moves {
            match change {
                Move::Added { config, .. } | Move::Changed { config, .. } => {
                    changed.insert(config.id.to_string());
                }
                Move::Removed(id) => removed.push(id.clone()),
                Move::Faulty { stem, .. } | Move::Mended { stem } => {
                    changed.insert(stem.clone());
                }
            }
        }
        Looked::of(&self.known(), changed, &removed)
    }

    fn answer(&mut self, looked: &Result<Looked, String>) {
        for reply in self.answering.drain(..) {
            drop(reply.send(looked.clone())); // an asker that left is no failure
        }
    }

    /// Writes on the board how the folder is.
    fn show(&self, is_mended: bool) {
        let faults: Vec<String> = self.known().faults().map(ToString::to_string).collect();
        let now = (self.args.wall)();
        let mut back = false;
        self.args.board.config(|status: &mut ConfigStatus| {
            (status.looked_at, status.looks) = (Some(now), status.looks + 1);
            status.faults = faults;
            if is_mended {
                back = status.error.take().is_some();
            }
        });
        if back {
            tracing::info!(
                event.name = events::CONFIG_MENDED,
                "the folder of settings can be read again"
            );
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Folder> {
        self.args.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs the faults of files; what is applied is logged by whoever applies it.
fn log(change: &Move) {
    match change {
        Move::Faulty { stem, faults } => {
            for fault in faults {
                tracing::error!(event.name = events::CONFIG_REJECTED, strategy.id = stem,
                    error.message = %fault, "a settings file has a fault; nothing that runs was changed");
            }
        }
        Move::Mended { stem } => {
            tracing::info!(
                event.name = events::CONFIG_MENDED,
                strategy.id = stem,
                "a settings file has no faults any more"
            );
        }
        Move::Added { .. } | Move::Changed { .. } | Move::Removed(_) => {}
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").field("folder", &self.folder).finish_non_exhaustive()
    }
}
