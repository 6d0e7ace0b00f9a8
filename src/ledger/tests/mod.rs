//! The rules of the ledger, one by one.

mod properties;
mod reference;

use super::*;
use crate::market::{Outcome, Side};
use crate::order::Liquidity;
use crate::position::Portfolio;
use crate::price::Size;
use crate::time::Timestamp;

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn size(text: &str) -> Size {
    text.parse().unwrap()
}

fn market(number: u8) -> ConditionId {
    ConditionId::from_bytes([number + 1; 32])
}

fn order(strategy: &str, number: u64) -> ClientOrderId {
    ClientOrderId { strategy: strategy.parse().unwrap(), number }
}

/// Ten shares of yes at 0.4.
fn terms(strategy: &str, number: u64, side: Side) -> Terms {
    Terms {
        order: order(strategy, number),
        market: market(0),
        outcome: Outcome::Yes,
        side,
        limit: "0.4".parse().unwrap(),
        size: size("10"),
        fee: Usdc::ZERO,
    }
}

/// A fill of all of it at its limit.
fn fill_of(terms: &Terms, number: u32) -> Fill {
    Fill {
        number,
        order: terms.order.clone(),
        market: terms.market,
        outcome: terms.outcome,
        side: terms.side,
        price: terms.limit,
        size: terms.size,
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at: Timestamp::default(),
    }
}

fn strategy(name: &str) -> Owner {
    Owner::Strategy(name.parse().unwrap())
}

/// A ledger to which things are told, one after the other.
#[derive(Default)]
struct Told(Ledger);

impl Told {
    fn recorded(&mut self, terms: &Terms) -> Result<Booked, LedgerError> {
        self.book(&Event::Recorded(terms.clone()))
    }

    fn fill(&mut self, fill: &Fill, stage: Stage) -> Result<Booked, LedgerError> {
        self.book(&Event::Filled { fill: fill.clone(), stage })
    }

    fn settle(&mut self, settlement: Settlement) -> Result<Booked, LedgerError> {
        self.book(&Event::Settled { owner: strategy("a"), market: market(0), settlement })
    }

    /// Whatever is told, and whether it is taken or refused, everything adds up.
    fn book(&mut self, event: &Event) -> Result<Booked, LedgerError> {
        let booked = self.0.book(event);
        assert_eq!(self.0.audit(), Ok(()));
        assert!(self.0.sums().values().all(|sum| *sum == 0));
        booked
    }

    fn account(&self) -> Account {
        self.0.account(&strategy("a")).unwrap_or_default()
    }

    fn holding(&self, outcome: Outcome) -> Holding {
        self.0.holding(&strategy("a"), market(0), outcome)
    }

    fn yes(&self) -> Holding {
        self.holding(Outcome::Yes)
    }

    fn findings(&self) -> Vec<String> {
        self.0.findings().map(|finding| finding.to_string()).collect()
    }
}

#[test]
fn an_order_reserves_what_it_may_take_and_its_end_frees_the_rest() {
    let mut told = Told::default();
    let buy = Terms { fee: usdc("0.2"), ..terms("a", 1, Side::Buy) };
    assert_eq!(told.recorded(&buy), Ok(Booked::Once));
    assert_eq!(told.recorded(&buy), Ok(Booked::Duplicate));
    let Account { cash, reserved, .. } = told.account();
    assert_eq!((cash, reserved), (usdc("-4.2"), usdc("4.2")));
    assert_eq!(told.yes().pending, size("10"));
    let part = Fill { size: size("5"), ..fill_of(&buy, 1) };
    told.fill(&part, Stage::Confirmed).unwrap();
    let Account { cash, reserved, .. } = told.account();
    assert_eq!((cash, reserved), (usdc("-4.1"), usdc("2.1")));
    assert_eq!((told.yes().pending, told.yes().sellable), (size("5"), size("5")));
    let over = Event::Over { order: buy.order.clone() };
    assert_eq!((told.book(&over), told.book(&over)), (Ok(Booked::Once), Ok(Booked::Duplicate)));
    let Account { cash, reserved, .. } = told.account();
    assert_eq!((cash, reserved, told.yes().pending), (usdc("-2"), Usdc::ZERO, Size::ZERO));
}

