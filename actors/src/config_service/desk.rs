//! Desk: where people ask for changes of settings: one at a time, checked, written as a file, and told what became of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ploy::config::{self, Change, Fault, Folder, StrategyConfig};
use ploy::order::StrategyId;
use ploy::record::CommandNote;
use ploy::time::Timestamp;
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::looked::{Look, Looked, became, told};
use super::{Msg, write};
use crate::ports::config::{
    Base, Became, ChangeRecord, ConfigDesk, ConfigRecords, DeskError, Edit, FaultRecord, FileState,
    Found, HistoryPage, HistoryRecord, InForce, Reloaded, Run, SETS_MAX, Update, Updated, Wait,
};
use crate::ports::{Clock, CommandRecord, Page, Pending, Row};
use crate::telemetry::events;

/// How long is waited for the folder to be read.
const LOOK_WITHIN: Duration = Duration::from_secs(4);
/// How long is waited for what was read to be in force: a restart with its orders settled takes that long at most
/// in good order, and what needs longer is told as pending.
const SETTLED_WITHIN: Duration = Duration::from_secs(4);
/// How long the manager may take to say how things stand.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// The fewest digits by which a base is named: as many as the status shows.
const BASE_DIGITS_MIN: usize = 12;

/// The one who reads the folder now; another one after it failed.
pub type Slot = Arc<Mutex<Option<ActorRef<Msg>>>>;

/// What stands in force of strategies.
pub type Standings = BTreeMap<StrategyId, InForce>;

/// Asks the manager how strategies stand. Must not block.
pub type AskStandings =
    Arc<dyn Fn(Wait, Vec<StrategyId>, oneshot::Sender<Standings>) + Send + Sync>;

/// What the desk needs.
#[derive(Clone)]
pub struct DeskArgs {
    /// The folder.
    pub folder: PathBuf,
    /// What is known of it.
    pub known: Arc<Mutex<Folder>>,
    /// Who reads it.
    pub reader: Slot,
    /// Who knows what is in force.
    pub standings: AskStandings,
    /// What was stored, and where it is stored.
    pub records: Arc<dyn ConfigRecords>,
    /// Takes what was asked for into the record of inputs.
    pub note: Arc<dyn Fn(CommandNote) + Send + Sync>,
    /// Time as decisions see it, for the audit.
    pub clock: Arc<dyn Clock>,
    /// The machine's clock, for the history.
    pub wall: fn() -> Timestamp,
}

/// Where people ask for changes of settings. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    args: DeskArgs,
    /// One change after the other: of two on the same base exactly one wins.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The file as it is, and what it was before a change.
struct Before {
    text: Option<String>,
    /// What the file means, or what was read from it last.
    config: Option<StrategyConfig>,
    faults: Vec<Fault>,
}

impl Desk {
    /// Returns the desk.
    #[must_use]
    pub fn new(args: DeskArgs) -> Self {
        Self { args, turn: Arc::default() }
    }

    async fn reloaded(&self) -> Result<Reloaded, DeskError> {
        let looked = self.look().await?;
        let ids = looked.files.values().filter_map(Look::id).cloned().collect();
        let standings = self.standings(ids).await?;
        let found = |(strategy, look): (String, Look)| {
            let is_new = looked.changed.contains(&strategy);
            Found { became: became(look, is_new, &standings), strategy }
        };
        let strategies = looked.files.clone().into_iter().map(found).collect();
        tracing::info!(
            event.name = events::CONFIG_RELOADED,
            "the folder of settings was read on demand"
        );
        Ok(Reloaded { strategies })
    }

    /// Has the folder read now.
    async fn look(&self) -> Result<Looked, DeskError> {
        let (reply, looked) = oneshot::channel();
        let reader = self.args.reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let gone = || DeskError::Unavailable("nobody reads the folder of settings now".to_owned());
        reader.ok_or_else(gone)?.cast(Msg::Reload(reply)).map_err(|_ended| gone())?;
        match tokio::time::timeout(LOOK_WITHIN, looked).await {
            Ok(Ok(looked)) => looked.map_err(DeskError::Unavailable),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(DeskError::Unavailable(format!(
                "the folder of settings was not read within {} s",
                LOOK_WITHIN.as_secs()
            ))),
        }
    }

    /// Returns what is in force once nothing is on its way any more, or as it is after a while.
    async fn standings(&self, ids: Vec<StrategyId>) -> Result<Standings, DeskError> {
        match self.ask(Wait::Settled, ids.clone(), SETTLED_WITHIN).await {
            Some(standings) => Ok(standings),
            None => self.standing_now(ids).await,
        }
    }

    async fn standing_now(&self, ids: Vec<StrategyId>) -> Result<Standings, DeskError> {
        let gone =
            || DeskError::Unavailable("the manager of strategies does not answer".to_owned());
        self.ask(Wait::Now, ids, ANSWER_WITHIN).await.ok_or_else(gone)
    }

