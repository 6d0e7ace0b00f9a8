//! Standing: what is in force of strategies' settings, told to those who ask, and kept as history.

use std::collections::BTreeMap;

use ploy::config::{Fault, StrategyConfig};
use ploy::lifecycle::Phase;
use ploy::order::StrategyId;
use ploy::time::Timestamp;
use tokio::sync::oneshot;

use super::State;
use super::entry::Entry;
use crate::ports::Row;
use crate::ports::config::{HistoryRecord, How, InForce, Wait};

/// How many may wait at once to be told.
const ASKED_MAX: usize = 64;
/// Who changed a file by other means than this service.
const FILE: &str = "file";

/// Somebody who waits to be told what is in force of some strategies.
#[derive(Debug)]
pub(super) struct Asked {
    wait: Wait,
    of: Vec<StrategyId>,
    reply: oneshot::Sender<BTreeMap<StrategyId, InForce>>,
}

impl State {
    pub(super) fn on_standing(
        &mut self,
        wait: Wait,
        of: Vec<StrategyId>,
        reply: oneshot::Sender<BTreeMap<StrategyId, InForce>>,
    ) {
        self.asked.retain(|asked| !asked.reply.is_closed());
        if self.asked.len() < ASKED_MAX {
            self.asked.push(Asked { wait, of, reply });
        }
    }

    /// Answers those whose strategies have nothing on its way any more.
    pub(super) fn answer_asked(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        for asked in std::mem::take(&mut self.asked) {
            let mut of = asked.of.iter().filter_map(|id| self.entries.get(id));
            if asked.wait == Wait::Settled && !of.all(Entry::is_settled) {
                self.asked.push(asked);
                continue;
            }
            let standing = |id: &StrategyId| Some((id.clone(), self.entries.get(id)?.in_force()));
            let told = asked.of.iter().filter_map(standing).collect();
            asked.reply.send(told).unwrap_or_default(); // an asker that left is no failure
        }
    }

    /// Notes in the history that a version came into force.
    pub(super) fn note_in_force(&self, config: &StrategyConfig, what: &str) {
        let version = Some(config.version.clone());
        self.note_history(config.id.as_str(), "in_force", version, what);
    }

    pub(super) fn note_refused(&self, stem: &str, faults: &[Fault]) {
        let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
        self.note_history(stem, "refused", None, &all.join("; "));
    }

    pub(super) fn note_removed(&self, id: &StrategyId) {
        self.note_history(id.as_str(), "removed", None, "its file is gone");
    }

    fn note_history(&self, strategy: &str, event: &str, version: Option<String>, what: &str) {
        self.store(Row::History(HistoryRecord {
            at: (self.wall)(),
            strategy: strategy.to_owned(),
            event: event.to_owned(),
            version,
            actor: FILE.to_owned(),
            what: what.to_owned(),
            until: None,
        }));
    }
}

impl Entry {
    /// Tells whether its newest settings are in force, or what keeps them from it is known.
    fn is_settled(&self) -> bool {
        let is_on_its_way = match self.phase {
            Phase::Starting | Phase::Warming => true,
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
            Phase::Stopped | Phase::Running => false,
            Phase::Backoff { .. } | Phase::Halted { .. } => false,
        };
        let waits = self.next.is_some() && self.pending.is_none();
        self.taking.is_none() && !waits && !is_on_its_way
    }

    fn in_force(&self) -> InForce {
        let config = &self.registration.config;
        InForce {
            version: config.version.clone(),
            text: config.text.to_string(),
            how: self.how,
            pending: self.pending.clone(),
        }
    }

    /// Notes how the settings in force came to be.
    pub(super) const fn came_by(&mut self, how: How, at: Timestamp) {
        (self.how, self.config_since) = (Some(how), Some(at));
    }
}
