//! The watch over the strategies' files, and the desk where people ask for changes of them, wired to all they need.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ploy::config::{Folder, WatchConfig};
use ractor::{Actor, ActorRef};

use super::{Parts, StartError, keep, wall};
use crate::bus::Ticket;
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::config_service::{self, ConfigService, Desk, DeskArgs, Slot};
use crate::manager;
use crate::ports::config::HistoryRecord;
use crate::ports::{ConfigRecord, Row};
use crate::record::Recorder;
use crate::store::Store;
use crate::supervisor::{self, Respawn};

/// The folder of the strategies' files, with what runs of it already.
pub(super) struct Files {
    folder: PathBuf,
    watch: WatchConfig,
    known: Folder,
    store: Store,
    recorder: Recorder,
}

/// Keeps the settings of every strategy, so that what they decide can be replayed and compared later.
fn keep_versions(parts: &Parts) -> Result<(), StartError> {
    let at = parts.run.started_at;
    for registration in parts.registry.iter() {
        let config = &registration.config;
        let text = config.text.to_string();
        let (strategy, version) = (config.id.clone(), config.version.clone());
        let kind = config.kind.name().to_owned();
        let record = ConfigRecord { strategy, version, kind, text, at };
        let begun = HistoryRecord {
            at,
            strategy: record.strategy.to_string(),
            event: "in_force".to_owned(),
            version: Some(record.version.clone()),
            actor: "start".to_owned(),
            what: "the service started with it".to_owned(),
            until: None,
        };
        for row in [Row::Config(record), Row::History(begun)] {
            parts.store.record(row, Ticket::none()).map_err(StartError::Versions)?;
        }
    }
    Ok(())
}

/// Returns the folder of the strategies' files, and keeps what is in force at the start.
pub(super) fn files(parts: &Parts) -> Result<Option<Files>, StartError> {
    keep_versions(parts)?;
    let Some(folder) = parts.folder.clone() else { return Ok(None) };
    let running = parts.registry.iter().map(|registration| registration.config.clone());
    let known = Folder::of(running);
    let (store, recorder) = (parts.store.clone(), parts.recorder.clone());
    Ok(Some(Files { folder, watch: parts.watch, known, store, recorder }))
}

/// Starts the watch over the strategies' files, and has it started again when it fails. Returns the desk.
pub(super) async fn keep_looking(
    files: Option<Files>,
    (board, manager, clock): (&StatusBus, &ActorRef<manager::Msg>, &EventClock),
    root: &ActorRef<supervisor::Msg>,
) -> Result<Option<Desk>, StartError> {
    let Some(Files { folder, watch, known, store, recorder }) = files else { return Ok(None) };
    let (board, manager, clock) = (board.clone(), manager.clone(), clock.clone());
    let (known, reader) = (Arc::new(Mutex::new(known)), Slot::default());
    let told = manager.clone();
    let args = config_service::Args {
        folder: folder.clone(),
        watch,
        reader: Arc::clone(&reader),
        known: Arc::clone(&known),
        board,
        tell: Arc::new(move |moves| drop(told.cast(manager::Msg::Config(moves)))),
        wall,
    };
    let respawn: Respawn = Box::new(move |root| {
        let args = args.clone();
        Box::pin(async move {
            let spawned = Actor::spawn_linked(None, ConfigService, args, root).await;
            spawned.map(|(actor, _task)| actor.get_cell())
        })
    });
    keep("the watch over the settings", respawn, root).await?;
    Ok(Some(Desk::new(DeskArgs {
        folder,
        known,
        reader,
        standings: Arc::new(move |wait, of, reply| {
            // A manager that is gone drops the question, and its asker is told so.
            drop(manager.cast(manager::Msg::Standing(wait, of, reply)));
        }),
        records: Arc::new(store),
        note: Arc::new(move |note| recorder.command(|| note)),
        clock: Arc::new(clock),
        wall,
    })))
}