    async fn ask(&self, wait: Wait, ids: Vec<StrategyId>, within: Duration) -> Option<Standings> {
        let (reply, answer) = oneshot::channel();
        (self.args.standings)(wait, ids, reply);
        tokio::time::timeout(within, answer).await.ok()?.ok()
    }

    async fn before(&self, id: &StrategyId) -> Result<Before, DeskError> {
        let (folder, of) = (self.args.folder.clone(), id.clone());
        let text = tokio::task::spawn_blocking(move || write::current(&folder, &of)).await;
        let text = text.map_err(|error| DeskError::Unavailable(error.to_string()))??;
        let good = {
            let known = self.args.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.good(id).cloned()
        };
        let read = text.as_ref().map(|text| config::strategy(&self.path(id), id.clone(), text));
        Ok(match read {
            Some(Ok(config)) => Before { text, config: Some(config), faults: Vec::new() },
            Some(Err(faults)) => Before { text, config: good, faults },
            None => Before { text, config: None, faults: Vec::new() },
        })
    }

    fn path(&self, id: &StrategyId) -> String {
        write::path(&self.args.folder, id).display().to_string()
    }

    async fn state(&self, id: StrategyId) -> Result<FileState, DeskError> {
        let before = self.before(&id).await?;
        let mut standings = self.standing_now(vec![id.clone()]).await?;
        let in_force = standings.remove(&id).ok_or_else(|| DeskError::Unknown(id.clone()))?;
        let version = before.config.map_or_else(|| in_force.version.clone(), |file| file.version);
        let faults = before.faults.into_iter().map(FaultRecord::from).collect();
        Ok(FileState { strategy: id, version, text: before.text, faults, in_force })
    }

    async fn change(&self, update: Update) -> Result<Updated, DeskError> {
        let _turn = self.turn.lock().await;
        let id = update.strategy.clone();
        let before = self.before(&id).await?;
        match check_base(&update, &before) {
            Err(DeskError::Conflict { .. }) if before.text.is_none() => {
                // A strategy without a file is either gone or never was.
                self.state(id.clone()).await?;
                check_base(&update, &before)?;
            }
            checked => checked?,
        }
        let text = self.text(&update, &before).await?;
        let read = config::strategy(&self.path(&id), id.clone(), &text);
        let config = read.map_err(faulty)?;
        let stated = before.config.as_ref().map(|config| &config.stated);
        let changes = config::changes(stated.map_or(&[], Vec::as_slice), &config.stated);
        let mut updated = Updated {
            strategy: id.clone(),
            before: before.config.as_ref().map(|config| config.version.clone()),
            version: config.version.clone(),
            changes: changes.iter().map(ChangeRecord::from).collect(),
            written: false,
            became: None,
        };
        let is_said = match &update.edit {
            Edit::Sets(_) | Edit::Rollback(_) => {
                before.faults.is_empty() && updated.before.as_ref() == Some(&config.version)
            }
            Edit::Text(_) => before.text.as_deref() == Some(text.as_str()),
        };
        if update.run == Run::Dry {
            return Ok(updated);
        }
        if !is_said {
            self.written(&id, &text, &before).await?;
            updated.written = true;
            self.audit(&update, &updated, &changes);
        }
        updated.became = Some(self.became(&id, &config.version, is_said).await);
        Ok(updated)
    }

    /// Returns what the file is to say.
    async fn text(&self, update: &Update, before: &Before) -> Result<String, DeskError> {
        let id = &update.strategy;
        match &update.edit {
            Edit::Text(text) => Ok(text.clone()),
            Edit::Rollback(prefix) => {
                let kept = self.args.records.version(id.clone(), prefix.clone()).await?;
                kept.map_err(DeskError::Version)
            }
            Edit::Sets(sets) if sets.len() <= SETS_MAX => {
                if !before.faults.is_empty() {
                    return Err(faulty(before.faults.clone()));
                }
                let text = before.text.as_deref().unwrap_or_default();
                config::edited(&self.path(id), text, sets).map_err(faulty)
            }
            Edit::Sets(_) => {
                Err(DeskError::Version(format!("at most {SETS_MAX} settings are changed at once")))
            }
        }
    }

