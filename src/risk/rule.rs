//! The rules by name, in the order in which they are asked.

use serde::{Deserialize, Serialize};

use crate::intent::Purpose;

/// The rules, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Order entry is closed, or open to protective orders only. Used and limit are not numbers here.
    Gate,
    /// Too many rounds in a row were lost; entries wait.
    LossStreak,
    /// The venue refused too many orders in a row for what was asked; entries wait.
    RejectStreak,
    /// Too many orders in a row failed at the venue; entries wait.
    FailureStreak,
    /// The equity fell too far from its peak; entries wait for a person.
    Drawdown,
    /// Too much was lost since the day began; entries wait for the next one.
    DailyLoss,
    /// The breaker's cooldown is over and its one trial entry is still on its way.
    Trial,
    /// The market is not known to the guard.
    UnknownMarket,
    /// The limit is not on the market's price grid.
    PriceGrid,
    /// The order is below what the venue accepts: the market's smallest size, or 1 USDC for a buy.
    VenueMinimum,
    /// An exit of more than is held, or a hedge of more than the other outcome's shares.
    Holdings,
    /// An order for this market and outcome is outstanding.
    OneOrderPerLeg,
    /// Too many open orders.
    OpenOrders,
    /// The limit is outside the prices at which entries are wanted at all.
    PriceBand,
    /// The newest book of the outcome is too old for an entry.
    StaleBook,
    /// The limit is too far beyond the best opposite price.
    BookDistance,
    /// The market closes too soon for an entry.
    CloseLeft,
    /// Too many shares in one order.
    OrderSize,
    /// Too much cash in one order.
    OrderNotional,
    /// Too much would be at risk in this market.
    MarketExposure,
    /// Too much would be at risk in the markets of this event.
    EventExposure,
    /// Too much would be at risk in the markets on this underlying.
    SymbolExposure,
    /// Too much would be at risk in all markets of this strategy.
    StrategyExposure,
    /// Too many orders in too short a time.
    Throttle,
}

impl Rule {
    /// How many rules there are.
    pub const COUNT: usize = 24;

    /// Every rule, in the order in which they are asked.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Gate,
        Self::LossStreak,
        Self::RejectStreak,
        Self::FailureStreak,
        Self::Drawdown,
        Self::DailyLoss,
        Self::Trial,
        Self::UnknownMarket,
        Self::PriceGrid,
        Self::VenueMinimum,
        Self::Holdings,
        Self::OneOrderPerLeg,
        Self::OpenOrders,
        Self::PriceBand,
        Self::StaleBook,
        Self::BookDistance,
        Self::CloseLeft,
        Self::OrderSize,
        Self::OrderNotional,
        Self::MarketExposure,
        Self::EventExposure,
        Self::SymbolExposure,
        Self::StrategyExposure,
        Self::Throttle,
    ];

    /// Tells whether an order of this purpose is asked by this rule.
    #[must_use]
    pub const fn binds(self, purpose: Purpose) -> bool {
        match self {
            Self::Gate | Self::UnknownMarket | Self::PriceGrid | Self::VenueMinimum => true,
            Self::Holdings | Self::OneOrderPerLeg | Self::Throttle => true,
            Self::LossStreak | Self::Drawdown | Self::DailyLoss | Self::Trial => {
                !purpose.is_protective()
            }
            Self::RejectStreak | Self::FailureStreak => !purpose.is_protective(),
            Self::EventExposure | Self::SymbolExposure | Self::OpenOrders => {
                !purpose.is_protective()
            }
            Self::PriceBand | Self::StaleBook | Self::BookDistance => !purpose.is_protective(),
            Self::CloseLeft | Self::OrderSize | Self::OrderNotional => !purpose.is_protective(),
            // An exit may break pairs.
            Self::MarketExposure | Self::StrategyExposure => !matches!(purpose, Purpose::Hedge),
        }
    }

    /// Tells whether it counts what went wrong in a row, and lets entries try again after a cooldown.
    pub(super) const fn is_streak(self) -> bool {
        matches!(self, Self::LossStreak | Self::RejectStreak | Self::FailureStreak)
    }

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::LossStreak => "loss_streak",
            Self::RejectStreak => "reject_streak",
            Self::FailureStreak => "failure_streak",
            Self::Drawdown => "drawdown",
            Self::DailyLoss => "daily_loss",
            Self::Trial => "trial",
            Self::UnknownMarket => "unknown_market",
            Self::PriceGrid => "price_grid",
            Self::VenueMinimum => "venue_minimum",
            Self::Holdings => "holdings",
            Self::OneOrderPerLeg => "one_order_per_leg",
            Self::OpenOrders => "open_orders",
            Self::PriceBand => "price_band",
            Self::StaleBook => "stale_book",
            Self::BookDistance => "book_distance",
            Self::CloseLeft => "close_left",
            Self::OrderSize => "order_size",
            Self::OrderNotional => "order_notional",
            Self::MarketExposure => "market_exposure",
            Self::EventExposure => "event_exposure",
            Self::SymbolExposure => "symbol_exposure",
            Self::StrategyExposure => "strategy_exposure",
            Self::Throttle => "throttle",
        }
    }
}
