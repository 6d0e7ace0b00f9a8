//! Poison: market events at which an incarnation died, and that the next one must not meet again.
//!
//! A strategy that comes back is told what is known of its markets, and so of the event that killed it. An event of
//! this kind is set aside: it is counted, said and stored, and the kernel never sees it. What a kernel does not see is
//! no input, so the record of the new incarnation does not have it and is played again as it was. The record of the
//! one that died ends with it.

use ploy::event::{Kind, MarketEvent};
use ploy::kernel::Input;
use ploy::restart::FailureClass;

use super::State;
use crate::bus::Ticket;
use crate::ports::{Clock as _, ErrorRecord, Row};
use crate::telemetry::events;

/// The events that are set aside.
#[derive(Debug, Default)]
pub(super) struct Poison {
    events: Vec<MarketEvent>,
    met: u64,
    /// What is worked on while it may be killed.
    suspect: Option<MarketEvent>,
}

impl Poison {
    pub(super) fn of(events: Vec<MarketEvent>) -> Self {
        Self { events, ..Self::default() }
    }

    /// Tells whether an event is one of those. They are few, and usually none.
    pub(super) fn is(&self, event: &MarketEvent) -> bool {
        self.events.contains(event)
    }

    /// Returns how many were set aside.
    pub(super) const fn met(&self) -> u64 {
        self.met
    }

    /// Notes what is worked on while it may be killed.
    pub(super) fn suspect(&mut self, input: Option<&Input>) {
        self.suspect = input.and_then(|input| of(FailureClass::Hang, input));
    }

    pub(super) const fn take_suspect(&mut self) -> Option<MarketEvent> {
        self.suspect.take()
    }
}

impl State {
    /// Sets an event aside: says and stores that it was not given to the kernel.
    pub(super) fn set_aside(&mut self, event: &MarketEvent, ticket: &Ticket) {
        self.poison.met += 1;
        let what = describe(event);
        tracing::warn!(event.name = events::STRATEGY_EVENT_SET_ASIDE, strategy.id = %self.id, what,
            "a market event was set aside");
        let row = ErrorRecord {
            at: self.around.clock.now(),
            strategy: Some(self.id.clone()),
            part: "runtime".to_owned(),
            message: format!("set aside, because it died at it before: {what}"),
        };
        self.store(Row::Error(row), ticket);
    }
}

/// Returns the event to be set aside after a death at an input. A settlement never is: it says what shares are worth,
/// and a strategy that cannot take it in must come to a halt.
pub(super) fn of(class: FailureClass, input: &Input) -> Option<MarketEvent> {
    let is_of_input = match class {
        FailureClass::Panic | FailureClass::Hang => true,
        FailureClass::Config | FailureClass::Accounting | FailureClass::Forbidden => false,
        FailureClass::Dependency | FailureClass::StartTimeout => false,
        FailureClass::Error | FailureClass::Killed => false,
    };
    match input {
        Input::Market(MarketEvent { kind: Kind::Resolved { .. }, .. }) => None,
        Input::Market(event) => is_of_input.then(|| event.clone()),
        Input::Order(_) | Input::Timer(_) | Input::Gate { .. } | Input::Release { .. } => None,
    }
}

/// Returns what an event is, for people.
#[must_use]
pub fn describe(event: &MarketEvent) -> String {
    let what = match &event.kind {
        Kind::Market(market) => format!("the announcement of {}", market.slug),
        Kind::Book { market, outcome, .. } => format!("the book of {} of {market}", outcome.name()),
        Kind::Trade(trade) => format!("a trade in {}", trade.market),
        Kind::Spot { symbol, .. } => format!("the price of {symbol}"),
        Kind::Game(game) => format!("the state of the game {}", game.id),
        Kind::Tick { market, .. } => format!("the price step of {market}"),
        Kind::Resolved { market, .. } => format!("the settlement of {market}"),
        Kind::Feed { feed, .. } => format!("the state of the feed {feed}"),
        Kind::Gap { missed } => format!("a gap of {missed} events"),
    };
    format!("{what} at {}", event.at)
}

#[cfg(test)]
mod tests {
    use ploy::event::FeedState;
    use ploy::market::ConditionId;
    use ploy::time::Timestamp;

    use super::*;

    fn event(kind: Kind) -> MarketEvent {
        MarketEvent { at: Timestamp::UNIX_EPOCH, kind }
    }

    fn feed() -> MarketEvent {
        event(Kind::Feed { feed: "f".into(), state: FeedState::Up })
    }

    #[test]
    fn only_what_an_input_itself_did_makes_it_poison() {
        let poisoned = |class| of(class, &Input::Market(feed()));
        for class in [FailureClass::Panic, FailureClass::Hang] {
            assert_eq!(poisoned(class), Some(feed()), "{class:?}");
        }
        for class in [FailureClass::Accounting, FailureClass::Error, FailureClass::Killed] {
            assert_eq!(poisoned(class), None, "{class:?}");
        }
        assert_eq!(of(FailureClass::Panic, &Input::Timer(Timestamp::UNIX_EPOCH)), None);
    }

    #[test]
    fn a_settlement_at_which_it_dies_is_never_set_aside() {
        let market = ConditionId::from_bytes([1; 32]);
        let payouts = ["1".parse().unwrap(), "0".parse().unwrap()];
        let resolved = Input::Market(event(Kind::Resolved { market, payouts }));
        assert_eq!(of(FailureClass::Panic, &resolved), None);
        assert_eq!(of(FailureClass::Hang, &resolved), None);
    }
}
