//! The writer: takes messages from the queue in their order and makes lines of them.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ploy::kernel::Input;
use ploy::order::StrategyId;
use ploy::record::{self, Gap, Line, Mark, Recall};

use super::volume::Volume;
use super::{Args, Msg, Shared, WAKE_AT};
use crate::telemetry::events;

/// How many encoded inputs are kept, in case that another strategy takes in the same: with several strategies the
/// next few messages are most often about one event.
const KEPT_MAX: usize = 8;
/// How long messages may wait for others before they are written.
const GATHER: Duration = Duration::from_millis(20);

/// Writes files until the queue is closed.
pub(super) struct Writer {
    shared: Arc<Shared>,
    volume: Volume,
    /// Inputs that came while there was no file, by strategy.
    dropped: BTreeMap<StrategyId, u64>,
    pending: Option<Pending>,
    kept: VecDeque<(Input, Arc<str>)>,
}

/// An input that is not written yet: the next message may be of another strategy that took in the same.
struct Pending {
    to: BTreeMap<StrategyId, Mark>,
    input: Input,
    body: Arc<str>,
}

impl Writer {
    pub(super) fn new(args: Args, shared: Arc<Shared>) -> Self {
        Self {
            volume: Volume::begin(args, Arc::clone(&shared)),
            shared,
            dropped: BTreeMap::new(),
            pending: None,
            kept: VecDeque::new(),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            let (batch, is_closing) = self.take();
            let is_empty = batch.is_empty();
            for msg in batch {
                self.msg(msg);
            }
            self.put_pending();
            self.volume.keep_up();
            self.shared.queue().in_hand = 0;
            if is_closing && is_empty {
                break;
            }
        }
        self.end();
    }

    /// Takes all that waits, a little later than it came: so that a wake is paid for many messages, not for each.
    fn take(&self) -> (VecDeque<Msg>, bool) {
        let mut queue = self.shared.queue();
        if queue.items.len() < WAKE_AT && !queue.is_closing {
            let waited = self.shared.filled.wait_timeout(queue, GATHER);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let batch = mem::take(&mut queue.items);
        queue.in_hand = batch.len();
        (batch, queue.is_closing)
    }

    fn msg(&mut self, msg: Msg) {
        self.say_dropped();
        match msg {
            Msg::Input { strategy, mark, input } => self.input(strategy, mark, input),
            Msg::Start { start, past, epoch } => {
                self.turn(epoch);
                let strategy = start.strategy.clone();
                self.say(&Line::Start(start));
                for fact in past {
                    self.say(&Line::Recall(Recall { strategy: strategy.clone(), fact }));
                }
            }
            Msg::Checkpoint { saved, lost, epoch } => {
                self.turn(epoch);
                self.gap(&saved.strategy, lost);
                self.say(&Line::Checkpoint(saved));
            }
            Msg::End { end, lost } => {
                self.gap(&end.strategy, lost);
                self.say(&Line::End(end));
            }
            Msg::Command(note) => self.say(&Line::Command(*note)),
            Msg::Phase(note) => self.say(&Line::Phase(*note)),
        }
    }

    fn turn(&mut self, epoch: u64) {
        self.put_pending();
        self.volume.turn(epoch);
    }

    fn input(&mut self, strategy: StrategyId, mark: Mark, input: Input) {
        self.volume.at(record::instant(&input));
        if !self.volume.is_open() {
            *self.dropped.entry(strategy).or_default() += 1;
            self.shared.lose(1);
            return;
        }
        if let Some(pending) = &mut self.pending
            && !pending.to.contains_key(&strategy)
            && pending.input == input
        {
            pending.to.insert(strategy, mark);
            return;
        }
        self.put_pending();
        let body = self.body(&input);
        self.pending = Some(Pending { to: BTreeMap::from([(strategy, mark)]), input, body });
    }

    /// Encodes an input, once for all who take in the same.
    fn body(&mut self, input: &Input) -> Arc<str> {
        if let Some((_, body)) = self.kept.iter().find(|(kept, _)| kept == input) {
            return Arc::clone(body);
        }
        let body: Arc<str> = record::encode_body(input).into();
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back((input.clone(), Arc::clone(&body)));
        body
    }

    fn put_pending(&mut self) {
        let Some(Pending { to, body, .. }) = self.pending.take() else { return };
        let inputs = u64::try_from(to.len()).unwrap_or(u64::MAX);
        let text = record::encode_input(self.volume.next(), &to, &body);
        if self.volume.line(&text) {
            self.shared.status().inputs += inputs;
        } else {
            self.shared.lose(inputs);
            to.into_keys().for_each(|id| *self.dropped.entry(id).or_default() += 1);
        }
    }

    /// Writes a line that is no input, after all that came before it.
    fn say(&mut self, line: &Line) {
        self.put_pending();
        let text = record::encode(self.volume.next(), line);
        if !self.volume.line(&text) {
            self.shared.lose(1);
        }
    }

    fn gap(&mut self, strategy: &StrategyId, inputs: u64) {
        if inputs == 0 {
            return;
        }
        tracing::warn!(
            event.name = events::RECORD_LOST,
            strategy.id = %strategy,
            inputs,
            "what a strategy took in is missing in the record"
        );
        self.say(&Line::Gap(Gap { strategy: strategy.clone(), inputs }));
    }

    /// Says what came while there was no file, once there is one again.
    fn say_dropped(&mut self) {
        if self.dropped.is_empty() || !self.volume.is_open() {
            return;
        }
        for (strategy, inputs) in mem::take(&mut self.dropped) {
            self.gap(&strategy, inputs);
        }
    }

    /// Ends the record: says what was lost and not yet said, and ends the file.
    fn end(&mut self) {
        self.say_dropped();
        let owed = mem::take(&mut self.shared.queue().owed);
        for (strategy, inputs) in owed {
            self.gap(&strategy, inputs);
        }
        self.volume.finish();
    }
}
