//! Plays a case and gathers all that came of it, as lines of text.

use std::time::Duration;

use ploy::config::StrategyConfig;
use ploy::event::MarketEvent;
use ploy::kernel::{Checkpoint, Effect, Kernel, Memory};
use ploy::market::ConditionId;
use ploy::order::{Fill, StrategyId};
use ploy::paper::PaperVenue;
use ploy::price::Usdc;
use ploy::replay::Replay;

use crate::case::Case;
use crate::text::Text;
use crate::witness::{News, Told, What, Witness};

/// How long an order takes to the venue, as in the shipped settings.
const LATENCY: Duration = Duration::from_millis(250);

/// A case while it is played.
pub(crate) struct Play {
    replay: Replay,
    story: Story,
}

/// What came of a case so far.
#[derive(Debug)]
pub(crate) struct Story {
    text: Text,
    told: Told,
    /// Every line with its strategy.
    pub(crate) lines: Vec<(StrategyId, String)>,
    /// What a next incarnation is told of the past, in its order.
    pub(crate) past: Vec<Past>,
}

/// A fact that outlives an incarnation.
#[derive(Clone, Debug)]
pub(crate) enum Past {
    Filled(Fill),
    Settled(ConditionId, [Usdc; 2]),
}

impl Play {
    /// Sets a case up.
    pub(crate) fn new(case: &Case) -> Self {
        let told = Told::default();
        let kernels = case.strategies.iter();
        let kernels = kernels.map(|config| kernel(config, &told, Memory::default()));
        let replay = Replay::new(kernels.collect::<Vec<_>>(), PaperVenue::new(LATENCY));
        let (lines, past) = (Vec::new(), Vec::new());
        Self { replay, story: Story { text: Text::of(case), told, lines, past } }
    }

    /// Plays all of a case. Returns every line of every strategy.
    pub(crate) fn all(case: &Case) -> Vec<(StrategyId, String)> {
        let mut play = Self::new(case);
        case.events.iter().for_each(|event| play.event(event));
        play.end()
    }

    /// Plays one event.
    pub(crate) fn event(&mut self, event: &MarketEvent) {
        let Self { replay, story } = self;
        story.text.now = event.at;
        replay.play(event, &mut |id, effect| story.see(id, effect)).unwrap();
        story.hear();
    }

    /// Starts the only strategy again: nothing stays but the facts, and what a strategy must remember.
    pub(crate) fn restart(&mut self, config: &StrategyConfig) {
        let memory = self.kernel().memory();
        let mut kernel = kernel(config, &self.story.told, memory);
        for fact in &self.story.past {
            match fact {
                Past::Filled(fill) => kernel.recall_fill(fill).unwrap(),
                Past::Settled(market, payouts) => kernel.recall_settlement(*market, *payouts),
            }
        }
        self.story.told.lock().unwrap().clear();
        self.replay.restart(kernel);
    }

    /// Puts what is read of a strategy's checkpoint in its place, open orders and all.
    pub(crate) fn resume(&mut self, config: &StrategyConfig) {
        let text = serde_json::to_string(&self.replay.kernels()[&config.id].checkpoint()).unwrap();
        let checkpoint: Checkpoint = serde_json::from_str(&text).unwrap();
        let strategy = config.kind.restore(checkpoint.strategy()).unwrap();
        let (id, told) = (config.id.clone(), Told::clone(&self.story.told));
        let witness = Box::new(Witness { id: id.clone(), strategy, told });
        let limits = config.limits.clone();
        self.replay.restart(Kernel::resume(id, witness, limits, checkpoint).unwrap());
    }

    /// Returns the kernel of the only strategy.
    pub(crate) fn kernel(&self) -> &Kernel {
        self.replay.kernels().values().next().unwrap()
    }

    /// Returns what came of it so far.
    pub(crate) const fn story(&mut self) -> &mut Story {
        &mut self.story
    }

    /// Lets time go on, and returns every line with what was made in the end.
    pub(crate) fn end(self) -> Vec<(StrategyId, String)> {
        let Self { mut replay, mut story } = self;
        replay.finish(&mut |id, effect| story.see(id, effect)).unwrap();
        story.hear();
        for (id, kernel) in replay.kernels() {
            let account = replay.venue().account(id);
            assert_eq!(account.cash(), kernel.portfolio().cash(), "{id} and the venue disagree");
            let end = story.text.end(kernel);
            story.lines.extend(end.into_iter().map(|line| (id.clone(), line)));
        }
        story.lines
    }
}

impl Story {
    fn see(&mut self, id: &StrategyId, effect: &Effect) {
        self.hear();
        if let Effect::Settled { market, payouts, .. } = effect {
            self.past.push(Past::Settled(market.id, *payouts));
        }
        self.lines.extend(self.text.effect(effect).map(|line| (id.clone(), line)));
    }

    /// Takes in what the strategies were told of their orders, which they look at afterwards.
    fn hear(&mut self) {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        for News { at, strategy, what } in told {
            let line = match &what {
                What::Filled(fill) => {
                    self.past.push(Past::Filled(fill.clone()));
                    self.text.fill(at, fill)
                }
                What::Ended(order) => self.text.ended(at, order),
            };
            self.lines.push((strategy, line));
        }
    }
}

fn kernel(config: &StrategyConfig, told: &Told, memory: Memory) -> Kernel {
    let strategy = config.kind.build();
    let (id, told) = (config.id.clone(), Told::clone(told));
    let witness = Box::new(Witness { id: id.clone(), strategy, told });
    Kernel::new(id, witness, config.limits.clone(), memory)
}