#[test]
fn a_sell_offers_shares_that_nobody_can_sell_twice() {
    let mut told = Told::default();
    told.fill_whole(1, Side::Buy, "0.4");
    told.recorded(&Terms { size: size("6"), ..terms("a", 2, Side::Sell) }).unwrap();
    let Holding { sellable, offered, owned, .. } = told.yes();
    assert_eq!((sellable, offered, owned), (size("4"), size("6"), size("10")));
    told.book(&Event::Over { order: order("a", 2) }).unwrap();
    assert_eq!((told.yes().sellable, told.yes().offered), (size("10"), Size::ZERO));
}

impl Told {
    /// Records an order for ten shares of yes and fills it whole.
    fn fill_whole(&mut self, number: u64, side: Side, price: &str) -> Fill {
        let terms = Terms { limit: price.parse().unwrap(), ..terms("a", number, side) };
        self.recorded(&terms).unwrap();
        let fill = fill_of(&terms, 1);
        assert_eq!(self.fill(&fill, Stage::Confirmed), Ok(Booked::Once));
        fill
    }
}

#[test]
fn a_fill_is_provisional_until_it_is_confirmed() {
    let mut told = Told::default();
    let buy = terms("a", 1, Side::Buy);
    told.recorded(&buy).unwrap();
    let fill = fill_of(&buy, 1);
    assert_eq!(told.fill(&fill, Stage::Matched), Ok(Booked::Once));
    assert_eq!((told.yes().provisional, told.yes().sellable), (size("10"), Size::ZERO));
    assert_eq!(told.fill(&fill, Stage::Confirmed), Ok(Booked::Once));
    assert_eq!((told.yes().provisional, told.yes().sellable), (Size::ZERO, size("10")));
    assert_eq!(told.fill(&fill, Stage::Matched), Ok(Booked::Duplicate));
    let late = Fill { at: Timestamp::from_millis(7), ..fill.clone() };
    assert_eq!(told.fill(&late, Stage::Confirmed), Ok(Booked::Duplicate));
    let failed = told.fill(&fill, Stage::Failed).unwrap_err();
    assert_eq!(
        failed.to_string(),
        "fill 1 of order a:1 is said to have failed after it was confirmed"
    );
    assert_eq!(told.yes().sellable, size("10"));
}

#[test]
fn a_fill_that_failed_is_as_though_it_never_was() {
    let mut told = Told::default();
    told.fill_whole(1, Side::Buy, "0.2");
    let buy = terms("a", 2, Side::Buy);
    told.recorded(&buy).unwrap();
    let before = (told.account(), told.yes());
    let fill = fill_of(&buy, 1);
    told.fill(&fill, Stage::Matched).unwrap();
    assert_eq!(told.yes().average(), usdc("0.3"));
    assert_eq!(told.fill(&fill, Stage::Failed), Ok(Booked::Once));
    assert_eq!((told.account(), told.yes()), before);
    assert_eq!(told.fill(&fill, Stage::Matched), Ok(Booked::Duplicate));
    let confirmed = told.fill(&fill, Stage::Confirmed).unwrap_err();
    assert_eq!(
        confirmed.to_string(),
        "fill 1 of order a:2 is said to be confirmed after it failed"
    );
}

