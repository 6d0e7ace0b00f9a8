//! The account's guard: what several strategies may do together, and never with each other.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::order::{ClientOrderId, DoneCause, OrderEvent, Update};
use crate::risk::{AccountGuard, AccountLimits, AccountRule};

fn account() -> AccountGuard {
    AccountGuard::new(AccountLimits {
        market_exposure_max_usdc: usdc("50"),
        exposure_max_usdc: usdc("80"),
        open_orders_max: 3,
    })
}

/// Reads an intent, as `entry buy 100 yes at 0.33 gtc in 1`.
fn order(text: &str) -> Intent {
    let words: Vec<&str> = text.split(' ').collect();
    let [purpose, side, size, outcome, "at", limit, rests, "in", market] = words[..] else {
        panic!("{text}")
    };
    Intent {
        market: ConditionId::from_bytes([market.parse().unwrap(); 32]),
        outcome: if outcome == "yes" { Outcome::Yes } else { Outcome::No },
        side: if side == "buy" { Side::Buy } else { Side::Sell },
        limit: limit.parse().unwrap(),
        size: size.parse().unwrap(),
        time_in_force: if rests == "gtc" { TimeInForce::Gtc } else { TimeInForce::Fak },
        purpose: match purpose {
            "entry" => Purpose::Entry,
            "exit" => Purpose::Exit,
            other => panic!("{other}"),
        },
    }
}

fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

/// The one place that asks the account.
fn ask(account: &AccountGuard, number: &str, text: &str) -> Result<(), String> {
    account.check(&id(number), &order(text), Usdc::ZERO).map_err(|no| {
        let other = no.other.map(|other| format!(", {other}")).unwrap_or_default();
        format!("{:?} {} of {}{other}", no.rule, no.used, no.limit)
    })
}

fn reserve(account: &mut AccountGuard, number: &str, text: &str) {
    account.reserve(&id(number), order(text), Usdc::ZERO);
}

fn told(account: &mut AccountGuard, number: &str, update: Update) {
    let event = OrderEvent { at: NOW, order: id(number), update };
    account.update(&event).unwrap();
}

fn filled(account: &mut AccountGuard, number: &str, text: &str) {
    let Intent { market, outcome, side, limit, size, .. } = order(text);
    let order = id(number);
    let liquidity = Liquidity::Taker;
    let (fee, at) = (Usdc::ZERO, NOW);
    let fill =
        Fill { number: 1, order, market, outcome, side, price: limit, size, fee, liquidity, at };
    told(account, number, Update::Filled(fill.clone()));
    // What is told twice is booked once.
    told(account, number, Update::Filled(fill));
}

fn ended(account: &mut AccountGuard, number: &str) {
    told(account, number, Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled });
}

#[test]
fn an_order_that_another_strategys_could_meet_is_refused() {
    let check = |resting: &str, wanted: &str, expected: Result<(), String>| {
        let mut account = account();
        reserve(&mut account, "a:1", resting);
        assert_eq!(ask(&account, "b:1", wanted), expected, "{resting} | {wanted}");
    };
    let bid = "entry buy 10 yes at 0.60 gtc in 1";
    let refused = |used: &str| refused(&format!("SelfCross {used} of 0.6, a:1"));
    check(bid, "exit sell 10 yes at 0.60 fak in 1", refused("0.6"));
    check(bid, "exit sell 10 yes at 0.59 fak in 1", refused("0.59"));
    check(bid, "exit sell 10 yes at 0.61 fak in 1", Ok(()));
    // Two purchases that pay one USDC together make a pair.
    check(bid, "entry buy 10 no at 0.40 fak in 1", refused("0.6"));
    check(bid, "entry buy 10 no at 0.39 fak in 1", Ok(()));
    // The same side never meets, nor does another market.
    check(bid, "entry buy 10 yes at 0.60 fak in 1", Ok(()));
    check(bid, "exit sell 10 no at 0.40 fak in 1", Ok(()));
    check(bid, "exit sell 10 yes at 0.60 fak in 2", Ok(()));
    // Two sales that ask no more than one USDC together burn a pair.
    let offer = "exit sell 10 no at 0.40 gtc in 1";
    check(offer, "exit sell 10 yes at 0.60 fak in 1", refused("0.6"));
    check(offer, "exit sell 10 yes at 0.61 fak in 1", Ok(()));
    // Of two that both end at once neither waits for the other; one that is to rest may be met by one on its way.
    let brief = "entry buy 10 yes at 0.60 fak in 1";
    check(brief, "exit sell 10 yes at 0.60 fak in 1", Ok(()));
    check(brief, "exit sell 10 yes at 0.60 gtc in 1", refused("0.6"));
}

#[test]
fn a_strategys_own_orders_and_those_that_have_ended_stand_in_nobodys_way() {
    let mut account = account();
    let (bid, sale) = ("entry buy 10 yes at 0.60 gtc in 1", "exit sell 10 yes at 0.50 fak in 1");
    reserve(&mut account, "a:1", bid);
    assert_eq!(ask(&account, "a:2", sale), Ok(()));
    assert!(ask(&account, "b:1", sale).is_err());
    told(&mut account, "a:1", Update::Submitted(Submission::Unknown));
    assert!(ask(&account, "b:1", sale).is_err(), "an order whose answer was lost may rest");
    filled(&mut account, "a:1", bid);
    assert_eq!(ask(&account, "b:1", sale), Ok(()), "nothing of it is left to be met");
    ended(&mut account, "a:1");
    assert_eq!(account.open_orders(), 0);
    assert_eq!(account.exposure(), usdc("6"));
}

