//! The rounds in one market, from its fills and settlements in the order they were booked.

use ploy::market::Side;
use ploy::price::{Size, Usdc};
use ploy::time::Timestamp;

use crate::ports::why::{Round, RoundEnd, Trade};

/// How many orders of a round are told.
const TRADES_TOLD: usize = 1000;

/// One thing that was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Booked {
    /// A fill of an order.
    Fill(Trade),
    /// The settlement of the market, which ends a round.
    Settled(RoundEnd),
}

/// Returns the round that an order was part of, of all that was booked in its market. An order that was filled
/// across the end of a round counts to the one it began in.
pub(super) fn of(number: u64, booked: impl IntoIterator<Item = Booked>) -> Option<Round> {
    let mut round = Round { trades: Vec::new(), held: [Size::ZERO; 2], end: None };
    let mut cash = Usdc::ZERO;
    let mut is_ours = false;
    for booked in booked {
        if round.end.is_some() {
            round = Round { trades: Vec::new(), held: [Size::ZERO; 2], end: None };
            cash = Usdc::ZERO;
        }
        match booked {
            Booked::Fill(trade) => {
                is_ours |= trade.order == number;
                cash += trade.cash_usdc;
                let held = trade.outcome.of_mut(&mut round.held);
                match trade.side {
                    Side::Buy => *held += trade.size,
                    Side::Sell => *held = held.saturating_sub(trade.size),
                }
                let at = trade.at;
                add(&mut round.trades, trade);
                if round.held.iter().all(|size| size.is_zero()) {
                    round.end = Some(sold(at, cash));
                }
            }
            Booked::Settled(end) => round.end = Some(end),
        }
        if is_ours && round.end.is_some() {
            return Some(round);
        }
    }
    is_ours.then_some(round)
}

/// Fills of one order that follow each other are one trade.
fn add(trades: &mut Vec<Trade>, trade: Trade) {
    let told = trades.len();
    match trades.last_mut() {
        Some(last) if last.order == trade.order => {
            last.size += trade.size;
            last.cash_usdc += trade.cash_usdc;
        }
        Some(_) | None if told < TRADES_TOLD => trades.push(trade),
        Some(_) | None => {}
    }
}

const fn sold(at: Timestamp, cash: Usdc) -> RoundEnd {
    RoundEnd { at, payouts_usdc: None, amount_usdc: Usdc::ZERO, profit_usdc: cash }
}

#[cfg(test)]
mod tests {
    use ploy::market::Outcome;

    use super::*;

    /// Reads `1 buy 10 yes for 3.4` as a fill, and `settled 10, made 0.2` as a settlement.
    fn booked(text: &str) -> Booked {
        let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        if let ["settled", amount, "made", profit] = words[..] {
            let payouts = ["1", "0"].map(|pays| pays.parse().unwrap());
            return Booked::Settled(RoundEnd {
                at: Timestamp::from_millis(9),
                payouts_usdc: Some(payouts),
                amount_usdc: amount.parse().unwrap(),
                profit_usdc: profit.parse().unwrap(),
            });
        }
        let [order, side, size, outcome, "for", cash] = words[..] else { panic!("{text}") };
        let cash: Usdc = cash.parse().unwrap();
        let is_buy = side == "buy";
        Booked::Fill(Trade {
            order: order.parse().unwrap(),
            purpose: "entry".to_owned(),
            side: if is_buy { Side::Buy } else { Side::Sell },
            outcome: if outcome == "yes" { Outcome::Yes } else { Outcome::No },
            at: Timestamp::from_millis(1),
            size: size.parse().unwrap(),
            cash_usdc: if is_buy { -cash } else { cash },
        })
    }

    /// Tells the round of an order: its orders with their shares, what is held, how it ended.
    fn check(number: u64, texts: &[&str], expected: &str) {
        let round = of(number, texts.iter().map(|text| booked(text)));
        let text = round.map_or("none".to_owned(), |round| {
            let trades = round.trades.iter();
            let trades: Vec<String> =
                trades.map(|trade| format!("{}x{}", trade.order, trade.size)).collect();
            let end = round.end.map_or("open".to_owned(), |end| {
                let how = if end.payouts_usdc.is_some() { "settled" } else { "sold" };
                format!("{how} {}", end.profit_usdc)
            });
            format!("{} held {} {}, {end}", trades.join(" "), round.held[0], round.held[1])
        });
        assert_eq!(text, expected, "{number} of {texts:?}");
    }

    #[test]
    fn a_round_lasts_until_nothing_is_held_any_more() {
        let sold = ["1 buy 6 yes for 2", "1 buy 4 yes for 1.5", "2 sell 10 yes for 3"];
        check(1, &sold, "1x10 2x10 held 0 0, sold -0.5");
        check(2, &sold, "1x10 2x10 held 0 0, sold -0.5");
        check(1, &sold[..2], "1x10 held 10 0, open");
        let paired = ["1 buy 10 yes for 3", "2 buy 10 no for 6", "settled 10, made 1"];
        check(1, &paired, "1x10 2x10 held 10 10, settled 1");
        check(3, &paired, "none");
        check(1, &[], "none");
    }

    #[test]
    fn the_next_round_in_the_same_market_is_another_one() {
        let all = [
            "1 buy 10 yes for 4",
            "2 sell 10 yes for 5",
            "3 buy 5 no for 1",
            "settled 0, made -1",
            "4 buy 7 yes for 2",
        ];
        check(2, &all, "1x10 2x10 held 0 0, sold 1");
        check(3, &all, "3x5 held 0 5, settled -1");
        check(4, &all, "4x7 held 7 0, open");
    }
}