#[test]
fn shares_sold_before_a_purchase_failed_are_shown_as_oversold() {
    let mut told = Told::default();
    let buy = terms("a", 1, Side::Buy);
    told.recorded(&buy).unwrap();
    told.fill(&fill_of(&buy, 1), Stage::Matched).unwrap();
    told.fill_whole(2, Side::Sell, "0.5");
    assert_eq!((told.account().realised, told.findings()), (usdc("1"), vec![]));
    assert_eq!(told.fill(&fill_of(&buy, 1), Stage::Failed), Ok(Booked::Waiting));
    let [finding] = told.findings().try_into().unwrap();
    let of = market(0);
    assert_eq!(
        finding,
        format!("1 sales or merges of {of} by a wait: they give away more than is owned")
    );
    // The next purchase puts it right.
    told.fill_whole(3, Side::Buy, "0.3");
    assert_eq!((told.account().realised, told.findings()), (usdc("2"), vec![]));
}

#[test]
fn a_fill_of_nobodys_order_is_nobodys_until_the_order_is_known() {
    let mut told = Told::default();
    let buy = terms("a", 1, Side::Buy);
    assert_eq!(told.fill(&fill_of(&buy, 1), Stage::Confirmed), Ok(Booked::Unattributed));
    assert_eq!(told.0.account(&Owner::Unattributed).unwrap().cash, usdc("-4"));
    assert_eq!(
        told.findings(),
        ["1 fills of order a:1 belong to nobody: no such order was recorded"]
    );
    assert_eq!(told.account(), Account::default());
    told.recorded(&buy).unwrap();
    assert_eq!((told.account().cash, told.findings()), (usdc("-4"), vec![]));
    assert_eq!(told.0.account(&Owner::Unattributed), Some(Account::default()));
}

#[test]
fn what_contradicts_is_refused_and_changes_nothing() {
    let mut told = Told::default();
    let fill = told.fill_whole(1, Side::Buy, "0.4");
    let before = told.0.clone();
    let contradicts = |told: &mut Told, event: &Event, what: &str| {
        let error = told.book(event).unwrap_err();
        assert_eq!(error.to_string(), format!("{what} was told before with another content"));
    };
    let other = Terms { size: size("11"), ..terms("a", 1, Side::Buy) };
    contradicts(&mut told, &Event::Recorded(other), "order a:1");
    for changed in [
        Fill { size: size("9"), ..fill.clone() },
        Fill { price: "0.3".parse().unwrap(), ..fill.clone() },
        Fill { fee: usdc("1"), ..fill.clone() },
        Fill { side: Side::Sell, ..fill.clone() },
        Fill { outcome: Outcome::No, ..fill.clone() },
    ] {
        let event = Event::Filled { fill: changed, stage: Stage::Confirmed };
        contradicts(&mut told, &event, "fill 1 of order a:1");
    }
    assert_eq!(told.0, before);
}

#[test]
fn an_order_filled_beyond_its_size_is_shown() {
    let mut told = Told::default();
    let fill = told.fill_whole(1, Side::Buy, "0.4");
    told.fill(&Fill { number: 2, ..fill }, Stage::Confirmed).unwrap();
    assert_eq!(told.findings(), ["order a:1 asked for 10 shares, 20 were filled"]);
    assert_eq!(told.yes().owned, size("20"));
}

#[test]
fn a_settlement_pays_what_the_outcome_pays_also_for_a_fill_that_is_told_late() {
    for (settlement, cash, realised) in [
        (Settlement::Paid([usdc("1"), Usdc::ZERO]), "6", "6"),
        (Settlement::Paid([Usdc::ZERO, usdc("1")]), "-4", "-4"),
        (Settlement::Paid([usdc("0.5"); 2]), "1", "1"),
        (Settlement::Void, "0", "0"),
    ] {
        let mut told = Told::default();
        told.fill_whole(1, Side::Buy, "0.4");
        assert_eq!(told.settle(settlement), Ok(Booked::Once));
        assert_eq!(told.settle(settlement), Ok(Booked::Duplicate));
        let Account { cash: got, realised: made, cost, .. } = told.account();
        assert_eq!((got, made, cost), (usdc(cash), usdc(realised), Usdc::ZERO));
        assert_eq!(told.yes().owned, Size::ZERO);
        let before = told.account();
        told.fill_whole(2, Side::Buy, "0.4");
        let late = told.account();
        assert_eq!(late.realised, before.realised + before.realised);
    }
}

