//! The gates of an entry: when the first leg of a pair is bought, in both styles.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::intent::Purpose;
use crate::market::{ConditionId, Outcome};
use crate::numbers::Numbers;
use crate::price::{Price, Usdc};
use crate::strategy::Look;

use super::{Leg, Sight, Style, end};

/// What both outcomes can be bought for, the cheaper one first; yes on ties.
#[derive(Clone, Copy, Debug)]
struct Asks {
    outcome: Outcome,
    ask: Price,
    other_ask: Price,
}

/// Looks at a market without a leg: buys the cheaper side or names the first gate that said no.
pub(super) fn look(sight: &Sight<'_>, legs: &BTreeMap<ConditionId, Leg>) -> Look {
    end(decide(sight, legs))
}

fn decide(sight: &Sight<'_>, legs: &BTreeMap<ConditionId, Leg>) -> ControlFlow<Look, Look> {
    in_hours(sight)?;
    let asks = asks(sight)?;
    sight.nothing_pending()?;
    has_room(sight, legs)?;
    let numbers = match sight.config.style {
        Style::Legged => legged(sight, asks)?,
        Style::Simultaneous => simultaneous(sight, asks)?,
    };
    sight.unspent(asks.outcome, asks.ask)?;
    let size = sight.config.size.floor_to_cents();
    ControlFlow::Continue(sight.order(Purpose::Entry, (asks.outcome, size), asks.ask, numbers))
}

/// Goes on between the market's opening and the time when a leg would have to be sold at once.
fn in_hours(sight: &Sight<'_>) -> ControlFlow<Look> {
    let market = &sight.state.market;
    if sight.now < market.opens_at {
        let numbers = Numbers::none().with("opens_in", market.opens_at.since(sight.now));
        return ControlFlow::Break(sight.no(Reason::NotOpen, numbers));
    }
    let (left, least) = (sight.left(), sight.config.exit_before_close);
    if left < least || market.closes_at <= sight.now {
        let numbers = Numbers::none().with("left", left).with("exit_before_close", least);
        return ControlFlow::Break(sight.no(Reason::NearClose, numbers));
    }
    ControlFlow::Continue(())
}

/// Returns both asks, where both books have one, are fresh and not crossed, and show the same moment.
fn asks(sight: &Sight<'_>) -> ControlFlow<Look, Asks> {
    let (yes, no) = (sight.fresh(Outcome::Yes)?, sight.fresh(Outcome::No)?);
    let ask = |book: &OrderBook| book.best_ask().map(|level| level.price);
    let (Some(yes_ask), Some(no_ask)) = (ask(yes), ask(no)) else {
        let numbers = [("yes_ask", ask(yes)), ("no_ask", ask(no))]
            .into_iter()
            .filter_map(|(name, ask)| ask.map(|ask| (name, ask)))
            .fold(Numbers::none(), |numbers, (name, ask)| numbers.with(name, ask));
        return ControlFlow::Break(sight.no(Reason::OneSidedBook, numbers));
    };
    sight.uncrossed(yes)?;
    sight.uncrossed(no)?;
    let (skew, skew_max) =
        (yes.at().since(no.at()).max(no.at().since(yes.at())), sight.config.book_skew_max);
    if skew_max < skew {
        let numbers = Numbers::none().with("skew", skew).with("book_skew_max", skew_max);
        return ControlFlow::Break(sight.no(Reason::BookSkew, numbers));
    }
    ControlFlow::Continue(if yes_ask <= no_ask {
        Asks { outcome: Outcome::Yes, ask: yes_ask, other_ask: no_ask }
    } else {
        Asks { outcome: Outcome::No, ask: no_ask, other_ask: yes_ask }
    })
}

/// Goes on while one more unhedged leg is allowed.
fn has_room(sight: &Sight<'_>, legs: &BTreeMap<ConditionId, Leg>) -> ControlFlow<Look> {
    let (unhedged, max) = (sight.unhedged(legs), sight.config.unhedged_max);
    if unhedged < max {
        return ControlFlow::Continue(());
    }
    let numbers = Numbers::none().with("unhedged", unhedged).with("unhedged_max", max);
    ControlFlow::Break(sight.no(Reason::MaxUnhedged, numbers))
}

/// Goes on when one side is cheap and a fitting hedge is within reach. Returns what was compared.
fn legged(sight: &Sight<'_>, asks: Asks) -> ControlFlow<Look, Numbers> {
    let numbers = cheap(sight, asks, Numbers::none())?;
    let reach = sight.config.target_sum_usdc - asks.ask.into() + sight.config.hedge_slack_usdc;
    let numbers = numbers.with("other_ask", asks.other_ask).with("other_ask_max", reach);
    if reach < asks.other_ask.into() {
        return ControlFlow::Break(sight.no(Reason::HedgeDistance, numbers));
    }
    ControlFlow::Continue(numbers)
}

/// Goes on when both sides together are cheap now, and still are after the fees of both. Returns what was
/// compared.
fn simultaneous(sight: &Sight<'_>, asks: Asks) -> ControlFlow<Look, Numbers> {
    let sum = Usdc::from(asks.ask) + asks.other_ask.into();
    let target = sight.config.target_sum_usdc;
    let numbers = Numbers::none().with("sum", sum).with("target_sum", target);
    if target <= sum {
        return ControlFlow::Break(sight.no(Reason::NoSignal, numbers));
    }
    let numbers = cheap(sight, asks, numbers)?;
    let fees = sight.state.market.fees;
    let fees = fees.per_share(asks.ask) + fees.per_share(asks.other_ask);
    let profit = Usdc::from(asks.ask.complement()) - asks.other_ask.into() - fees;
    let least = sight.config.profit_min_usdc;
    let numbers = numbers.with("profit", profit).with("profit_min", least);
    if profit < least {
        return ControlFlow::Break(sight.no(Reason::NoEdge, numbers));
    }
    ControlFlow::Continue(numbers)
}

/// Goes on when the cheaper side is at most as dear as an entry may be.
fn cheap(sight: &Sight<'_>, asks: Asks, numbers: Numbers) -> ControlFlow<Look, Numbers> {
    let max = sight.config.entry_price_max;
    let numbers = numbers.with("ask", asks.ask).with("entry_price_max", max);
    if max < asks.ask {
        return ControlFlow::Break(sight.no(Reason::PriceLimit, numbers));
    }
    ControlFlow::Continue(numbers)
}