    async fn written(&self, id: &StrategyId, text: &str, before: &Before) -> Result<(), DeskError> {
        let (folder, id, text) = (self.args.folder.clone(), id.clone(), text.to_owned());
        let was = before.text.clone();
        let write = move || write::write(&folder, &id, &text, was.as_deref());
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|error| DeskError::Unavailable(error.to_string()))?
    }

    /// Has the folder read, and tells what became of what was written. What cannot be told yet is pending: the
    /// file is there.
    async fn became(&self, id: &StrategyId, version: &str, was_said: bool) -> Became {
        let mut is_new = !was_said;
        let looked = if was_said { None } else { Some(self.look().await) };
        let why = match looked {
            Some(Err(error)) => Some(error.to_string()),
            Some(Ok(looked)) => {
                if let Some(Look::Faulty(faults)) = looked.files.get(id.as_str()) {
                    let faults = faults.iter().cloned().map(FaultRecord::from).collect();
                    return Became::Faulty { faults };
                }
                None
            }
            None => None,
        };
        let standings = match (self.standings(vec![id.clone()]).await, why) {
            (Ok(standings), None) => standings,
            (Ok(_), Some(why)) => {
                return Became::Pending { version: version.to_owned(), why };
            }
            (Err(error), _) => {
                return Became::Pending { version: version.to_owned(), why: error.to_string() };
            }
        };
        is_new &= standings.get(id).is_some_and(|standing| standing.how.is_some());
        became(Look::Good(id.clone(), version.to_owned()), is_new, &standings)
    }

    /// Says who changed what, in the audit, in the history, in the record and in the log.
    fn audit(&self, update: &Update, updated: &Updated, changes: &[Change]) {
        let short = |version: &str| version.chars().take(BASE_DIGITS_MIN).collect::<String>();
        let from = updated.before.as_deref().map_or_else(|| "none".to_owned(), short);
        let what = told(changes);
        let answer = format!("written: {from} -> {}: {what}", short(&updated.version));
        let (event, action) = match update.edit {
            Edit::Text(_) => ("written", "config.apply"),
            Edit::Sets(_) => ("written", "config.set"),
            Edit::Rollback(_) => ("rolled_back", "config.rollback"),
        };
        let (actor, strategy) = (update.actor.clone(), update.strategy.to_string());
        tracing::info!(
            event.name = events::CONFIG_WRITTEN,
            strategy.id = strategy,
            actor,
            action,
            what = answer,
            "a settings file was changed on demand"
        );
        let history = HistoryRecord {
            at: (self.args.wall)(),
            strategy: strategy.clone(),
            event: event.to_owned(),
            version: Some(updated.version.clone()),
            actor: actor.clone(),
            what: format!("from {from}: {what}"),
            until: None,
        };
        let at = self.args.clock.now();
        let action = action.to_owned();
        let note = CommandNote { strategy, at, actor, action, answer };
        (self.args.note)(note.clone());
        let CommandNote { strategy, at, actor, action, answer } = note;
        let before = updated.before.clone();
        let command = CommandRecord { at, actor, strategy, action, answer, before };
        for row in [Row::Command(command), Row::History(history)] {
            if let Err(error) = self.args.records.keep(row) {
                tracing::error!(event.name = events::STORE_FULL, error.message = %error,
                    "a record could not be queued");
            }
        }
    }
}

impl ConfigDesk for Desk {
    fn reload(&self) -> Pending<'_, Result<Reloaded, DeskError>> {
        Box::pin(self.reloaded())
    }

    fn file(&self, id: StrategyId) -> Pending<'_, Result<FileState, DeskError>> {
        Box::pin(self.state(id))
    }

    /// An asker that leaves stops nothing half done.
    fn update(&self, update: Update) -> Pending<'_, Result<Updated, DeskError>> {
        let desk = self.clone();
        let work = tokio::spawn(async move { desk.change(update).await });
        Box::pin(async {
            let ended = |error: tokio::task::JoinError| DeskError::Unavailable(error.to_string());
            work.await.map_err(ended)?
        })
    }

    fn history(
        &self,
        id: StrategyId,
        page: HistoryPage,
    ) -> Pending<'_, Result<Page<HistoryRecord>, DeskError>> {
        Box::pin(async move { Ok(self.args.records.history(id, page).await?) })
    }
}

fn check_base(update: &Update, before: &Before) -> Result<(), DeskError> {
    let current = match (&before.text, &before.config) {
        (None, _) => "no file".to_owned(),
        (Some(_), Some(config)) => config.version.clone(),
        (Some(_), None) => "a file with faults".to_owned(),
    };
    let (fits, base) = match &update.base {
        Base::Absent => (before.text.is_none(), "no file"),
        Base::Version(base) => {
            let is_named = BASE_DIGITS_MIN <= base.len() && current.starts_with(base.as_str());
            (is_named && before.text.is_some(), base.as_str())
        }
    };
    let (strategy, base) = (update.strategy.clone(), base.to_owned());
    if fits { Ok(()) } else { Err(DeskError::Conflict { strategy, base, current }) }
}

fn faulty(faults: Vec<Fault>) -> DeskError {
    DeskError::Faulty(faults.into_iter().map(FaultRecord::from).collect())
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("folder", &self.args.folder).finish_non_exhaustive()
    }
}

impl fmt::Debug for DeskArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskArgs").field("folder", &self.folder).finish_non_exhaustive()
    }
}