#[test]
fn a_share_pays_nothing_below_zero_and_at_most_one() {
    let mut told = Told::default();
    let wrong = told.settle(Settlement::Paid([usdc("1.1"), Usdc::ZERO])).unwrap_err();
    assert!(wrong.to_string().ends_with("cannot pay 1.1 USDC: 0 to 1 are expected"), "{wrong}");
    told.settle(Settlement::Void).unwrap();
    let other = told.settle(Settlement::Paid([Usdc::ZERO; 2])).unwrap_err();
    assert!(matches!(other, LedgerError::Contradiction(_)));
}

#[test]
fn pairs_are_split_held_locked_and_merged() {
    let mut told = Told::default();
    let pairs = |is_split: bool, name: &str, pairs: &str| {
        let (owner, market, reference) = (strategy("a"), market(0), name.into());
        match is_split {
            true => Event::Split { owner, market, reference, size: size(pairs) },
            false => Event::Merge { owner, market, reference, size: size(pairs) },
        }
    };
    told.book(&pairs(true, "s", "5")).unwrap();
    let (yes, no) = (told.yes(), told.holding(Outcome::No));
    assert_eq!((yes.locked, no.locked), (size("5"), size("5")));
    assert_eq!((yes.cost, no.cost), (usdc("2.5"), usdc("2.5")));
    assert_eq!(yes.unrealised(None) + no.unrealised(None), Usdc::ZERO);
    told.fill_whole(1, Side::Buy, "0.2");
    assert_eq!((told.yes().locked, told.yes().owned), (size("5"), size("15")));
    assert_eq!(told.book(&pairs(false, "m", "5")), Ok(Booked::Once));
    assert_eq!(told.book(&pairs(false, "m", "5")), Ok(Booked::Duplicate));
    // Yes cost 4.5 for 15 shares on the average: a third of it and all of no went.
    assert_eq!((told.account().realised, told.account().cash), (usdc("1"), usdc("-2")));
    assert_eq!(told.book(&pairs(false, "n", "1")), Ok(Booked::Waiting));
    assert!(told.book(&pairs(false, "m", "4")).is_err());
}

#[test]
fn fees_and_rebates_are_booked_once_each() {
    let mut told = Told::default();
    let fee = |amount| Event::Fee { owner: strategy("a"), reference: "gas-1".into(), amount };
    let rebate =
        Event::Rebate { owner: strategy("a"), reference: "day-1".into(), amount: usdc("0.5") };
    assert_eq!(told.book(&fee(usdc("0.2"))), Ok(Booked::Once));
    assert_eq!(told.book(&fee(usdc("0.2"))), Ok(Booked::Duplicate));
    assert!(told.book(&fee(usdc("0.3"))).is_err());
    assert_eq!(told.book(&rebate), Ok(Booked::Once));
    let Account { cash, realised, fees, rebates, .. } = told.account();
    assert_eq!((cash, realised), (usdc("0.3"), usdc("0.3")));
    assert_eq!((fees, rebates), (usdc("0.2"), usdc("0.5")));
}