#[test]
fn what_all_strategies_hold_and_have_open_counts_as_exposure() {
    let mut account = account();
    filled(&mut account, "a:1", "entry buy 50 yes at 0.40 fak in 1");
    reserve(&mut account, "b:1", "entry buy 40 yes at 0.50 fak in 1");
    assert_eq!(ask(&account, "c:1", "entry buy 20 yes at 0.50 fak in 1"), Ok(()));
    let no = ask(&account, "c:1", "entry buy 21 yes at 0.50 fak in 1");
    assert_eq!(no, refused("MarketExposure 50.5 of 50"));
    assert_eq!(ask(&account, "c:1", "entry buy 80 yes at 0.50 fak in 2"), Ok(()));
    let no = ask(&account, "c:1", "entry buy 81 yes at 0.50 fak in 2");
    assert_eq!(no, refused("Exposure 80.5 of 80"));
    // A refusal gives back what was reserved.
    let refusal = Submission::Rejected { reason: "no".into(), origin: crate::order::Origin::Venue };
    told(&mut account, "b:1", Update::Submitted(refusal));
    assert_eq!(account.exposure(), usdc("20"));
    // A settled market is at risk no more.
    account.settle(ConditionId::from_bytes([1; 32]), [usdc("1"), Usdc::ZERO]);
    assert_eq!(account.exposure(), Usdc::ZERO);
}

#[test]
fn yes_of_one_strategy_and_no_of_another_are_pairs() {
    let mut account = account();
    filled(&mut account, "a:1", "entry buy 100 yes at 0.45 fak in 1");
    filled(&mut account, "b:1", "entry buy 100 no at 0.50 fak in 1");
    assert_eq!(account.exposure(), Usdc::ZERO);
    filled(&mut account, "b:2", "exit sell 100 no at 0.50 fak in 1");
    assert_eq!(account.exposure(), usdc("45"));
}

#[test]
fn protection_passes_however_much_all_strategies_have_open() {
    let mut account = account();
    for number in ["a:1", "b:1", "c:1"] {
        reserve(&mut account, number, "entry buy 100 yes at 0.40 fak in 1");
    }
    let no = ask(&account, "d:1", "entry buy 10 yes at 0.40 fak in 2");
    assert_eq!(no, refused("OpenOrders 4 of 3"));
    assert_eq!(ask(&account, "d:1", "exit sell 100 yes at 0.40 fak in 1"), Ok(()));
}

fn any_order() -> impl Strategy<Value = (u8, Intent)> {
    let purposes = select(vec!["entry buy", "exit sell"]);
    let prices = select(vec!["0.3", "0.4", "0.5", "0.6", "0.7"]);
    let outcomes = select(vec!["yes", "no"]);
    let rests = select(vec!["gtc", "fak"]);
    (0..3_u8, purposes, outcomes, prices, rests, 1..3_u8).prop_map(|(who, p, o, price, r, m)| {
        (who, order(&format!("{p} 10 {o} at {price} {r} in {m}")))
    })
}

proptest! {
    /// Whatever is asked in whatever order, what is let in never crosses, and stays within every limit.
    #[test]
    fn what_was_let_in_keeps_every_limit_of_the_account(
        orders in prop::collection::vec(any_order(), 0..12),
    ) {
        let mut account = account();
        let mut open: Vec<(u8, Intent)> = Vec::new();
        for (number, (who, intent)) in (1..).zip(orders) {
            let id = ClientOrderId { strategy: format!("s{who}").parse().unwrap(), number };
            let Err(no) = account.check(&id, &intent, Usdc::ZERO) else {
                account.reserve(&id, intent, Usdc::ZERO);
                open.push((who, intent));
                continue;
            };
            prop_assert_eq!(no.other.is_some(), no.rule == AccountRule::SelfCross);
        }
        // What an order pays for yes, or takes for no: reckoned in another way than the guard's.
        let yes = |intent: &Intent| {
            let price = intent.limit.micros();
            let price = if intent.outcome == Outcome::Yes { price } else { 1_000_000 - price };
            let buys = (intent.outcome == Outcome::Yes) == (intent.side == Side::Buy);
            (buys, price)
        };
        for (who, bid) in open.iter().filter(|(_, intent)| yes(intent).0) {
            for (other, ask) in open.iter().filter(|(_, intent)| !yes(intent).0) {
                let rests = [bid, ask].iter().any(|one| one.time_in_force == TimeInForce::Gtc);
                let meets = yes(ask).1 <= yes(bid).1 && bid.market == ask.market;
                prop_assert!(who == other || !rests || !meets, "{bid:?} {ask:?}");
            }
        }
        prop_assert!(account.exposure() <= usdc("80"));
        let entries = open.iter().filter(|(_, intent)| intent.purpose == Purpose::Entry).count();
        prop_assert!(entries <= 3);
    }
}
