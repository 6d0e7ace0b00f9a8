//! A track: what one incarnation of a strategy takes in, in its order, with the gaps named.

use std::sync::Arc;

use ploy::config::StrategyConfig;
use ploy::kernel::{Input, Kernel, Memory};
use ploy::order::StrategyId;
use ploy::record::{End, Fact, Mark, Saved, Start};
use ploy::restart::Failure;

use super::{Full, Handle, Msg};
use crate::ports::Past;

/// What one incarnation takes in. Nothing here waits.
#[derive(Debug)]
pub struct Track {
    handle: Option<Arc<Handle>>,
    strategy: StrategyId,
    incarnation: u64,
    version: String,
    settings: Arc<str>,
    /// The file for which it has said how it is.
    epoch: u64,
    /// Inputs since the last that the queue took.
    lost: u64,
}

impl Track {
    pub(super) fn begin(
        handle: Option<Arc<Handle>>,
        config: &StrategyConfig,
        incarnation: u64,
        (memory, past): (&Memory, &[Past]),
    ) -> Self {
        let mut track = Self {
            handle,
            strategy: config.id.clone(),
            incarnation,
            version: config.version.clone(),
            settings: Arc::clone(&config.text),
            epoch: 0,
            lost: 0,
        };
        let Some(handle) = &track.handle else { return track };
        let shared = &handle.shared;
        // Of this file or of an older one: in a newer one it says once more how it is.
        track.epoch = shared.epoch();
        track.lost = shared.queue().owed.remove(&config.id).unwrap_or(0);
        let start = Start {
            strategy: config.id.clone(),
            incarnation,
            version: config.version.clone(),
            settings: config.text.to_string(),
            memory: memory.clone(),
        };
        let past = past.iter().map(fact).collect();
        if shared.send(Msg::Start { start: Box::new(start), past, epoch: track.epoch }) == Err(Full)
        {
            shared.lose(1);
            track.lost += 1;
        }
        track
    }

    /// Writes down what the kernel is about to take in; before that, how the kernel is, where a new file needs it
    /// or something was lost.
    pub fn input(&mut self, kernel: &Kernel, input: &Input) {
        let Some(handle) = &self.handle else { return };
        let shared = &handle.shared;
        let epoch = shared.epoch();
        if 0 < self.lost || epoch != self.epoch {
            // Making a checkpoint is work: not where there is no room for it.
            let lost = self.lost;
            let taken = shared.has_room()
                && shared.send(Msg::Checkpoint { saved: self.saved(kernel), lost, epoch }).is_ok();
            if !taken {
                shared.lose(1);
                self.lost += 1;
                return;
            }
            (self.epoch, self.lost) = (epoch, 0);
        }
        let strategy = self.strategy.clone();
        let msg = Msg::Input { strategy, mark: mark(kernel), input: input.clone() };
        if shared.send(msg) == Err(Full) {
            shared.lose(1);
            self.lost += 1;
        }
    }

    /// Writes down that other settings are in force from here on, with how the kernel is as they are taken over.
    pub fn take_over(&mut self, config: &StrategyConfig, kernel: &Kernel) {
        self.version.clone_from(&config.version);
        self.settings = Arc::clone(&config.text);
        let Some(handle) = &self.handle else { return };
        let shared = &handle.shared;
        let (epoch, lost) = (shared.epoch(), self.lost);
        let taken = shared.has_room()
            && shared.send(Msg::Checkpoint { saved: self.saved(kernel), lost, epoch }).is_ok();
        if taken {
            (self.epoch, self.lost) = (epoch, 0);
        } else {
            // It says how it is before its next input.
            shared.lose(1);
            self.lost += 1;
        }
    }

    /// Writes down that the incarnation has come to its end; of what, when it died.
    pub fn end(&mut self, memory: &Memory, died: Option<&Failure>) {
        let Some(handle) = &self.handle else { return };
        let shared = &handle.shared;
        let lost = std::mem::take(&mut self.lost);
        let end = End {
            strategy: self.strategy.clone(),
            incarnation: self.incarnation,
            died: died.cloned(),
            inputs: memory.inputs(),
            decisions: memory.digest().count(),
            digest: memory.digest().hex(),
        };
        if shared.send(Msg::End { end: Box::new(end), lost }) == Err(Full) {
            shared.lose(1);
            *shared.queue().owed.entry(self.strategy.clone()).or_default() += lost + 1;
        }
    }

    fn saved(&self, kernel: &Kernel) -> Box<Saved> {
        Box::new(Saved {
            strategy: self.strategy.clone(),
            incarnation: self.incarnation,
            version: self.version.clone(),
            settings: self.settings.to_string(),
            kernel: kernel.checkpoint(),
        })
    }
}

/// Returns the mark of all decisions that a kernel has taken.
pub(super) fn mark(kernel: &Kernel) -> Mark {
    Mark(kernel.digest().mark())
}

fn fact(past: &Past) -> Fact {
    match past {
        Past::Fill(fill) => Fact::Fill(fill.clone()),
        Past::Settled { market, payouts } => Fact::Settled { m: *market, pays: *payouts },
    }
}