#[test]
fn the_ledger_and_a_portfolio_book_the_same_fills_to_the_same_millionth() {
    let mut told = Told::default();
    let mut portfolio = Portfolio::default();
    for (number, side, price, shares, fee) in [
        (1, Side::Buy, "0.333333", "7.01", "0.11"),
        (2, Side::Buy, "0.71", "3.33", "0"),
        (3, Side::Sell, "0.123457", "5.55", "0.07"),
        (4, Side::Sell, "0.9", "0.01", "0"),
    ] {
        let mut fill = fill_of(&terms("a", number, side), 1);
        (fill.price, fill.size, fill.fee) = (price.parse().unwrap(), size(shares), usdc(fee));
        told.recorded(&terms("a", number, side)).unwrap();
        told.book(&Event::Over { order: order("a", number) }).unwrap();
        told.fill(&fill, Stage::Confirmed).unwrap();
        portfolio.book(&fill).unwrap();
    }
    let held = portfolio.position(market(0), Outcome::Yes);
    assert_eq!((held.size, held.cost), (told.yes().owned, told.yes().cost));
    portfolio.settle(market(0), [usdc("0.5"); 2]);
    told.settle(Settlement::Paid([usdc("0.5"); 2])).unwrap();
    let Account { cash, realised, fees, volume, .. } = told.account();
    assert_eq!((cash, realised), (portfolio.cash(), portfolio.realised()));
    assert_eq!((fees, volume), (portfolio.fees(), portfolio.volume()));
}

#[test]
fn a_sum_that_no_account_can_hold_is_refused_and_changes_nothing() {
    let mut told = Told::default();
    let most = Size::MAX;
    let buy = Terms { size: most, ..terms("a", 1, Side::Buy) };
    told.recorded(&buy).unwrap();
    told.fill(&fill_of(&buy, 1), Stage::Confirmed).unwrap();
    let before = (told.account(), told.yes());
    let more = Terms { order: order("a", 2), ..buy };
    assert_eq!(told.recorded(&more), Err(LedgerError::Overflow(strategy("a"))));
    assert_eq!((told.account(), told.yes()), before);
    let fee = Event::Fee { owner: strategy("a"), reference: "f".into(), amount: Usdc::MAX };
    assert_eq!(told.book(&fee), Err(LedgerError::Overflow(strategy("a"))));
    assert_eq!((told.account(), told.yes()), before);
}

#[test]
fn a_written_ledger_that_was_changed_is_refused() {
    let mut told = Told::default();
    told.fill_whole(1, Side::Buy, "0.4");
    let written = serde_json::to_string(&told.0).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&written).unwrap(), told.0);
    let numbers: std::collections::BTreeSet<&str> = written
        .split(|c: char| !c.is_ascii_digit() && c != '-')
        .filter(|number| number.parse::<i64>().is_ok_and(|number| number.abs() > 1))
        .collect();
    assert!(numbers.len() > 3, "{numbers:?}");
    for number in numbers {
        let places = written.match_indices(&format!(":{number}")).count();
        for place in 0..places {
            for other in ["3", "-9223372036854775808", "9223372036854775807"] {
                let (at, found) = written.match_indices(&format!(":{number}")).nth(place).unwrap();
                if written[..at].ends_with("\"postings\"") || written[..at].ends_with("\"touched\"")
                {
                    continue; // which journal was changed last: no account
                }
                let changed = format!("{}:{other}{}", &written[..at], &written[at + found.len()..]);
                let read = serde_json::from_str::<Ledger>(&changed);
                assert!(read.is_err(), "{changed}");
            }
        }
    }
}

#[test]
fn journals_of_the_past_are_put_away_and_what_they_came_to_stays() {
    let mut told = Told::default();
    told.fill_whole(1, Side::Buy, "0.4");
    told.book(&Event::Over { order: order("a", 1) }).unwrap();
    told.0.put_away(0).unwrap();
    assert_eq!(told.0.journals(), 1, "shares are held");
    told.settle(Settlement::Paid([usdc("1"), Usdc::ZERO])).unwrap();
    let before = told.account();
    told.0.put_away(1).unwrap();
    assert_eq!(told.0.journals(), 1, "so many may be kept");
    told.0.put_away(0).unwrap();
    assert_eq!((told.0.journals(), told.account()), (0, before));
    assert_eq!(told.0.audit(), Ok(()));
    let again = fill_of(&terms("a", 1, Side::Buy), 1);
    assert_eq!(told.fill(&again, Stage::Confirmed), Ok(Booked::Unattributed));
}
