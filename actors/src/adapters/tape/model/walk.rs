//! A synthetic underlying: a seeded random walk with markets that follow each other, and nothing recorded in it.

use std::time::Duration;

use ploy::event::Symbol;
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, TickSize};
use ploy::price::Usdc;
use ploy::time::Timestamp;

use super::crypto::{Day, Round, Tick};
use super::dice::Dice;
use super::fees;

/// The underlying.
pub(super) const SYMBOL: &str = "ETH";
/// Its price at the beginning, in USD.
const FIRST_USD: i64 = 2_500;
/// The standard deviation of its price over 15 minutes, in millionths, when times are neither calm nor wild.
pub(super) const SIGMA: u32 = 3_000;
/// How calm and how wild times are, in thousandths of that.
pub(super) const TEMPER: (i64, i64) = (500, 1_800);
/// How long times stay as they are.
const TEMPER_LASTS: u64 = 600;
/// The time from tick to tick, and by how much one may come later.
const TICK: Duration = Duration::from_secs(1);
const LATE_MICROS: i64 = 400_000;
/// A market's window, and how many follow each other.
const WINDOW: Duration = Duration::from_secs(300);
pub(super) const WINDOWS: u32 = 24;
/// How long the walk goes before the first window and after the last.
const AROUND: Duration = Duration::from_secs(120);
/// How long after its close a market is settled.
const SETTLED_AFTER: Duration = Duration::from_secs(20);

/// Returns ticks and markets of two hours from the next whole five minutes two minutes after `from`.
pub(super) fn day(from: Timestamp, seed: u64) -> Day {
    let window = 300_000_000;
    let wanted = (from + AROUND).micros();
    let opens = Timestamp::from_micros((wanted + window - 1).div_euclid(window) * window);
    let closes = opens + WINDOW * WINDOWS;
    let ticks = ticks(opens - AROUND, closes + AROUND, seed);
    let rounds = (0..WINDOWS).filter_map(|n| round(opens + WINDOW * n, &ticks, seed)).collect();
    Day { symbol: Symbol::from(SYMBOL), ticks, rounds }
}

/// Walks: each tick multiplies the price by one and a normal draw.
fn ticks(from: Timestamp, to: Timestamp, seed: u64) -> Vec<Tick> {
    let mut dice = Dice::new(seed, "walk");
    // A second carries a nine-hundredth of the variance of 15 minutes: a thirtieth of the deviation.
    let (calm, wild) = TEMPER;
    let mut price = FIRST_USD * 1_000_000;
    let mut temper = 1_000;
    let mut ticks = Vec::new();
    let mut at = from;
    for second in 0_u64.. {
        if to <= at {
            break;
        }
        if second % TEMPER_LASTS == 0 {
            temper = dice.between(calm, wild);
        }
        let scale = i128::from(SIGMA) * i128::from(temper) * i128::from(dice.normal());
        let step = i128::from(price) * scale / 30 / 1_000_000_000_000_000;
        price += i64::try_from(step).unwrap_or(0);
        // In cents: a price feed of a synthetic coin need not be finer.
        let cents = price.div_euclid(10_000) * 10_000;
        let late = u64::try_from(dice.between(0, LATE_MICROS)).unwrap_or(0);
        if let Ok(price) = Usdc::from_micros(cents) {
            ticks.push(Tick { at: at + Duration::from_micros(late), price });
        }
        at = at + TICK;
    }
    ticks
}

/// Returns the market of a window: its strike is the first price in it, and the last price in it decides.
fn round(opens_at: Timestamp, ticks: &[Tick], seed: u64) -> Option<Round> {
    let closes_at = opens_at + WINDOW;
    let strike = ticks.get(ticks.partition_point(|tick| tick.at < opens_at))?.price;
    let last = ticks.partition_point(|tick| tick.at <= closes_at).checked_sub(1)?;
    let is_up = strike <= ticks.get(last)?.price;
    let seconds = opens_at.micros() / 1_000_000;
    let slug = format!("eth-updown-5m-{seconds}");
    let one = Usdc::from_micros(1_000_000).unwrap_or_default();
    let payouts = if is_up { [one, Usdc::ZERO] } else { [Usdc::ZERO, one] };
    let market = Market {
        id: id(seed, &slug),
        slug: slug.into(),
        question: format!("Ethereum up or down? (invented, window of 5 minutes from {opens_at})")
            .into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: super::min_size(),
        fees: fees("0.07").unwrap_or(FeeSchedule::FREE),
        opens_at,
        closes_at,
        strike_usd: None,
        event: None,
    };
    Some(Round { market, strike: Some(strike), payouts, resolved_at: closes_at + SETTLED_AFTER })
}

/// Returns an id that no venue gave.
pub(super) fn id(seed: u64, slug: &str) -> ConditionId {
    let mut dice = Dice::new(seed, &format!("id of {slug}"));
    let mut bytes = [0; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&dice.next().to_be_bytes());
    }
    ConditionId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: u64) -> Day {
        day("2026-09-28T09:00:00Z".parse().unwrap(), seed)
    }

    #[test]
    fn windows_follow_each_other_and_each_is_decided_by_its_own_ticks() {
        let day = made(1);
        assert_eq!(day.rounds.len(), 24);
        let mut opens: Timestamp = "2026-09-28T09:05:00Z".parse().unwrap();
        for round in &day.rounds {
            assert_eq!(round.market.opens_at, opens);
            opens = round.market.closes_at;
            let within: Vec<&Tick> = day
                .ticks
                .iter()
                .filter(|tick| round.market.opens_at <= tick.at && tick.at <= opens)
                .collect();
            let (first, last) = (within.first().unwrap(), within.last().unwrap());
            assert_eq!(round.strike, Some(first.price));
            let up = round.payouts[0] == "1".parse().unwrap();
            assert_eq!(up, first.price <= last.price);
        }
        assert_ne!(day.rounds[0].market.id, day.rounds[1].market.id);
    }

    #[test]
    fn the_walk_is_by_time_and_moves_as_much_as_it_says() {
        let day = made(2);
        assert!(day.ticks.is_sorted_by_key(|tick| tick.at));
        assert_eq!(day.ticks.len(), 7_440);
        let squares: Vec<i128> = day
            .ticks
            .windows(2)
            .map(|pair| i128::from(pair[1].price.micros() - pair[0].price.micros()).pow(2))
            .collect();
        let mean = squares.iter().sum::<i128>() / i128::try_from(squares.len()).unwrap();
        // 2500 USD · 0.3 % / 30 is 0.25 USD a second; calm and wild times make it a little more.
        let deviation = mean.isqrt();
        assert!((200_000..420_000).contains(&deviation), "{deviation}");
    }
}
