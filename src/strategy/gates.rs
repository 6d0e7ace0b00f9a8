//! The gates of each strategy in the order in which an order passes them.

use crate::decision::Reason;
use crate::intent::Purpose;

/// The gates that an order of each purpose passes, in their order. Each gate is told by the no it says; one that is
/// asked at several places stands at the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// Those of an entry: nothing is held.
    pub entry: &'static [Reason],
    /// Those of a hedge; none where the strategy hedges nothing.
    pub hedge: &'static [Reason],
    /// Those of an exit; none where the strategy sells nothing.
    pub exit: &'static [Reason],
}

impl Gates {
    /// Returns the gates that an order of this purpose passes.
    #[must_use]
    pub const fn of(&self, purpose: Purpose) -> &'static [Reason] {
        match purpose {
            Purpose::Entry => self.entry,
            Purpose::Hedge => self.hedge,
            Purpose::Exit => self.exit,
        }
    }

    /// Returns the place of a no among the gates of this purpose, from 0, where it is one of them.
    #[must_use]
    pub fn place(&self, purpose: Purpose, reason: Reason) -> Option<usize> {
        self.of(purpose).iter().position(|gate| *gate == reason)
    }

    /// Returns the gates that a look passed before this no: of the first of entry, hedge and exit that has the gate.
    #[must_use]
    pub fn before(&self, reason: Reason) -> &'static [Reason] {
        [Purpose::Entry, Purpose::Hedge, Purpose::Exit]
            .into_iter()
            .find_map(|purpose| self.of(purpose).get(..self.place(purpose, reason)?))
            .unwrap_or_default()
    }
}

/// The gates of `drill`.
pub const DRILL: Gates = Gates {
    entry: &[Reason::OneSidedBook, Reason::PendingOrder, Reason::Holding],
    hedge: &[],
    exit: &[],
};

/// The gates of `split_arb` in its legged style.
pub const SPLIT_ARB_LEGGED: Gates = Gates {
    entry: &[
        Reason::NotOpen,
        Reason::NearClose,
        Reason::StaleBook,
        Reason::OneSidedBook,
        Reason::CrossedBook,
        Reason::BookSkew,
        Reason::PendingOrder,
        Reason::MaxUnhedged,
        Reason::PriceLimit,
        Reason::HedgeDistance,
        Reason::SpentBook,
    ],
    hedge: SPLIT_ARB_HEDGE,
    exit: SPLIT_ARB_EXIT,
};

/// The gates of `split_arb` in its simultaneous style.
pub const SPLIT_ARB_SIMULTANEOUS: Gates = Gates {
    entry: &[
        Reason::NotOpen,
        Reason::NearClose,
        Reason::StaleBook,
        Reason::OneSidedBook,
        Reason::CrossedBook,
        Reason::BookSkew,
        Reason::PendingOrder,
        Reason::MaxUnhedged,
        Reason::NoSignal,
        Reason::PriceLimit,
        Reason::NoEdge,
        Reason::SpentBook,
    ],
    hedge: SPLIT_ARB_HEDGE,
    exit: SPLIT_ARB_EXIT,
};

const SPLIT_ARB_HEDGE: &[Reason] = &[
    Reason::PendingOrder,
    Reason::BelowMinimum,
    Reason::StaleBook,
    Reason::CrossedBook,
    Reason::AwaitHedge,
    Reason::SpentBook,
];

const SPLIT_ARB_EXIT: &[Reason] = &[
    Reason::PendingOrder,
    Reason::BelowMinimum,
    Reason::StaleBook,
    Reason::CrossedBook,
    Reason::AwaitHedge,
    Reason::ExitBackoff,
    Reason::OneSidedBook,
    Reason::PriceLimit,
];

/// The gates of `momentum` by the directional method, which holds to resolution.
pub const MOMENTUM_DIRECTIONAL: Gates = Gates {
    entry: &[
        Reason::WarmingUp,
        Reason::NoMarket,
        Reason::NoStrike,
        Reason::StaleSpot,
        Reason::StaleBook,
        Reason::Cooldown,
        Reason::DailyLimit,
        Reason::PositionOpen,
        Reason::MaxPositions,
        Reason::PendingOrder,
        Reason::NoSignal,
        Reason::OneSidedBook,
        Reason::PriceLimit,
        Reason::NoEdge,
        Reason::WindowSpent,
        Reason::WindowExposure,
        Reason::AwaitBest,
        Reason::NotBest,
    ],
    hedge: &[],
    exit: &[],
};

