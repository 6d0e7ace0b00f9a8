//! What the account has lost, since the day began and from its peak, and which limits hold back all entries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::market::ConditionId;
use crate::price::Usdc;
use crate::time::Timestamp;

use super::limits::{AccountLimits, AccountRule, AccountTrip, AccountTurn, AccountUse};
use super::worth::Trust;
use super::{AccountGuard, holds_all};
use crate::risk::throttle::Level;

/// Where the account stands beside its orders and holdings, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountStanding {
    watched: Watched,
    sent: Level,
    cancelled: Level,
}

/// What must be remembered to tell what was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watched {
    #[serde(deserialize_with = "Option::deserialize")]
    day: Option<Day>,
    #[serde(deserialize_with = "crate::position::moderate")]
    peak: Usdc,
    /// The drawdown at the last release: only what is lost beyond it counts.
    #[serde(deserialize_with = "crate::position::moderate")]
    forgiven: Usdc,
    tripped: BTreeMap<AccountRule, AccountTrip>,
}

/// A day: what the equity was when it began, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    #[serde(deserialize_with = "crate::position::moderate")]
    equity: Usdc,
    ends: Timestamp,
}

impl AccountGuard {
    /// Returns what all strategies have made, held shares at the bids told last, from a start of zero.
    #[must_use]
    pub fn equity(&self) -> Usdc {
        self.portfolio.cash() + self.marks.worth(&self.portfolio, Trust::Known)
    }

    /// Returns where it stands beside its orders and holdings.
    #[must_use]
    pub fn standing(&self) -> AccountStanding {
        AccountStanding {
            watched: self.watched.clone(),
            sent: self.sent.level(),
            cancelled: self.cancelled.level(),
        }
    }

    /// Takes over where the guard of an earlier process stood, after it was told of orders, fills and settlements.
    pub fn stand(&mut self, standing: AccountStanding) {
        let AccountStanding { watched, sent, cancelled } = standing;
        self.watched = watched;
        self.sent.go_on(sent);
        self.cancelled.go_on(cancelled);
        self.turns.clear();
    }

    /// Returns the equity without what no young bid says, which is what entries are judged by.
    pub(super) fn floor(&self, at: Timestamp) -> Usdc {
        let since = Trust::Since(at - self.limits.mark_age_max);
        let floor = self.portfolio.cash() + self.marks.worth(&self.portfolio, since);
        floor.min(self.equity())
    }

    /// Returns what was lost with this equity, beside both limits.
    pub(super) fn lost(&self, equity: Usdc) -> [AccountUse; 2] {
        let limits = &self.limits;
        let (today, fall) = (self.watched.today(equity), self.watched.fall(equity));
        [
            AccountUse::cash(AccountRule::DailyLoss, today, limits.day.loss_max_usdc),
            AccountUse::cash(AccountRule::Drawdown, fall, limits.drawdown_max_usdc),
        ]
    }

    /// Takes in that something is worth more or less than before.
    pub(super) fn revalue(&mut self, market: ConditionId) {
        if self.portfolio.is_held(market) {
            self.watch_losses();
        }
    }

    /// Takes in that what is held or open has changed: looks at every limit that holds back all entries.
    pub(super) fn watch(&mut self) {
        self.watch_losses();
        let stake = self.stake(None);
        for staked in self.staked(&stake).into_iter().filter(|staked| holds_all(staked.rule)) {
            if staked.is_passed() {
                self.watched.trip(staked, self.now, &mut self.turns);
            } else {
                self.watched.let_go(staked.rule, self.now, &mut self.turns);
            }
        }
    }

    fn watch_losses(&mut self) {
        let equity = self.equity();
        self.watched.peak = self.watched.peak.max(equity);
        // A fall that is made good owes nothing for the falls to come.
        let owed = (self.watched.peak - equity).max(Usdc::ZERO);
        self.watched.forgiven = self.watched.forgiven.min(owed);
        for lost in self.lost(equity) {
            if lost.limit_is_reached() {
                self.watched.trip(lost, self.now, &mut self.turns);
            }
        }
    }
}

impl Watched {
    /// Tells whether another day has begun, or none was begun yet.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.day.is_none_or(|day| day.ends <= now)
    }

    /// Begins another day, which lets go of what was lost in the last.
    pub(super) fn begin_day(
        &mut self,
        equity: Usdc,
        limits: &AccountLimits,
        now: Timestamp,
        turns: &mut Vec<AccountTurn>,
    ) {
        self.day = Some(Day { equity, ends: limits.day.next(now) });
        self.let_go(AccountRule::DailyLoss, now, turns);
    }

    /// Lets go of what was lost: what is lost from now on counts.
    pub(super) fn release(&mut self, equity: Usdc, now: Timestamp, turns: &mut Vec<AccountTurn>) {
        self.forgiven = (self.peak - equity).max(Usdc::ZERO);
        self.day = self.day.map(|day| Day { equity, ..day });
        self.let_go(AccountRule::DailyLoss, now, turns);
        self.let_go(AccountRule::Drawdown, now, turns);
    }

    /// Returns every limit that holds back all entries.
    pub(super) fn tripped(&self) -> impl Iterator<Item = (AccountRule, AccountTrip)> + '_ {
        self.tripped.iter().map(|(rule, trip)| (*rule, *trip))
    }

    fn trip(&mut self, reached: AccountUse, at: Timestamp, turns: &mut Vec<AccountTurn>) {
        let AccountUse { rule, used, limit } = reached;
        if let std::collections::btree_map::Entry::Vacant(free) = self.tripped.entry(rule) {
            let trip = *free.insert(AccountTrip { used, limit, at });
            turns.push(AccountTurn::Tripped(rule, trip));
        }
    }

    fn let_go(&mut self, rule: AccountRule, at: Timestamp, turns: &mut Vec<AccountTurn>) {
        if self.tripped.remove(&rule).is_some() {
            turns.push(AccountTurn::Released(rule, at));
        }
    }

    fn today(&self, equity: Usdc) -> Usdc {
        self.day.map_or(Usdc::ZERO, |day| day.equity - equity)
    }

    /// Returns how far the equity is below its peak, without what was forgiven.
    fn fall(&self, equity: Usdc) -> Usdc {
        (self.peak - equity - self.forgiven).max(Usdc::ZERO)
    }
}
