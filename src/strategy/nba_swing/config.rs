//! The settings of `nba_swing`, as its file states them.

use std::time::Duration;

use crate::numbers::Frac;
use crate::price::{Price, Usdc};

use super::teams::TeamCodes;

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Markets whose slug begins with this are watched.
    pub market_prefix: String,
    /// The table that tells which codes mean the same team.
    pub team_codes: TeamCodes,
    /// What a position may cost at its limit, in USDC.
    pub position_max_usdc: Usdc,
    /// The weights of the model.
    pub coefficients: Coefficients,
    /// Where these weights come from.
    pub training: Training,
    /// In which condition a market must be for an entry.
    pub filters: Filters,
    /// When an entry is worth its price.
    pub entry: Entry,
    /// When a position is sold.
    pub exit: Exit,
    /// The age past which the state of a game is not decided on.
    pub game_age_max: Duration,
    /// The age past which a book is not decided on.
    pub book_age_max: Duration,
    /// How long a market rests after a round before it is entered again.
    pub reset_after: Duration,
    /// The wait after a failed exit before the next try; doubled each time, up to 30 s.
    pub exit_retry: Duration,
}

/// The weights of the win probability's logit, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coefficients {
    /// A point of the lead.
    pub lead: i64,
    /// A minute left in the game.
    pub minute: i64,
    /// Having the ball.
    pub ball: i64,
    /// A point of the spread before the game.
    pub spread: i64,
    /// A point of the difference of the ratings.
    pub elo: i64,
    /// The second quarter.
    pub second_quarter: i64,
    /// The third quarter.
    pub third_quarter: i64,
    /// The fourth quarter.
    pub fourth_quarter: i64,
    /// A point of the lead times a minute left. Its sign is doubtful.
    pub lead_minute: i64,
    /// A point of the lead in the fourth quarter, beside that of any.
    pub fourth_quarter_lead: i64,
}

/// Where the weights come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Training {
    /// Nobody fitted them to games: placeholders.
    Untrained,
    /// They were fitted.
    Fitted {
        /// The file that tells how, by its name; it is not read.
        file: String,
    },
}

/// The filters of a market's condition. All are asked; exactly the limit passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters {
    /// How far the best ask may be above the best bid, in USDC.
    pub spread_max_usdc: Usdc,
    /// The same as a fraction of the middle between them.
    pub spread_frac_max: Frac,
    /// What both sides of the book together must be worth, in USDC.
    pub depth_min_usdc: Usdc,
    /// What the best bid and the best ask together must be worth, in USDC.
    pub best_depth_min_usdc: Usdc,
    /// How fast the middle may move, in USDC a second.
    pub velocity_max_usdc: Usdc,
    /// The time over which that is measured.
    pub velocity_window: Duration,
    /// How far the book may be behind the newest event of its market.
    pub lag_max: Duration,
    /// How old the quote may be.
    pub quote_age_max: Duration,
    /// How many trades in a row may have gone the same way.
    pub same_side_max: u64,
    /// How many trades there should be; fewer only warn.
    pub trades_min: u64,
    /// The time over which trades are looked at.
    pub trades_window: Duration,
    /// How much one side of the book may outweigh the other, as a fraction of both.
    pub imbalance_frac_max: Frac,
}

/// The rules of an entry. Exactly the limit passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The lowest ask that is bought.
    pub price_min: Price,
    /// The highest ask that is bought.
    pub price_max: Price,
    /// By how much the probability must be above the ask, in USDC a share.
    pub edge_min_usdc: Usdc,
    /// How sure the model must be.
    pub confidence_min: Frac,
    /// What fees are taken for at least, as a fraction of the price; the market's own where they are dearer.
    pub fee_frac: Frac,
    /// What is taken for slippage, in USDC a share.
    pub slippage_usdc: Usdc,
    /// What must be expected after both, in USDC a share.
    pub ev_min_usdc: Usdc,
}

/// The rules of an exit, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The edge below which all is sold, in USDC a share.
    pub edge_min_usdc: Usdc,
    /// How that is sold.
    pub edge_urgency: Urgency,
    /// How many times the position's worth the book must be worth; below it all is sold.
    pub liquidity_min: Frac,
    /// How that is sold.
    pub liquidity_urgency: Urgency,
    /// By what fraction the price may fall from its peak; further, all is sold.
    pub trailing_stop_frac: Frac,
    /// How that is sold.
    pub trailing_urgency: Urgency,
    /// The edge below which a gain is taken with half of the position, in USDC a share.
    pub partial_edge_max_usdc: Usdc,
    /// That only while more than this fraction of what was bought is held.
    pub partial_held_frac: Frac,
    /// How that is sold.
    pub partial_urgency: Urgency,
    /// The time left in the fourth quarter below which all is sold that has not gained enough.
    pub time_stop: Duration,
    /// What is enough, as a fraction of the entry price.
    pub time_stop_gain_frac: Frac,
    /// How that is sold.
    pub time_urgency: Urgency,
}

/// How badly something is to be sold: the limit of the order. Every order takes what it finds at once (FAK):
/// nothing rests, so that a more urgent exit never waits for one less urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At the ask: only a book that has risen meanwhile gives that.
    Low,
    /// At the bid.
    Medium,
    /// Down to two steps below the bid.
    High,
    /// At any price: down to one step above zero.
    Critical,
}

impl Coefficients {
    /// The placeholders that nobody fitted to games.
    pub const UNTRAINED: Self = Self {
        lead: 150_000,
        minute: -20_000,
        ball: 50_000,
        spread: 30_000,
        elo: 1_000,
        second_quarter: 0,
        third_quarter: 0,
        fourth_quarter: 100_000,
        lead_minute: 5_000,
        fourth_quarter_lead: 20_000,
    };
}

impl Training {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Untrained => "untrained",
            Self::Fitted { .. } => "fitted",
        }
    }
}

impl Urgency {
    /// Every urgency, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