/// The gates of `momentum` by the predictive method, which sells by rules.
pub const MOMENTUM_PREDICTIVE: Gates = Gates {
    entry: MOMENTUM_TREND,
    hedge: &[],
    exit: &[
        Reason::PendingOrder,
        Reason::BelowMinimum,
        Reason::StaleBook,
        Reason::OneSidedBook,
        Reason::Holding,
        Reason::ExitBackoff,
        Reason::PriceLimit,
    ],
};

/// The gates of `momentum` by the confirmatory method, which holds to resolution.
pub const MOMENTUM_CONFIRMATORY: Gates = Gates { entry: MOMENTUM_TREND, hedge: &[], exit: &[] };

const MOMENTUM_TREND: &[Reason] = &[
    Reason::WarmingUp,
    Reason::NoMarket,
    Reason::StaleSpot,
    Reason::StaleBook,
    Reason::Cooldown,
    Reason::DailyLimit,
    Reason::PositionOpen,
    Reason::MaxPositions,
    Reason::PendingOrder,
    Reason::NoSignal,
    Reason::OneSidedBook,
    Reason::PriceLimit,
    Reason::NoEdge,
    Reason::WindowSpent,
    Reason::WindowExposure,
    Reason::AwaitBest,
    Reason::NotBest,
];

/// The gates of `nba_swing`. Shares are also sold without a state of their game, by the rules that need the book
/// alone: its gates say no to a hold, never to such an exit.
pub const NBA_SWING: Gates = Gates {
    entry: &[
        Reason::NoMarket,
        Reason::NotOpen,
        Reason::NearClose,
        Reason::PendingOrder,
        Reason::HaltedState,
        Reason::Cooldown,
        Reason::NoGame,
        Reason::StaleGame,
        Reason::NotInPlay,
        Reason::StaleBook,
        Reason::CrossedBook,
        Reason::Filters,
        Reason::PriceLow,
        Reason::PriceHigh,
        Reason::NoEdge,
        Reason::LowConfidence,
        Reason::NoEv,
        Reason::SpentBook,
        Reason::PriceLimit,
    ],
    hedge: &[],
    exit: &[
        Reason::PendingOrder,
        Reason::BelowMinimum,
        Reason::StaleBook,
        Reason::CrossedBook,
        Reason::OneSidedBook,
        Reason::Holding,
        Reason::ExitBackoff,
        Reason::PriceLimit,
    ],
};

/// The gates of every strategy with the word for its kind, in each way that it is traded.
pub const ALL: [(&str, Gates); 7] = [
    ("split_arb", SPLIT_ARB_LEGGED),
    ("split_arb", SPLIT_ARB_SIMULTANEOUS),
    ("momentum", MOMENTUM_DIRECTIONAL),
    ("momentum", MOMENTUM_PREDICTIVE),
    ("momentum", MOMENTUM_CONFIRMATORY),
    ("nba_swing", NBA_SWING),
    ("drill", DRILL),
];

#[cfg(test)]
mod tests {
    use super::*;

    const PURPOSES: [Purpose; 3] = [Purpose::Entry, Purpose::Hedge, Purpose::Exit];

    #[test]
    fn a_gate_stands_once_in_its_row() {
        for (kind, gates) in ALL {
            for purpose in PURPOSES {
                for (place, gate) in gates.of(purpose).iter().enumerate() {
                    assert_eq!(gates.place(purpose, *gate), Some(place), "{kind} {}", gate.name());
                }
            }
        }
    }

    #[test]
    fn a_no_tells_what_was_passed_before_it() {
        let legged = SPLIT_ARB_LEGGED;
        assert_eq!(legged.before(Reason::NotOpen), []);
        let passed = [Reason::NotOpen, Reason::NearClose];
        assert_eq!(legged.before(Reason::StaleBook), passed);
        // An entry has no such gate: the look was at a leg.
        assert_eq!(legged.before(Reason::AwaitHedge).len(), 4);
        assert_eq!(legged.before(Reason::NoGame), []);
    }
}
